"""What a person decided about a conflict holds, also after a rebuild."""

from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from assets import registry
from schemabase_dagster.engine.decisions import decide
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import (
    saleor_order,
    zoho_order,
)
from tests.schemabase_dagster.engine.merging import ORDERS, SHOP_ORDERS, kinds, row_of
from tests.support.rows import count, one, rows, value


@pytest.fixture
def apart(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
) -> tuple[UUID, UUID]:
    """Two rows of two systems that no number joins: shop's, books'."""
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    put(books, ORDERS, zoho_order("1", "SO-1"))
    merge(tenant, "order")
    return row_of(conn, shop, "a"), row_of(conn, books, "1")


def test_a_decision_to_link_survives_a_rebuild(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, apart, merge
):
    decide(tenant, "order", "link", record=("books", "1"), other=("shop", "a"), note="by phone")

    merge(tenant, "order")
    linked = (row_of(conn, shop, "a"), row_of(conn, books, "1"))
    replay(tenant, registry.streams().values())
    again = merge(tenant, "order")
    conn.execute("TRUNCATE core.external_ref, core.orders CASCADE")
    replay(tenant, registry.streams().values())
    merge(tenant, "order")

    assert linked[0] == linked[1]
    assert again.unchanged == 2
    assert row_of(conn, shop, "a") == row_of(conn, books, "1")
    assert value(conn, "SELECT note FROM platform.match_decision") == "by phone"


def test_the_latest_decision_counts_in_whichever_order_it_names_the_two(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, apart, merge
):
    decide(tenant, "order", "link", record=("books", "1"), other=("shop", "a"))
    merge(tenant, "order")

    decide(tenant, "order", "split", record=("shop", "a"), other=("books", "1"))
    merge(tenant, "order")

    assert row_of(conn, shop, "a") != row_of(conn, books, "1")
    decision = one(conn, "SELECT kind, app_id, note FROM platform.match_decision")
    assert decision == {"kind": "split", "app_id": shop.id, "note": None}


def test_a_decision_closes_the_conflicts_of_both_records(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, *(zoho_order(each, "SO-1") for each in ("1", "2", "3")))
    merge(tenant, "order")

    decide(tenant, "order", "split", record=("books", "1"), other=("books", "2"))

    assert {external_id for external_id, _ in kinds(conn)} == {"3"}
    closed = rows(conn, "SELECT resolution FROM platform.match_conflict WHERE external_id = '2'")
    assert {row["resolution"]["kind"] for row in closed} == {"split"}
    waiting = rows(conn, "SELECT external_id FROM platform.todo ORDER BY external_id")
    assert [row["external_id"] for row in waiting] == ["1", "2"]


@pytest.mark.parametrize(
    ("kind", "record", "other", "told"),
    [
        pytest.param("merge", ("books", "1"), ("shop", "a"), "no decision", id="kind"),
        pytest.param("link", ("nobody", "1"), ("shop", "a"), "nobody", id="app"),
        pytest.param("link", ("books", "404"), ("shop", "a"), "no order '404'", id="record"),
        pytest.param("link", ("books", "1"), ("shop", "b"), "no order 'b'", id="other"),
    ],
)
def test_a_wrong_decision_is_refused_and_nothing_kept(
    conn: Connection[Any], tenant: Tenant, apart, kind: str, record: Any, other: Any, told: str
):
    with pytest.raises(ConfigurationError, match=told):
        decide(tenant, "order", kind, record=record, other=other)

    assert count(conn, "platform.match_decision") == count(conn, "platform.todo") == 0
