"""Two rows with one number: told apart, reported once, over when the data settles it."""

from typing import Any

from psycopg import Connection

from assets import registry
from schemabase_dagster import tenancy
from schemabase_dagster.engine.decisions import decide, list_conflicts
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import (
    at,
    saleor_order,
    zoho_order,
)
from tests.schemabase_dagster.engine.merging import (
    ORDERS,
    SHOP_ORDERS,
    delete,
    kinds,
    order,
    row_of,
)
from tests.support.rows import rows, versions


def test_two_rows_with_one_number_are_told_apart_and_reported(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "SO-1"))
    merge(tenant, "order")
    put(books, ORDERS, zoho_order("2", "SO-1"), zoho_order("3", "SO-1"))

    merge(tenant, "order")

    numbers = rows(conn, "SELECT order_number FROM core.orders ORDER BY order_number")
    assert [row["order_number"] for row in numbers] == ["SO-1", "SO-1~3", "SO-1~books"]
    assert row_of(conn, books, "1") == order(conn, "SO-1")["id"]
    assert kinds(conn) == [
        ("2", "number_taken"), ("2", "second_id"), ("3", "number_taken"), ("3", "second_id")
    ]  # fmt: skip


def test_numbers_that_change_hands_in_one_batch_find_their_rows(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "A"), zoho_order("2", "B"))
    merge(tenant, "order")
    first, second = row_of(conn, books, "1"), row_of(conn, books, "2")

    put(books, ORDERS, zoho_order("1", "B", modified=at(1)), zoho_order("2", "A", modified=at(1)))
    merge(tenant, "order")

    numbers = {order(conn, number)["id"] for number in ("A", "B")}
    assert numbers == {first, second}


def test_a_conflict_is_over_when_newer_data_settles_it(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "SO-1"), zoho_order("2", "SO-1"))
    merge(tenant, "order")
    opened = list_conflicts("acme")
    put(books, ORDERS, zoho_order("2", "SO-2", modified=at(1)))

    merge(tenant, "order")

    assert {(each.app, each.external_id, each.tenant) for each in opened} == {
        ("books", "2", "acme")
    }
    assert list_conflicts("acme") == list_conflicts() == []
    closed = rows(conn, "SELECT resolution FROM platform.match_conflict")
    assert {row["resolution"]["by"] for row in closed} == {"newer data"}


def test_conflicts_are_told_once_while_they_last(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "SO-1"), zoho_order("2", "SO-1"))
    merge(tenant, "order")
    replay(tenant, registry.streams().values())
    merge(tenant, "order")
    before = versions(conn, "platform.match_conflict")

    replay(tenant, registry.streams().values())
    merge(tenant, "order")

    assert versions(conn, "platform.match_conflict") == before


def test_a_taken_number_is_told_once_though_the_record_itself_is_settled(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    put(books, ORDERS, zoho_order("1", "SHOP-7"))
    merge(tenant, "order")
    decide(tenant, "order", "split", record=("books", "1"), other=("shop", "a"))
    merge(tenant, "order")
    before = versions(conn, "platform.match_conflict")

    replay(tenant, registry.streams().values())
    merge(tenant, "order")

    assert kinds(conn) == [("1", "number_taken")]
    assert versions(conn, "platform.match_conflict") == before


def test_a_record_takes_the_place_of_a_deleted_one_and_its_conflicts_are_over(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "SO-1"), zoho_order("2", "SO-1"))
    merge(tenant, "order")
    delete(books, ORDERS, "1")
    merge(tenant, "order")

    replay(tenant, registry.streams().values())
    merge(tenant, "order")

    assert row_of(conn, books, "2") == order(conn, "SO-1")["id"] == row_of(conn, books, "1")
    assert kinds(conn) == []


def test_conflicts_of_other_tenants_are_not_listed(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    tenancy.add_tenant(conn, "globex", "Globex", timezone="UTC")
    put(books, ORDERS, zoho_order("1", "SO-1"), zoho_order("2", "SO-1"))
    merge(tenant, "order")

    assert list_conflicts("globex") == []
    assert len(list_conflicts()) == len(list_conflicts("acme")) == 2


def test_rows_that_come_together_leave_no_trace_of_the_other(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    put(books, ORDERS, zoho_order("1", "SO-1"))
    merge(tenant, "order")
    kept = row_of(conn, shop, "a")

    put(books, ORDERS, zoho_order("1", "SO-1", reference_number="SHOP-7", modified=at(1)))
    result = merge(tenant, "order")

    assert result.changed == 1
    assert row_of(conn, books, "1") == kept
    assert rows(conn, "SELECT order_number FROM core.orders") == [{"order_number": "SHOP-7"}]
