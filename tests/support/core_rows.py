"""Rows of core, put there without a source: a test states only the columns it is about."""

from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from uuid_utils.compat import uuid7

from schemabase_dagster.tenancy import Tenant

EUR = "EUR"


def put(conn: Connection[Any], table: str, tenant: Tenant, **columns: Any) -> UUID:
    """Insert a row of a tenant and return its id."""
    row_id = uuid7()
    values = {"id": row_id, "tenant_id": tenant.id, **columns}
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(*table.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Placeholder, values)),
    )
    conn.execute(statement, values)
    return row_id


def put_order(
    conn: Connection[Any], tenant: Tenant, number: str, *, lines: int = 1, **columns: Any
) -> UUID:
    """Insert a confirmed order with lines ``<number>-sku-<n>``."""
    usual = {"ordered_at": "2026-01-05T09:00Z", "currency": EUR, "total_gross": 10,
             "status": "confirmed"}  # fmt: skip
    order_id = put(conn, "core.orders", tenant, **{**usual, "order_number": number, **columns})
    for line_no in range(1, lines + 1):
        put(
            conn,
            "core.order_lines",
            tenant,
            order_id=order_id,
            line_no=line_no,
            sku=f"{number}-sku-{line_no}",
            quantity=line_no,
        )
    return order_id


def put_package(
    conn: Connection[Any],
    tenant: Tenant,
    number: str,
    *,
    order_id: UUID | None = None,
    events: int = 1,
    **columns: Any,
) -> UUID:
    """Insert a package of DPD with one line and events, one an hour, ``<number> event <n>``."""
    usual = {"carrier": "dpd", "tracking_id": f"T{number}", "state": "in_transit"}
    package_id = put(
        conn,
        "core.packages",
        tenant,
        **{**usual, "package_number": number, "order_id": order_id, **columns},
    )
    put(
        conn,
        "core.package_lines",
        tenant,
        package_id=package_id,
        line_no=1,
        sku=f"{number}-sku",
        quantity=1,
    )
    for event_no in range(1, events + 1):
        put(
            conn,
            "core.package_events",
            tenant,
            event_key=f"{number}/{event_no}",
            package_id=package_id,
            carrier="dpd",
            tracking_id=f"T{number}",
            event_at=f"2026-01-06T{event_no:02}:00Z",
            event_no=event_no,
            state="in_transit",
            message=f"{number} event {event_no}",
        )
    return package_id
