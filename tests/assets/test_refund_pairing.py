"""Refunds that name no common reference: paired by order, payment, amount and time, or not."""

from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import Connection

from assets import registry
from assets.refunds.pairing import pair_refunds
from resources.registry import default_resources
from sandbox.runner import Sandbox
from schemabase_dagster.engine.decisions import decide
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.tenancy import App, Tenant
from tests.support.rows import rows, value, versions

ONE, OTHER = uuid4(), uuid4()
PULLED = (
    "saleor_orders", "zoho_sales_orders", "zoho_invoices", "zoho_credit_notes",
    "zoho_customer_payments", "braintree_transactions", "braintree_fee_report",
)  # fmt: skip
LATE = ("saleor_refunds", "braintree_refunds", "zoho_credit_note_refunds", "zoho_credit_notes")
PARENTS = (
    "saleor_orders", "saleor_transactions", "saleor_payments", "zoho_sales_orders",
    "zoho_invoices", "zoho_customer_payments", "braintree_payments",
)  # fmt: skip
TABLES = ("core.refunds", "core.refund_allocations", "core.external_ref", "platform.match_pair")
CONTENT = """
SELECT f.refund_key, f.status, f.amount, p.reference_number,
    (SELECT array_agg((o.order_number, n.credit_note_number, al.amount)::text
        ORDER BY o.order_number, n.credit_note_number)
     FROM core.refund_allocations AS al
     LEFT JOIN core.orders AS o ON o.id = al.order_id
     LEFT JOIN core.credit_notes AS n ON n.id = al.credit_note_id
     WHERE al.refund_id = f.id) AS concerns,
    (SELECT array_agg(x.external_id ORDER BY x.external_id) FROM core.external_ref AS x
     WHERE x.entity = 'refund' AND x.core_id = f.id AND x.deleted_at IS NULL) AS records
FROM core.refunds AS f
LEFT JOIN core.payments AS p ON p.id = f.payment_id
WHERE f.deleted_at IS NULL
ORDER BY f.refund_key
"""
UNREFERENCED = """
SELECT count(*) FROM core.refunds WHERE starts_with(refund_key, 'zoho:') AND deleted_at IS NULL
"""


def said(role: str, amount: str, day: int = 10, payment: UUID | None = None, **attrs: str) -> Any:
    """One record of a refund; a group of one."""
    told = {"amount": amount, "currency": "EUR", "state": "done", "at": f"2026-03-{day:02}"}
    return [{"role": role, "payment_id": payment, "attrs": {**told, **attrs}}]


SHOP, GATEWAY, BOOKS = said("shop", "30.00"), said("gateway", "30.00"), said("erp", "30.00")
FAILED = said("gateway", "30.00", state="failed")


@pytest.mark.parametrize(
    ("groups", "pairs"),
    [
        pytest.param([GATEWAY, BOOKS], [(1, 0)], id="books with the gateway"),
        pytest.param([SHOP, BOOKS], [(1, 0)], id="books with the shop"),
        pytest.param([SHOP, GATEWAY, BOOKS], [(0, 1), (2, 1)], id="all three"),
        pytest.param([GATEWAY + SHOP, BOOKS], [(1, 0)], id="books with what a key holds together"),
        pytest.param([GATEWAY + BOOKS, BOOKS], [], id="booked already"),
        pytest.param([GATEWAY, GATEWAY, BOOKS], [], id="two refunds, one booking"),
        pytest.param([GATEWAY, BOOKS, BOOKS], [], id="one refund, two bookings"),
        pytest.param([GATEWAY, said("erp", "29.75")], [], id="another amount"),
        pytest.param([GATEWAY, said("erp", "30.00", currency="USD")], [], id="another currency"),
        pytest.param([GATEWAY, said("erp", "30.00", 20)], [(1, 0)], id="ten days later"),
        pytest.param([GATEWAY, said("erp", "30.00", 21)], [], id="eleven days later"),
        pytest.param([GATEWAY, said("shop", "30.00", 13)], [(1, 0)], id="shop three days later"),
        pytest.param([GATEWAY, said("shop", "30.00", 14)], [], id="shop four days later"),
        pytest.param(
            [said("gateway", "30.00", payment=ONE), said("erp", "30.00", payment=OTHER)],
            [], id="of another payment",
        ),
        pytest.param(
            [said("gateway", "30.00", payment=ONE), said("erp", "30.00", payment=ONE)],
            [(1, 0)], id="of the same payment",
        ),
        pytest.param([GATEWAY, said("erp", "30.00", method="bank_transfer")], [], id="transferred"),
        pytest.param([FAILED, GATEWAY, BOOKS], [(2, 1)], id="what was done before what failed"),
        pytest.param([FAILED, BOOKS], [(1, 0)], id="booked although it failed"),
        pytest.param([said("gateway", "30.00", state="void"), BOOKS], [], id="never was"),
        pytest.param(
            [GATEWAY, said("erp", "20.00"), said("erp", "10.00")],
            [(1, 0), (2, 0)], id="booked in two parts",
        ),
        pytest.param(
            [GATEWAY, said("erp", "10.00") + said("erp", "5.00"), said("erp", "15.00")],
            [(1, 0), (2, 0)], id="parts of one reference add up",
        ),
        pytest.param(
            [GATEWAY, said("erp", "20.00"), said("erp", "10.00"), said("erp", "10.00")],
            [], id="two ways to add up",
        ),
        pytest.param(
            [GATEWAY, *(said("erp", "7.50") for _ in range(4))], [], id="more than three parts"
        ),
    ],
)  # fmt: skip
def test_only_what_is_certain_is_paired(groups: list[Any], pairs: list[tuple[int, int]]):
    assert sorted(pair_refunds(groups)) == pairs


