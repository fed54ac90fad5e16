"""Records that only add to a row, or need a parent: they wait, are shown, and come in any order."""

import dataclasses
from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from assets.checks import check_rejected
from schemabase_dagster import database
from schemabase_dagster.engine.land import mark_deleted
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import at, saleor_order, zoho_order, zoho_package
from tests.support.rows import count, one, rows, value, versions

ORDERS, SHOP_ORDERS, PACKAGES = "zoho_sales_orders", "saleor_orders", "zoho_packages"
CONTENT = "SELECT order_number, status, sources, deleted_at IS NULL AS live FROM core.orders"
SHOWN = "SELECT external_id, code, reason, waiting FROM analytics.unmatched_record"
TABLES = ("core.orders", "core.external_ref", "platform.parent_key", "platform.rejects")

Merge = Callable[[Tenant, str], SyncResult]


@pytest.fixture
def streams() -> Mapping[str, Stream]:
    """All streams, but that the ERP's orders only add to others' and its packages need an order."""
    known = registry.streams()
    return {
        **known,
        ORDERS: dataclasses.replace(known[ORDERS], adds=True),
        PACKAGES: dataclasses.replace(known[PACKAGES], needs="order"),
    }


@pytest.fixture
def merge(streams: Mapping[str, Stream]) -> Merge:
    return lambda tenant, entity: merge_entity(registry.entities()[entity], tenant, streams)


def delete(app: App, stream: str, *ids: str) -> None:
    with database.transaction() as conn:
        mark_deleted(conn, registry.streams()[stream], app, ids, via="pull", run_id=None)


def test_a_record_that_only_adds_waits_and_is_shown(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge: Merge
):
    put(books, ORDERS, zoho_order("1", "SHOP-7"))

    result = merge(tenant, "order")

    assert (result.read, result.rejected, result.rejected_codes) == (1, 1, {"waits": 1})
    assert count(conn, "core.orders") == count(conn, "core.external_ref") == 0
    assert one(conn, SHOWN) == {
        "external_id": "1", "code": "waits", "reason": "Waits until the order is known.",
        "waiting": False,
    }  # fmt: skip


def test_waiting_is_no_fault_of_the_stream(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge: Merge
):
    put(books, ORDERS, zoho_order("1", "SHOP-7"))
    merge(tenant, "order")

    verdict = check_rejected(conn, tenant, registry.streams()[ORDERS])

    assert (verdict.passed, verdict.summary) == (True, "no rejected records")


def test_it_is_merged_when_its_row_comes_and_not_before(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge: Merge
):
    put(books, ORDERS, zoho_order("1", "SHOP-7"))
    merge(tenant, "order")
    put(shop, SHOP_ORDERS, saleor_order("b", "8"))
    other = merge(tenant, "order")
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))

    result = merge(tenant, "order")

    assert other.read == 1
    assert (result.read, result.rejected) == (2, 0)
    assert count(conn, "core.orders") == 2
    row = value(conn, "SELECT id FROM core.orders WHERE order_number = 'SHOP-7'")
    refs = rows(conn, "SELECT external_id FROM core.external_ref WHERE core_id = %s", (row,))
    assert {ref["external_id"] for ref in refs} == {"a", "1"}
    assert count(conn, "platform.rejects") == count(conn, "platform.parent_key") == 0


def test_any_number_of_them_add_to_one_row_without_a_conflict(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge: Merge
):
    put(books, ORDERS, zoho_order("1", "SHOP-7"), zoho_order("2", "SHOP-7"))
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))

    merge(tenant, "order")

    assert count(conn, "core.orders") == 1
    assert value(conn, "SELECT count(DISTINCT core_id) FROM core.external_ref") == 1
    assert count(conn, "platform.match_conflict") == 0


