"""Replay: queue raw records to be mapped again; core is rebuilt in place and keeps its ids."""

from collections.abc import Iterable

from psycopg import sql

from schemabase_dagster import database
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import Tenant

_QUEUE = sql.SQL("""
INSERT INTO platform.todo (tenant_id, stream, app_id, external_id)
SELECT r.tenant_id, %(stream)s, r.app_id, r.external_id
FROM raw.{table} AS r
WHERE r.tenant_id = %(tenant_id)s
ORDER BY r.source_updated_at DESC NULLS LAST
""")


def replay(tenant: Tenant, streams: Iterable[Stream]) -> int:
    """Queue all raw records of some streams, deleted ones included; return how many.

    The next run of the core assets maps them again, without one API call. References stay, so
    that links made by an earlier number or by a person survive.
    """
    count = 0
    with database.transaction() as conn:
        for stream in streams:
            if stream.mapper is None:
                continue
            query = _QUEUE.format(table=sql.Identifier(stream.name))
            count += conn.execute(query, {"tenant_id": tenant.id, "stream": stream.name}).rowcount
    return count
