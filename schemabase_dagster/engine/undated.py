"""Undated changes: which records may have changed although a listing by time does not show it."""

from psycopg import Connection, sql

from schemabase_dagster.clock import utc_now
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App

# The time decides first: only payloads of recent records are looked into.
_UNDATED = sql.SQL("""
WITH recent AS MATERIALIZED (
    SELECT ctid AS place FROM raw.{table}
    WHERE app_id = %s AND deleted_at IS NULL AND source_updated_at > %s
)
SELECT r.external_id
FROM recent
JOIN raw.{table} AS r ON r.ctid = recent.place
WHERE {where}
ORDER BY r.source_updated_at DESC, r.external_id
LIMIT %s
""")


def find_undated(conn: Connection, stream: Stream, app: App) -> list[str]:
    """Return the records that may have changed without a new modified time, newest first."""
    undated = stream.undated
    if undated is None:
        return []
    query = _UNDATED.format(table=sql.Identifier(stream.name), where=sql.SQL(undated.where))
    since = utc_now() - undated.within
    return [row[0] for row in conn.execute(query, (app.id, since, undated.most))]
