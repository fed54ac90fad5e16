"""Roll-ups: an order's shipment status follows its packages, whoever comes, changes and goes."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any, LiteralString

import pytest
from psycopg import Connection

from assets import registry
from schemabase_dagster import database, tenancy
from schemabase_dagster.engine.land import mark_deleted
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.streams import JsonObject
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import (
    at,
    saleor_fulfillment,
    saleor_order,
    zoho_line,
    zoho_order,
    zoho_package,
    zoho_time,
)
from tests.support import shops
from tests.support.rows import one, rows, value, versions

ORDERS, PACKAGES = "zoho_sales_orders", "zoho_packages"
STATUS = "SELECT shipment_status FROM core.orders"


def order(quantity: int = 2, **fields: Any) -> JsonObject:
    lines = [zoho_line(quantity=quantity), zoho_line("12", "", name="Freight")]
    return zoho_order("1", line_items=lines, **fields)


def package(number: str = "5", order_id: str = "1", quantity: int = 2, **fields: Any) -> JsonObject:
    lines = [{"line_item_id": number, "sku": "A-1", "name": "Cup", "quantity": quantity}]
    return zoho_package(number, package_number=f"LS-{number}", salesorder_id=order_id,
                        salesorder_number="", line_items=lines, **fields)  # fmt: skip


def later(seconds: float, record: JsonObject) -> JsonObject:
    return {**record, "last_modified_time": zoho_time(at(seconds))}


SENT: Mapping[str, Any] = {"status": "shipped", "tracking_number": "T1"}
ARRIVED: Mapping[str, Any] = {"status": "delivered", "tracking_number": "T2"}


def sync(tenant: Tenant, merge: Any) -> None:
    for entity in ("order", "package"):
        merge(tenant, entity)


@pytest.mark.parametrize(
    ("packages", "expected"),
    [
        ([], "delivered"),
        ([package()], "pending"),
        ([package(**SENT)], "shipped"),
        ([package(status="shipped", shipment_date="2026-03-02")], "shipped"),
        ([package(**ARRIVED)], "delivered"),
        ([package(quantity=1, **ARRIVED)], "partially_shipped"),
        ([package("5", quantity=1, **SENT), package("6", quantity=1)], "partially_shipped"),
        ([package("5", quantity=1, **SENT), package("6", quantity=1, **ARRIVED)], "shipped"),
        ([package("5", quantity=1, **ARRIVED), package("6", quantity=1, **ARRIVED)], "delivered"),
    ],
)
def test_packages_decide_an_orders_shipment_status_when_there_is_one(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge, packages, expected
):
    put(books, ORDERS, order(shipped_status="fulfilled"))
    put(books, PACKAGES, *packages)

    sync(tenant, merge)

    assert value(conn, STATUS) == expected


def test_a_canceled_package_counts_for_nothing(
    conn: Connection[Any], tenant: Tenant, shop: App, put, merge
):
    sent = saleor_order(fulfillments=[saleor_fulfillment(status="CANCELED")], status="FULFILLED")
    put(shop, "saleor_orders", sent)

    sync(tenant, merge)

    assert value(conn, STATUS) == "pending"


@pytest.mark.parametrize("first", list(permutations(range(3))))
def test_any_order_of_arrival_gives_the_same_status(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge, first
):
    steps = [
        (ORDERS, order()),
        (PACKAGES, package("5", quantity=1, **SENT)),
        (PACKAGES, package("6", quantity=1, **ARRIVED)),
    ]
    for place in first:
        put(books, *steps[place])
        sync(tenant, merge)

    assert value(conn, STATUS) == "shipped"


def test_a_changed_order_is_measured_by_its_new_lines(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, order())
    put(books, PACKAGES, package(**SENT))
    sync(tenant, merge)

    put(books, ORDERS, order(3, modified=at(1)))
    sync(tenant, merge)

    assert value(conn, STATUS) == "partially_shipped"


def test_without_its_last_package_an_order_takes_what_its_sources_say_now(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, order())
    put(books, PACKAGES, package(**SENT))
    sync(tenant, merge)
    put(books, ORDERS, order(shipped_status="partially_shipped", modified=at(1)))
    sync(tenant, merge)
    assert value(conn, STATUS) == "shipped"

    with database.transaction() as own:
        mark_deleted(own, registry.streams()[PACKAGES], books, ["5"], via="pull", run_id=None)
    sync(tenant, merge)

    assert value(conn, STATUS) == "partially_shipped"


def test_a_package_that_moves_changes_both_orders(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, order(), {**order(), "salesorder_id": "2", "salesorder_number": "SO-2"})
    put(books, PACKAGES, package(**SENT))
    sync(tenant, merge)

    put(books, PACKAGES, later(1, package(order_id="2", **SENT)))
    sync(tenant, merge)

    found = rows(conn, "SELECT order_number, shipment_status FROM core.orders ORDER BY 1")
    assert [tuple(row.values()) for row in found] == [("SO-1", "pending"), ("SO-2", "shipped")]


def test_replay_and_repetition_write_no_row(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, order(shipped_status="pending"))
    put(books, PACKAGES, package(**ARRIVED))
    sync(tenant, merge)
    before = [versions(conn, table) for table in ("core.orders", "core.packages")]
    assert one(conn, "SELECT sources -> 'shipment_status' -> 'says' AS says FROM core.orders") == {
        "says": {"shipment_status": "pending"}
    }

    replay(tenant, [registry.streams()[name] for name in (ORDERS, PACKAGES)])
    sync(tenant, merge)

    assert [versions(conn, table) for table in ("core.orders", "core.packages")] == before


def test_other_tenants_orders_are_left_alone(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    other_tenant = tenancy.add_tenant(conn, "other", "Other", timezone="Europe/Berlin")
    others = shops.unreachable_zoho(conn, other_tenant)
    for app in (books, others):
        put(app, ORDERS, order())
    put(books, PACKAGES, package(**SENT))
    merge(other_tenant, "order")
    sync(tenant, merge)

    query: LiteralString = f"{STATUS} WHERE tenant_id = %s"
    assert value(conn, query, (tenant.id,)) == "shipped"
    assert value(conn, query, (other_tenant.id,)) == "pending"


def test_every_roll_up_is_fed_by_the_entities_it_names():
    known = registry.entities()
    rolled = [each for entity in known.values() for each in entity.roll_ups]

    assert rolled
    for each in rolled:
        feeding = {name for name, entity in known.items() if each in entity.feeds}
        assert feeding == set(each.children)
        assert set(each.columns) <= set(each.table.c.keys())
        assert each.sole != (set(each.columns) <= set(known[each.entity].columns))
