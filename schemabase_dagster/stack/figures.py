"""Figures that the demo shows, read from the database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import LiteralString

from psycopg import sql
from psycopg.rows import class_row

from assets import registry
from schemabase_dagster import database

Pair = tuple[str, str]
"""Slug of a tenant and name of a system."""

_LANDED: LiteralString = """
SELECT t.slug, a.type, count(*)
FROM {table} AS r
JOIN platform.app AS a ON a.id = r.app_id
JOIN platform.tenant AS t ON t.id = a.tenant_id
GROUP BY t.slug, a.type
"""

_CORE_ROWS: LiteralString = """
SELECT t.slug, count(*)
FROM {table} AS c
JOIN platform.tenant AS t ON t.id = c.tenant_id
GROUP BY t.slug
"""

_VIEW_ROWS: LiteralString = """
SELECT tenant, count(*)
FROM {table}
GROUP BY tenant
"""

_CORE_TABLES: LiteralString = """
SELECT table_name
FROM information_schema.columns
WHERE table_schema = 'core' AND column_name = 'tenant_id' AND table_name NOT LIKE 'external\\_ref%'
ORDER BY table_name
"""

_VIEWS: LiteralString = """
SELECT table_name
FROM information_schema.columns
WHERE table_schema = 'analytics' AND column_name = 'tenant'
ORDER BY table_name
"""

_SYNCS: LiteralString = """
SELECT t.slug AS tenant, s.stream, s.status,
       coalesce((s.counts ->> 'read')::int, 0) AS read,
       coalesce((s.counts ->> 'changed')::int, 0) AS changed,
       coalesce((s.counts ->> 'unchanged')::int, 0) AS unchanged,
       coalesce((s.counts ->> 'rejected')::int, 0) AS rejected,
       coalesce((s.counts ->> 'api_calls')::int, 0) AS api_calls,
       extract(epoch FROM s.finished_at - s.started_at)::float8 AS seconds
FROM platform.sync_run AS s
JOIN platform.app AS a ON a.id = s.app_id
JOIN platform.tenant AS t ON t.id = a.tenant_id
WHERE s.started_at >= %(since)s AND s.finished_at IS NOT NULL AND s.trigger <> 'webhook'
ORDER BY t.slug, s.started_at
"""

_ARRIVED: LiteralString = """
SELECT r.external_id, o.updated_at
FROM core.external_ref AS r
JOIN platform.app AS a ON a.id = r.app_id
JOIN platform.tenant AS t ON t.id = a.tenant_id
JOIN core.orders AS o ON o.id = r.core_id
WHERE r.entity = 'order'
  AND t.slug = %(tenant)s
  AND a.type = %(system)s
  AND r.external_id = ANY (%(ids)s)
  AND o.updated_at > %(since)s
"""

_INBOX: LiteralString = """
SELECT status, count(*)
FROM platform.webhook_inbox
GROUP BY status
"""

ANALYST_SQL: LiteralString = """
SELECT tenant, source_system, count(*) AS orders, sum(total_gross) AS revenue, currency
FROM analytics.fct_order
WHERE order_day >= current_date - 30 AND status <> 'canceled'
GROUP BY tenant, source_system, currency
ORDER BY tenant, revenue DESC
"""


@dataclass(frozen=True, slots=True)
class StreamSync:
    """One attempt to sync one stream, as ``platform.sync_run`` has it."""

    tenant: str
    stream: str
    status: str
    read: int
    changed: int
    unchanged: int
    rejected: int
    api_calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Revenue:
    """One row of the analyst's query."""

    tenant: str
    source_system: str
    orders: int
    revenue: Decimal
    currency: str


def landed() -> Mapping[Pair, int]:
    """Return the number of raw records that become canonical rows, by tenant and system.

    Records that lie inside others are left out, what holds them counts; so are reports.
    """
    counts: Counter[Pair] = Counter()
    with database.transaction() as conn:
        for stream in registry.streams().values():
            feeds = [each.entity for each in (stream, *stream.parts) if each.entity is not None]
            if not feeds or stream.part is not None:
                continue
            query = sql.SQL(_LANDED).format(table=sql.Identifier("raw", stream.name))
            for tenant, system, count in conn.execute(query):
                counts[tenant, system] += count
    return counts


def rows_by_table() -> Mapping[str, Mapping[str, int]]:
    """Return the number of rows by table and tenant; tables without rows are left out."""
    found: dict[str, Mapping[str, int]] = {}
    with database.transaction() as conn:
        core = [name for (name,) in conn.execute(_CORE_TABLES)]
        views = [name for (name,) in conn.execute(_VIEWS)]
        for schema, names, query in (
            ("raw", list(registry.streams()), _CORE_ROWS),
            ("core", core, _CORE_ROWS),
            ("analytics", views, _VIEW_ROWS),
        ):
            for name in names:
                counted = sql.SQL(query).format(table=sql.Identifier(schema, name))
                if rows := dict(conn.execute(counted).fetchall()):
                    found[f"{schema}.{name}"] = rows
    return found


def syncs_since(since: datetime) -> Sequence[StreamSync]:
    """Return the finished pulls that began at or after an instant."""
    with database.transaction() as conn, conn.cursor(row_factory=class_row(StreamSync)) as cursor:
        return cursor.execute(_SYNCS, {"since": since}).fetchall()


def arrived(pair: Pair, ids: Sequence[str], since: datetime) -> Mapping[str, datetime]:
    """Return when the canonical rows of a system's orders changed, of those that did."""
    values = {"tenant": pair[0], "system": pair[1], "ids": list(ids), "since": since}
    with database.transaction() as conn:
        return dict(conn.execute(_ARRIVED, values).fetchall())


def inbox_by_status() -> Mapping[str, int]:
    """Return the number of webhooks by their status."""
    with database.transaction() as conn:
        return dict(conn.execute(_INBOX).fetchall())


def revenue() -> Sequence[Revenue]:
    """Run the analyst's query."""
    with database.transaction() as conn, conn.cursor(row_factory=class_row(Revenue)) as cursor:
        return cursor.execute(ANALYST_SQL).fetchall()
