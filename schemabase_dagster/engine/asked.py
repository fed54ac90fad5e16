"""Asked: which ids to ask a source for that lists nothing, the most stale first."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from uuid import UUID

from psycopg import Connection, sql

from schemabase_dagster.streams import Asked, Stream
from schemabase_dagster.tenancy import App

_DUE = sql.SQL("""
SELECT w.id
FROM platform.app AS app
CROSS JOIN LATERAL ({query}) AS w (id, every)
LEFT JOIN platform.asked AS a
    ON a.app_id = app.id AND a.stream = %(stream)s AND a.external_id = w.id
WHERE app.id = %(app_id)s AND (%(all)s OR a.asked_at IS NULL OR a.asked_at <= now() - w.every)
GROUP BY w.id
ORDER BY max(a.asked_at) NULLS FIRST, w.id
""")

_IDLE = sql.SQL("""
SELECT p.app_id, p.stream
FROM unnest(%(apps)s::uuid[], %(streams)s::text[]) AS p (app_id, stream)
JOIN platform.app AS app ON app.id = p.app_id
WHERE NOT EXISTS (
        SELECT FROM platform.rejects AS j
        WHERE j.app_id = p.app_id AND j.stream = p.stream AND j.stage = 'land')
    AND NOT EXISTS ({due})
""")

_ANY_DUE = sql.SQL("""
SELECT FROM ({query}) AS w (id, every)
LEFT JOIN platform.asked AS a
    ON a.app_id = p.app_id AND a.stream = p.stream AND a.external_id = w.id
WHERE a.asked_at IS NULL OR a.asked_at <= now() - w.every
""")

_NOTHING = sql.SQL("SELECT WHERE false")

_NOTE = """
INSERT INTO platform.asked (app_id, stream, external_id, is_known)
SELECT %(app_id)s, %(stream)s, n.external_id, n.is_known
FROM unnest(%(ids)s::text[], %(known)s::boolean[]) AS n (external_id, is_known)
ON CONFLICT (app_id, stream, external_id) DO UPDATE
SET asked_at = now(), is_known = excluded.is_known
"""


def find_idle(conn: Connection, pulled: Iterable[tuple[UUID, Stream]]) -> set[tuple[UUID, str]]:
    """Return which streams of apps, as (app, name), a pull would do nothing for.

    That are those that list nothing, while no id is worth a call and no record waits to be tried
    again: ``asked`` ones and what only webhooks bring. One statement for all that ask alike.

    Args:
        conn: connection.
        pulled: pairs of app and stream.
    """
    alike: defaultdict[Asked | None, list[tuple[UUID, str]]] = defaultdict(list)
    for app_id, stream in pulled:
        if stream.asked is not None or (stream.source is None and stream.part is None):
            alike[stream.asked].append((app_id, stream.name))
    idle: set[tuple[UUID, str]] = set()
    for asked, pairs in alike.items():
        due = _ANY_DUE.format(query=sql.SQL(asked.query)) if asked is not None else _NOTHING
        apps, names = (list(column) for column in zip(*pairs, strict=True))
        idle.update(conn.execute(_IDLE.format(due=due), {"apps": apps, "streams": names}))
    return idle


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
