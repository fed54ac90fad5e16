"""Which order an invoice is linked to, whatever comes first and is edited later."""

from typing import Any

from psycopg import Connection

from schemabase_dagster.tenancy import App, Tenant
from tests.factories import (
    at,
    saleor_order,
    zoho_invoice,
    zoho_order,
)
from tests.schemabase_dagster.engine.merging import ORDERS, SHOP_ORDERS, order, row_of
from tests.support import shops
from tests.support.rows import count, one, rows, value


def test_invoices_are_linked_to_the_order_that_bears_their_reference(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    put(books, "zoho_invoices", zoho_invoice("9", "SHOP-7"), zoho_invoice("10", ""))
    merge(tenant, "invoice")
    assert count(conn, "core.invoice_orders") == 0

    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    merge(tenant, "order")
    result = merge(tenant, "invoice")

    link = one(conn, "SELECT invoice_id, order_id FROM core.invoice_orders")
    assert result.changed == 1
    assert link["order_id"] == order(conn, "SHOP-7")["id"]
    assert link["invoice_id"] == row_of(conn, books, "9")


def test_an_invoice_whose_reference_is_edited_is_linked_anew(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"), zoho_order("2"))
    merge(tenant, "order")
    put(books, "zoho_invoices", zoho_invoice("9", "SO-1"), zoho_invoice("8", "SO-2"))
    merge(tenant, "invoice")

    put(books, "zoho_invoices", zoho_invoice("9", "SO-2", modified=at(1)))
    merge(tenant, "invoice")

    links = rows(conn, "SELECT order_id FROM core.invoice_orders")
    assert [row["order_id"] for row in links] == [order(conn, "SO-2")["id"]] * 2
    keys = rows(conn, "SELECT key FROM platform.parent_key WHERE entity = 'order'")
    assert [row["key"] for row in keys] == ["SO-2", "SO-2"]


def test_an_invoice_without_reference_any_more_loses_its_link(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"))
    put(books, "zoho_invoices", zoho_invoice("9", "SO-1"))
    merge(tenant, "order")
    merge(tenant, "invoice")

    put(books, "zoho_invoices", zoho_invoice("9", "", modified=at(1)))
    merge(tenant, "invoice")

    assert count(conn, "core.invoice_orders") == 0
    assert count(conn, "platform.parent_key") == 0


def test_an_invoice_prefers_the_order_of_its_own_app(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    second = shops.unreachable_zoho(conn, tenant, "books2")
    put(second, ORDERS, zoho_order("5", "SO-5", reference_number="PO-1"))
    put(books, ORDERS, zoho_order("6", "SO-6", reference_number="PO-1"))
    merge(tenant, "order")
    put(books, "zoho_invoices", zoho_invoice("9", "PO-1"))

    merge(tenant, "invoice")

    linked = value(conn, "SELECT order_id FROM core.invoice_orders")
    assert linked == order(conn, "SO-6")["id"]


def test_a_number_that_moves_to_another_order_takes_the_invoice_along(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "SO-1"))
    put(books, "zoho_invoices", zoho_invoice("9", "SO-1"))
    merge(tenant, "order")
    merge(tenant, "invoice")

    put(books, ORDERS, zoho_order("1", "SO-OLD", modified=at(1)), zoho_order("2", "SO-1"))
    merge(tenant, "order")
    merge(tenant, "invoice")

    linked = value(conn, "SELECT order_id FROM core.invoice_orders")
    assert linked == row_of(conn, books, "2")
