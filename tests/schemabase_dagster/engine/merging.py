"""What the tests of merging read and write: rows of core, their versions, open conflicts."""

from typing import Any
from uuid import UUID

from psycopg import Connection

from assets import registry
from schemabase_dagster import database
from schemabase_dagster.engine.land import mark_deleted
from schemabase_dagster.tenancy import App
from tests.support.rows import one, rows, value, versions

ORDERS, SHOP_ORDERS = "zoho_sales_orders", "saleor_orders"
CORE = (
    "core.orders", "core.order_lines", "core.contacts", "core.companies", "core.addresses",
    "core.invoices", "core.invoice_orders", "core.external_ref", "core.sales_channels",
    "platform.parent_key", "platform.match_conflict",
)  # fmt: skip


def written(conn: Connection[Any]) -> dict[str, dict[str, str]]:
    return {table: versions(conn, table) for table in CORE}


def order(conn: Connection[Any], number: str) -> dict[str, Any]:
    return one(conn, "SELECT * FROM core.orders WHERE order_number = %s", (number,))


def row_of(conn: Connection[Any], app: App, external_id: str) -> UUID:
    query = "SELECT core_id FROM core.external_ref WHERE app_id = %s AND external_id = %s"
    found: UUID = value(conn, query, (app.id, external_id))
    return found


def delete(app: App, stream: str, *ids: str) -> None:
    with database.transaction() as conn:
        mark_deleted(conn, registry.streams()[stream], app, ids, via="pull", run_id=None)


def kinds(conn: Connection[Any]) -> list[tuple[str, str]]:
    found = rows(
        conn,
        "SELECT external_id, kind FROM platform.match_conflict WHERE resolved_at IS NULL"
        " ORDER BY external_id, kind",
    )
    return [(row["external_id"], row["kind"]) for row in found]
