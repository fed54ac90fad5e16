"""The queue between raw and core gives what waited longest first."""

from typing import Any

from psycopg import Connection

from schemabase_dagster.engine import todo
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import saleor_order, zoho_order
from tests.schemabase_dagster.engine.conftest import Put

ZOHO = "zoho_sales_orders"
SALEOR = "saleor_orders"


def test_what_waited_longest_is_claimed_first_whatever_its_stream(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put: Put
):
    put(books, ZOHO, zoho_order("1"))
    put(shop, SALEOR, saleor_order(number="2"))

    (claimed,) = todo.claim(conn, tenant.id, [SALEOR, ZOHO], 1)

    assert claimed.stream == ZOHO


def test_what_comes_next_is_peeked_at_in_order(
    conn: Connection[Any], tenant: Tenant, books: App, put: Put
):
    put(books, ZOHO, zoho_order("3"))
    put(books, ZOHO, zoho_order("1"))
    put(books, ZOHO, zoho_order("2"))
    conn.execute("UPDATE platform.todo SET external_id = external_id WHERE external_id = '1'")
    (first,) = todo.claim(conn, tenant.id, [ZOHO], 1)

    coming = todo.peek(conn, tenant.id, [ZOHO], first.id, 1)

    assert [item.external_id for item in coming] == ["1"]
