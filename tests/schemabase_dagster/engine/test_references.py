"""References: a column that names a parent row, whenever and however the parent comes and moves."""

from typing import Any

from psycopg import Connection

from assets import registry
from schemabase_dagster import database
from schemabase_dagster.engine.land import mark_deleted
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import at, saleor_order, zoho_order, zoho_package
from tests.support import shops
from tests.support.rows import one, value

ORDERS, PACKAGES = "zoho_sales_orders", "zoho_packages"
ORDER = """
SELECT o.order_number
FROM core.packages AS k
LEFT JOIN core.orders AS o ON o.id = k.order_id
"""


def package(order_id: str = "", number: str = "", **fields: Any) -> dict[str, Any]:
    return zoho_package("5", salesorder_id=order_id, salesorder_number=number, **fields)


def test_a_parent_that_comes_later_is_referred_to_then(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, PACKAGES, package("1"))
    merge(tenant, "package")
    before = value(conn, ORDER)
    put(books, ORDERS, zoho_order("1"))
    merge(tenant, "order")

    merge(tenant, "package")

    assert (before, value(conn, ORDER)) == (None, "SO-1")


def test_an_id_names_the_parent_of_its_own_app(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    others = shops.unreachable_zoho(conn, tenant, "others")
    put(books, ORDERS, zoho_order("1", "SO-A"))
    put(others, ORDERS, zoho_order("1", "SO-B"))
    merge(tenant, "order")

    put(others, PACKAGES, package("1"))
    merge(tenant, "package")

    assert value(conn, ORDER) == "SO-B"


def test_a_number_names_a_parent_that_only_another_app_has(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    put(shop, "saleor_orders", saleor_order("a", "7"))
    merge(tenant, "order")

    put(books, PACKAGES, package("1", "SHOP-7"))
    merge(tenant, "package")

    assert value(conn, ORDER) == "SHOP-7"


def test_a_parent_whose_number_changes_stays_the_parent(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"))
    put(books, PACKAGES, package("1", "SO-1"))
    merge(tenant, "order")
    merge(tenant, "package")

    put(books, ORDERS, zoho_order("1", "SO-1-B", modified=at(1)))
    merge(tenant, "order")
    merge(tenant, "package")

    assert value(conn, ORDER) == "SO-1-B"


def test_a_parent_that_becomes_one_with_another_takes_its_children_along(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "SO-1"))
    put(shop, "saleor_orders", saleor_order("a", "7"))
    put(books, PACKAGES, package("1"))
    merge(tenant, "order")
    merge(tenant, "package")
    before = value(conn, ORDER)

    put(books, ORDERS, zoho_order("1", "SO-1", reference_number="SHOP-7", modified=at(1)))
    merge(tenant, "order")
    merge(tenant, "package")

    assert (before, value(conn, ORDER)) == ("SO-1", "SHOP-7")
    assert value(conn, "SELECT count(*) FROM core.orders") == 1


def test_a_parent_that_is_gone_is_referred_to_no_more(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"))
    put(books, PACKAGES, package("1", "SO-1"))
    merge(tenant, "order")
    merge(tenant, "package")

    with database.transaction() as other:
        mark_deleted(other, registry.streams()[ORDERS], books, ["1"], via="pull", run_id=None)
    merge(tenant, "order")
    merge(tenant, "package")

    row = one(conn, "SELECT order_id, deleted_at FROM core.packages")
    assert row == {"order_id": None, "deleted_at": None}