def test_every_order_of_arrival_gives_the_same_row(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge: Merge
):
    records = [
        (shop, SHOP_ORDERS, saleor_order("a", "7")),
        (books, ORDERS, zoho_order("1", "SHOP-7", order_status="closed")),
        (books, ORDERS, zoho_order("2", "SHOP-7")),
    ]
    outcomes = []
    for arrival in permutations(records):
        conn.execute("TRUNCATE core.orders, core.external_ref, platform.todo, platform.rejects, "
                     "platform.parent_key, raw.saleor_orders, raw.zoho_sales_orders "
                     "CASCADE")  # fmt: skip
        for app, stream, record in arrival:
            put(app, stream, record)
            merge(tenant, "order")
        refs = "SELECT external_id FROM core.external_ref ORDER BY external_id"
        outcomes.append((rows(conn, CONTENT), rows(conn, refs), count(conn, "platform.rejects")))

    assert outcomes == [outcomes[0]] * 6
    assert outcomes[0][0][0]["status"] == "closed"


def test_it_keeps_no_row_alive_and_adds_again_when_its_maker_returns(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge: Merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    put(books, ORDERS, zoho_order("1", "SHOP-7"))
    merge(tenant, "order")
    before = value(conn, "SELECT id FROM core.orders")

    delete(shop, SHOP_ORDERS, "a")
    merge(tenant, "order")
    gone = one(conn, "SELECT id, deleted_at FROM core.orders")
    put(shop, SHOP_ORDERS, saleor_order("a", "7", modified=at(60)), read_at=at(7200))
    merge(tenant, "order")

    assert (gone["id"], gone["deleted_at"] is not None) == (before, True)
    back = one(conn, "SELECT id, deleted_at, invoice_status FROM core.orders")
    assert (back["id"], back["deleted_at"]) == (before, None)
    assert value(conn, "SELECT count(*) FROM core.external_ref WHERE deleted_at IS NULL") == 2


def test_it_follows_the_row_that_it_names(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge: Merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7"), saleor_order("b", "8"))
    put(books, ORDERS, zoho_order("1", "SHOP-7"))
    merge(tenant, "order")

    put(books, ORDERS, zoho_order("1", "SHOP-8", modified=at(60)))
    merge(tenant, "order")

    query = "SELECT core_id FROM core.external_ref WHERE external_id = %s"
    assert value(conn, query, ("1",)) == value(conn, query, ("b",))
    assert count(conn, "platform.match_conflict") == 0


def test_mapping_again_writes_nothing_whether_it_waits_or_not(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge: Merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    put(books, ORDERS, zoho_order("1", "SHOP-7"), zoho_order("2", "SHOP-8"))
    merge(tenant, "order")
    before = [versions(conn, table) for table in TABLES[:3]]

    replay(tenant, registry.streams().values())
    merge(tenant, "order")

    assert [versions(conn, table) for table in TABLES[:3]] == before


def test_a_record_that_vanishes_while_it_waits_is_forgotten(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge: Merge
):
    put(books, ORDERS, zoho_order("1", "SHOP-7"))
    merge(tenant, "order")

    delete(books, ORDERS, "1")
    merge(tenant, "order")

    assert count(conn, "platform.rejects") == 0


def test_a_package_makes_a_row_only_for_a_known_order(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge: Merge
):
    put(books, PACKAGES, zoho_package("5", salesorder_id="9", salesorder_number="SHOP-7"))
    waits = merge(tenant, "package")
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    merge(tenant, "order")

    result = merge(tenant, "package")

    assert (waits.rejected_codes, result.changed) == ({"waits": 1}, 1)
    linked = one(conn, "SELECT order_id FROM core.packages")
    assert linked["order_id"] == value(conn, "SELECT id FROM core.orders")
    assert count(conn, "platform.rejects") == 0


def test_a_package_that_is_a_row_stays_one_without_its_order(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge: Merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    put(books, PACKAGES, zoho_package("5", salesorder_id="9", salesorder_number="SHOP-7"))
    merge(tenant, "order")
    merge(tenant, "package")

    delete(shop, SHOP_ORDERS, "a")
    merge(tenant, "order")
    merge(tenant, "package")

    assert one(conn, "SELECT order_id, deleted_at FROM core.packages") == {
        "order_id": None, "deleted_at": None
    }  # fmt: skip
