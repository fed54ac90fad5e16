"""Asked: which ids to ask a source for that lists nothing, the most stale first."""

from collections.abc import Collection

from psycopg import Connection, sql

from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App

_DUE = sql.SQL("""
SELECT w.id
FROM ({query}) AS w (id, every)
LEFT JOIN platform.asked AS a
    ON a.app_id = %(app_id)s AND a.stream = %(stream)s AND a.external_id = w.id
WHERE %(all)s OR a.asked_at IS NULL OR a.asked_at <= now() - w.every
GROUP BY w.id
ORDER BY max(a.asked_at) NULLS FIRST, w.id
""")

_NOTE = """
INSERT INTO platform.asked (app_id, stream, external_id, is_known)
SELECT %(app_id)s, %(stream)s, n.external_id, n.is_known
FROM unnest(%(ids)s::text[], %(known)s::boolean[]) AS n (external_id, is_known)
ON CONFLICT (app_id, stream, external_id) DO UPDATE
SET asked_at = now(), is_known = excluded.is_known
"""


def find_due(conn: Connection, stream: Stream, app: App, *, even_fresh: bool) -> list[str]:
    """Return the ids that are worth a call now, the most stale first.

    Args:
        conn: connection.
        stream: a stream with ``asked``.
        app: the app.
        even_fresh: also those that were asked for a short time ago.
    """
    if stream.asked is None:
        return []
    query = _DUE.format(query=sql.SQL(stream.asked.query))
    values = {
        "tenant_id": app.tenant_id,
        "system": stream.system.name,
        "app_id": app.id,
        "stream": stream.name,
        "all": even_fresh,
    }
    return [row[0] for row in conn.execute(query, values)]


def note_answers(
    conn: Connection, stream: Stream, app: App, known: Collection[str], unknown: Collection[str]
) -> None:
    """Remember that ids were answered for, in the transaction that lands the answers."""
    if stream.asked is None or not (known or unknown):
        return
    values = {
        "app_id": app.id,
        "stream": stream.name,
        "ids": [*known, *unknown],
        "known": [True] * len(known) + [False] * len(unknown),
    }
    conn.execute(_NOTE, values)