@pytest.fixture
def apps(zoho_app: App, saleor_app: App, braintree_app: App) -> dict[str, App]:
    return {"zoho": zoho_app, "saleor": saleor_app, "braintree": braintree_app}


def pull(apps: dict[str, App]) -> None:
    for stream in PULLED:
        app = apps[stream.partition("_")[0]]
        with default_resources()[app.type].open(app) as client:
            sync_stream(client, registry.streams()[stream], app, PullOptions())


def merge(tenant: Tenant, times: int = 2) -> int:
    """Merge all entities; more than once, as one may queue records of an earlier one."""
    return sum(
        merge_entity(entity, tenant, registry.streams()).changed
        for _ in range(times)
        for entity in registry.entities().values()
    )


def test_every_order_of_arrival_gives_the_same_refunds(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, apps: dict[str, App]
):
    made = sandbox.control.refund_without_reference("acme", [[3000], [1000, 2000], [3000, 3000]])
    sandbox.control.repeat_refund("acme", made[0])
    pull(apps)
    outcomes = []

    for order in list(permutations(LATE))[::6]:  # each comes first once
        conn.execute(
            "TRUNCATE core.refunds, core.credit_notes, core.payments, core.external_ref, "
            "platform.match_pair, platform.todo, platform.parent_key CASCADE"
        )
        for stream in order:
            replay(tenant, [registry.streams()[stream]])
            merge(tenant, 1)
        replay(tenant, (registry.streams()[stream] for stream in PARENTS))
        merge(tenant)
        outcomes.append(rows(conn, CONTENT))

    assert {each["refund_key"] for each in outcomes[0]} > set(made)
    for outcome in outcomes:
        assert outcome == outcomes[0]
    split, whole = ([r for r in outcomes[0] if r["refund_key"] == key] for key in made[1:])
    assert [len(split[0]["concerns"]), len(whole[0]["concerns"])] == [3, 3]
    # The first refund was sent twice: the booking could be either, and stays alone.
    assert value(conn, UNREFERENCED) == 1


def test_what_a_later_refund_makes_uncertain_is_parted_again(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, apps: dict[str, App]
):
    (first,) = sandbox.control.refund_without_reference("acme", [[3000]])
    pull(apps)
    merge(tenant)
    alone = value(conn, UNREFERENCED)
    second = sandbox.control.repeat_refund("acme", first)
    pull(apps)
    merge(tenant)

    found = {row["refund_key"]: row for row in rows(conn, CONTENT)}

    assert alone == 0
    assert value(conn, UNREFERENCED) == 1
    assert {first, second} < found.keys()
    assert not any("CN-" in str(found[key]["concerns"]) for key in (first, second))


def test_pairs_survive_a_replay_that_writes_nothing(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, apps: dict[str, App]
):
    sandbox.control.refund_without_reference("acme", [[3000], [1000, 2000]])
    pull(apps)
    merge(tenant)
    before = {table: versions(conn, table) for table in TABLES}

    replay(tenant, registry.streams().values())
    changed = merge(tenant)

    assert changed == 0
    assert {table: versions(conn, table) for table in TABLES} == before
    assert value(conn, "SELECT count(*) FROM platform.match_pair") == 3
    assert value(conn, UNREFERENCED) == 0


def test_a_person_parts_what_was_paired(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, apps: dict[str, App]
):
    (refund,) = sandbox.control.refund_without_reference("acme", [[3000]])
    pull(apps)
    merge(tenant)
    booked = value(conn, "SELECT external_id FROM platform.match_pair")

    decide(
        tenant, "refund", "split",
        record=(apps["zoho"].key, booked), other=(apps["braintree"].key, refund),
    )  # fmt: skip
    merge(tenant)

    assert value(conn, UNREFERENCED) == 1
    assert value(conn, "SELECT count(*) FROM platform.match_pair") == 0
