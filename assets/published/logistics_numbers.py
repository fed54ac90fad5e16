"""platform/logistics_numbers: how many orders the warehouse has to send, today and soon."""

from functools import cache
from typing import Any, LiteralString

from psycopg import Connection

from assets.publication import Publication
from resources.registry import systems
from schemabase_dagster import database
from schemabase_dagster.tenancy import Tenant

# The reference counted four custom views of Zoho; these are their meanings. What is due by today
# counts only when the warehouse may start, what comes later when the order is confirmed.
_COUNT: LiteralString = """
INSERT INTO platform.logistics_numbers
    (tenant_id, ready_now, ready_next_five_days, bulk_now, bulk_next_five_days, made_at)
SELECT
    %(tenant_id)s,
    count(*) FILTER (WHERE is_now AND NOT is_bulk),
    count(*) FILTER (WHERE is_soon AND NOT is_bulk),
    count(*) FILTER (WHERE is_now AND is_bulk),
    count(*) FILTER (WHERE is_soon AND is_bulk),
    now()
FROM (
    SELECT
        o.ready_to_fulfill AND coalesce(o.expected_ship_date <= d.today, true) AS is_now,
        o.expected_ship_date BETWEEN d.today + 1 AND d.today + 5 AS is_soon,
        o.carrier = 'bulk' OR EXISTS (
            SELECT FROM core.external_ref AS r
            JOIN platform.app AS a ON a.tenant_id = r.tenant_id AND a.id = r.app_id
            WHERE r.entity = 'order' AND r.core_id = o.id AND r.tenant_id = o.tenant_id
              AND r.deleted_at IS NULL AND a.type = ANY(%(bulk_systems)s)
        ) AS is_bulk
    FROM core.orders AS o
    CROSS JOIN (SELECT (now() AT TIME ZONE %(timezone)s)::date AS today) AS d
    WHERE o.tenant_id = %(tenant_id)s
      AND o.deleted_at IS NULL
      AND o.status = 'confirmed'
      AND o.shipment_status IN ('pending', 'partially_shipped')
) AS waiting
ON CONFLICT (tenant_id) DO UPDATE
SET ready_now = excluded.ready_now,
    ready_next_five_days = excluded.ready_next_five_days,
    bulk_now = excluded.bulk_now,
    bulk_next_five_days = excluded.bulk_next_five_days,
    made_at = excluded.made_at
RETURNING ready_now, ready_next_five_days, bulk_now, bulk_next_five_days
"""


def publish(conn: Connection[Any], tenant: Tenant) -> dict[str, int]:
    """Count the orders that wait, in the caller's transaction; the day is that of the tenant."""
    database.advisory_xact_lock(conn, "logistics_numbers", tenant.id)
    values = {
        "tenant_id": tenant.id,
        "timezone": tenant.timezone,
        "bulk_systems": _bulk_systems(),
    }
    row = conn.execute(_COUNT, values).fetchone()
    names = ("ready_now", "ready_next_five_days", "bulk_now", "bulk_next_five_days")
    return dict(zip(names, row or (), strict=True))


@cache
def _bulk_systems() -> list[str]:
    return [name for name, system in systems().items() if system.role == "bulk_orders"]


LOGISTICS_NUMBERS = Publication(
    name="logistics_numbers",
    kind="logistics",
    description=(
        "How many confirmed orders wait in the warehouse: those it may send today and those "
        "expected to leave within the five days after, bulk orders apart. One row per tenant, "
        "counted after every pull of orders, and within about a minute of a change that came by "
        "webhook; the gateway serves it."
    ),
    entities=("order", "package"),
    publish=publish,
)
