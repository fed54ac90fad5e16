"""Field authority: who decides which column of a row, whatever comes first (canonical-model C3)."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.contacts.canonical import CONTACTS
from assets.orders.canonical import ORDERS
from schemabase_dagster.engine.authority import Priorities, decide
from schemabase_dagster.engine.entity import Child, Claim, Entity, FieldGroup
from schemabase_dagster.systems import Role
from schemabase_dagster.tables.sales import order_lines
from tests.factories import NOON, at

SHOP, ERP, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
LINES = Child("lines", order_lines, "order_id", ("sku",), fill=("tax", "warehouse"))


def claim(
    app: UUID = SHOP,
    role: Role = "shop",
    values: Mapping[str, Any] | None = None,
    *,
    owner: bool | None = None,
    stale: bool = False,
    modified: datetime | None = NOON,
    external_id: str = "1",
    lines: Sequence[Mapping[str, Any]] = (),
) -> Claim:
    return Claim(
        app_id=app,
        app_key={SHOP: "shop", ERP: "books", OTHER: "other"}[app],
        system={SHOP: "saleor", ERP: "zoho", OTHER: "xentral"}[app],
        role=role,
        external_id=external_id,
        is_owner=role == "shop" if owner is None else owner,
        stale=stale,
        source_updated_at=modified,
        values=values or {},
        children={"lines": lines},
    )


def shop(values: Mapping[str, Any], **facts: Any) -> Claim:
    return claim(SHOP, "shop", values, **facts)


def erp(values: Mapping[str, Any], **facts: Any) -> Claim:
    return claim(ERP, "erp", values, **facts)


def entity(*groups: FieldGroup, defaults: Mapping[str, Any] | None = None) -> Entity:
    return dataclasses.replace(
        ORDERS, groups=groups, children=(LINES,), totals=None, defaults=defaults or {}
    )


def values_of(group: FieldGroup, *claims: Claim, priorities: Priorities | None = None) -> Any:
    return decide(entity(group), claims, priorities or {}).values


OWNER_FIRST = FieldGroup("g", ("a", "b"), ("owner", "erp"))
ERP_FIRST = FieldGroup("g", ("a", "b"), ("erp", "owner"))
ATOMIC = FieldGroup("g", ("a", "b"), ("owner", "erp"), atomic=True)


@pytest.mark.parametrize(
    ("group", "claims", "expected"),
    [
        pytest.param(OWNER_FIRST, [shop({"a": 1}), erp({"a": 2})], {"a": 1, "b": None}, id="owner"),
        pytest.param(ERP_FIRST, [shop({"a": 1}), erp({"a": 2})], {"a": 2, "b": None}, id="erp"),
        pytest.param(
            FieldGroup("g", ("a",), ("shop", "erp")),
            [claim(SHOP, "shop", {"a": 1}, owner=False), erp({"a": 2}, owner=True)],
            {"a": 1},
            id="a role that does not own the row",
        ),
        pytest.param(
            FieldGroup("g", ("a",), ("erp", "shop")),
            [claim(OTHER, "warehouse", {"a": 3}), claim(SHOP, "shop", {"a": 1}, owner=False)],
            {"a": 1},
            id="a role that is not named comes last",
        ),
        pytest.param(
            FieldGroup("g", ("a",), ("erp", "owner")),
            [erp({"a": 2}, owner=True), shop({"a": 1}, owner=False)],
            {"a": 2},
            id="the better of two ranks of one source",
        ),
    ],
)
def test_the_best_source_decides(group: FieldGroup, claims: list[Claim], expected: dict[str, Any]):
    assert values_of(group, *claims) == expected
    assert values_of(group, *reversed(claims)) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param({"modified": NOON}, {"modified": at(1)}, id="newer"),
        pytest.param({"modified": None}, {"modified": NOON}, id="with a time"),
        pytest.param({"external_id": "2"}, {"external_id": "1"}, id="smaller id at one time"),
    ],
)
def test_of_equals_the_newer_one_decides(old: dict[str, Any], new: dict[str, Any]):
    claims = [erp({"a": "old"}, **old), erp({"a": "new"}, **new)]

    assert values_of(ERP_FIRST, *claims)["a"] == "new"
    assert values_of(ERP_FIRST, *reversed(claims))["a"] == "new"


def test_time_never_beats_authority():
    late = erp({"a": "late"}, modified=at(9000))

    assert values_of(OWNER_FIRST, shop({"a": "owner"}), late)["a"] == "owner"


def test_a_stale_source_loses_its_authority_but_is_better_than_none():
    stale = shop({"a": 1}, stale=True)

    assert values_of(OWNER_FIRST, stale, erp({"a": 2}))["a"] == 2
    assert values_of(OWNER_FIRST, stale) == {"a": 1, "b": None}


def test_two_stale_sources_keep_their_order():
    claims = [erp({"a": 2}, stale=True), shop({"a": 1}, stale=True)]

    assert values_of(OWNER_FIRST, *claims)["a"] == 1


def test_a_tenants_own_order_replaces_the_default():
    claims = [shop({"a": 1}), erp({"a": 2})]

    assert values_of(OWNER_FIRST, *claims, priorities={("g", ERP): 1, ("g", SHOP): 2})["a"] == 2
    assert values_of(OWNER_FIRST, *claims, priorities={("h", ERP): 1, ("h", SHOP): 2})["a"] == 1
    assert values_of(OWNER_FIRST, *claims, priorities={("g", ERP): 0})["a"] == 2


def test_a_tenants_own_order_does_not_save_a_stale_source():
    claims = [shop({"a": 1}), erp({"a": 2}, stale=True)]

    assert values_of(OWNER_FIRST, *claims, priorities={("g", ERP): 1, ("g", SHOP): 2})["a"] == 1


@pytest.mark.parametrize(
    ("group", "claims", "expected"),
    [
        pytest.param(
            OWNER_FIRST, [shop({"a": 1}), erp({"a": 2, "b": 5})], {"a": 1, "b": 5},
            id="a gap is filled by the next source",
        ),
        pytest.param(
            OWNER_FIRST, [shop({"a": 1, "b": None}), erp({"b": 5})], {"a": 1, "b": None},
            id="null of the best source erases",
        ),
        pytest.param(
            ERP_FIRST,
            [claim(OTHER, "erp", {}, modified=at(5)), erp({"a": 1, "b": None}), shop({"b": 5})],
            {"a": 1, "b": 5},
            id="null of a lesser source does not",
        ),
        pytest.param(
            OWNER_FIRST, [shop({}), erp({"a": 2})], {"a": 2, "b": None},
            id="a silent source does not decide",
        ),
        pytest.param(
            OWNER_FIRST, [shop({"a": None, "b": None}), erp({"a": 2})], {"a": 2, "b": None},
            id="one that says nothing does not decide",
        ),
        pytest.param(
            ATOMIC, [shop({"a": 1}), erp({"a": 2, "b": 5})], {"a": 1, "b": None},
            id="amounts of one document stay together",
        ),
        pytest.param(OWNER_FIRST, [shop({"a": False}), erp({"a": True})], {"a": False, "b": None},
                     id="false is a value"),
        pytest.param(OWNER_FIRST, [shop({"a": 0}), erp({"a": 9})], {"a": 0, "b": None},
                     id="zero is a value"),
    ],
)  # fmt: skip
def test_null_never_erases(group: FieldGroup, claims: list[Claim], expected: dict[str, Any]):
    assert values_of(group, *claims) == expected


def test_a_default_stands_where_nobody_says_anything():
    described = entity(OWNER_FIRST, defaults={"a": "unknown", "b": "none"})

    silent = decide(described, [shop({"b": 5})], {})

    assert silent.values == {"a": "unknown", "b": 5}


def test_null_of_the_best_source_does_not_replace_a_default():
    described = entity(OWNER_FIRST, defaults={"a": "unknown"})

    assert decide(described, [shop({"a": None, "b": 1})], {}).values["a"] == "unknown"


def test_every_group_names_who_decided_it():
    groups = (
        FieldGroup("identity", ("a",), ("owner",)),
        FieldGroup("logistics", ("b",), ("erp", "owner")),
        FieldGroup("silent", ("c",), ("owner",)),
    )

    decided = decide(
        entity(*groups), [shop({"a": 1}, modified=None), erp({"a": 2, "b": 3}, modified=at(5))], {}
    )

    assert decided.sources == {
        "identity": {"app": "shop", "at": None},
        "logistics": {"app": "books", "at": at(5).isoformat()},
    }


def test_a_rule_of_its_own_gets_the_claims_in_order():
    seen: list[str] = []

    def rule(claims: Sequence[Claim]) -> Mapping[str, Any]:
        seen.extend(claim.app_key for claim in claims)
        return {"a": "ruled"}

    group = FieldGroup("g", ("a",), ("erp", "owner"), decide=rule)
    decided = decide(entity(group), [shop({"a": 1}), erp({"a": 2})], {})

    assert (decided.values, seen) == ({"a": "ruled"}, ["books", "shop"])


def lines_of(*claims: Claim, priorities: Priorities | None = None) -> list[dict[str, Any]]:
    return decide(entity(), claims, priorities or {}).children["lines"]


def test_the_owners_lines_count_and_gaps_are_filled():
    own = {"sku": "A", "price": 10, "tax": None, "source_id": "L1"}
    other = {"sku": "A", "price": 99, "tax": 19, "warehouse": "W", "source_id": "7"}

    (line,) = lines_of(erp({}, lines=[other]), shop({}, lines=[own]))

    assert line == {
        "sku": "A",
        "price": 10,
        "tax": 19,
        "warehouse": "W",
        "sources": {"by": "shop", "shop": "L1", "books": "7"},
    }


def test_what_may_be_filled_is_not_replaced():
    (line,) = lines_of(
        shop({}, lines=[{"sku": "A", "tax": 7}]), erp({}, lines=[{"sku": "A", "tax": 19}])
    )

    assert line["tax"] == 7


def test_a_line_that_only_another_source_has_is_a_line():
    freight = {"sku": "FREIGHT", "price": 5, "source_id": "8"}

    lines = lines_of(shop({}, lines=[{"sku": "A"}]), erp({}, lines=[freight]))

    assert [line["sku"] for line in lines] == ["A", "FREIGHT"]
    assert lines[1]["sources"] == {"by": "books", "books": "8"}
    assert lines[0]["sources"] == {"by": "shop"}


def test_a_tenants_own_order_counts_for_lines_too():
    claims = [shop({}, lines=[{"sku": "A", "q": 1}]), erp({}, lines=[{"sku": "A", "q": 2}])]

    assert lines_of(*claims)[0]["q"] == 1
    assert lines_of(*claims, priorities={("lines", ERP): 1, ("lines", SHOP): 2})[0]["q"] == 2


ROLES: list[Role] = ["shop", "erp"]
CLAIMS = st.lists(
    st.builds(
        lambda app, values, stale, seconds, lines: claim(
            app[0], app[1], values, stale=stale, modified=at(seconds), lines=lines
        ),
        st.sampled_from([(SHOP, "shop"), (ERP, "erp"), (OTHER, "erp")]),
        st.dictionaries(
            st.sampled_from(["order_number", "total_gross", "carrier", "status", "first_name"]),
            st.sampled_from([None, "x", "y"]),
        ),
        st.booleans(),
        st.integers(0, 2),
        st.lists(
            st.sampled_from([{"sku": "A", "tax": 1, "quantity": 2}, {"sku": "B", "quantity": 3}]),
            max_size=2,
            unique_by=str,
        ),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda item: item.app_id,
)


@given(CLAIMS.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_order_of_arrival_decides_nothing(orders: tuple[list[Claim], list[Claim]]):
    described = dataclasses.replace(ORDERS, children=(LINES,))

    first, second = (decide(described, claims, {}) for claims in orders)

    assert first == second


@pytest.mark.parametrize(
    ("owner", "other", "status"),
    [
        pytest.param("confirmed", None, "confirmed", id="the owner tells"),
        pytest.param("confirmed", "draft", "confirmed", id="the erp does not tell otherwise"),
        pytest.param("confirmed", "closed", "closed", id="the erp closes"),
        pytest.param("canceled", "closed", "canceled", id="the owner cancels"),
        pytest.param("confirmed", "canceled", "confirmed", id="the erp does not cancel"),
        pytest.param(None, "confirmed", "confirmed", id="the erp alone"),
        pytest.param(None, None, "draft", id="nobody"),
    ],
)
def test_status_of_an_order(owner: str | None, other: str | None, status: str):
    claims = [shop({"status": owner}), erp({"status": other})]

    assert decide(ORDERS, claims, {}).values["status"] == status


@pytest.mark.parametrize(
    ("owner", "other", "ready"),
    [
        (True, None, True), (True, False, False), (False, True, True), (None, None, False)
    ],
)  # fmt: skip
def test_the_erps_flag_decides_whether_the_warehouse_may_start(
    owner: bool | None, other: bool | None, ready: bool
):
    claims = [shop({"ready_to_fulfill": owner}), erp({"ready_to_fulfill": other})]

    assert decide(ORDERS, claims, {}).values["ready_to_fulfill"] is ready


def test_flags_of_a_contact_are_united():
    customer = erp({"is_customer": True, "is_vendor": False}, owner=False)
    vendor = claim(OTHER, "erp", {"is_customer": False, "is_vendor": True}, owner=False)

    values = decide(CONTACTS, [customer, vendor], {}).values

    assert (values["is_customer"], values["is_vendor"]) == (True, True)


def test_amounts_of_an_order_come_from_one_document():
    claims = [
        shop({"currency": "EUR", "total_gross": 10, "discount_net": None}),
        erp({"currency": "USD", "total_gross": 11, "discount_net": 2, "adjustment": 1}),
    ]

    values = decide(ORDERS, claims, {}).values

    assert (values["currency"], values["total_gross"]) == ("EUR", 10)
    assert (values["discount_net"], values["adjustment"]) == (None, None)
