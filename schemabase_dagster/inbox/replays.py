"""Look at stored deliveries and process them again."""

from typing import Any, Final, cast
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row

from schemabase_dagster.inbox.records import Selection, Summary

CHUNK_ROWS: Final = 1000

_CONDITIONS: Final = {
    "ids": "w.id = ANY(%(ids)s)",
    "tenant": "t.slug = %(tenant)s",
    "provider": "w.provider = %(provider)s",
    "event_type": "w.event_type = %(event_type)s",
    "status": "w.status = %(status)s",
    "since": "w.received_at >= %(since)s",
    "until": "w.received_at < %(until)s",
}

_LIST: Final = """
SELECT w.id, w.received_at, t.slug AS tenant_slug, a.key AS app_key, w.provider, w.event_type,
       w.status, w.attempts, nullif(w.next_attempt_at, 'infinity') AS next_attempt_at,
       w.last_error, length(w.body) AS body_bytes, w.verify_scheme, w.trace_id, w.run_id,
       w.replay_of, w.content_type, w.headers,
       CASE WHEN %(with_body)s THEN w.body END AS body
FROM platform.webhook_inbox AS w
JOIN platform.tenant AS t ON t.id = w.tenant_id
JOIN platform.app AS a ON a.id = w.app_id
WHERE {conditions}
ORDER BY w.id DESC
LIMIT %(limit)s
"""

_COUNT: Final = """
SELECT count(*)
FROM platform.webhook_inbox AS w
JOIN platform.tenant AS t ON t.id = w.tenant_id
WHERE {conditions}
"""

# Copies of copies are left out, or replaying a range twice would double its size each time; so is
# what still waits, since it will be processed anyway.
_REPLAY: Final = """
WITH chosen AS (
    SELECT w.id
    FROM platform.webhook_inbox AS w
    JOIN platform.tenant AS t ON t.id = w.tenant_id
    WHERE {conditions}
      AND w.status IN ('processed', 'ignored')
      AND w.replay_of IS NULL
      AND w.id > %(after)s
    ORDER BY w.id
    LIMIT %(limit)s
),
copied AS (
    INSERT INTO platform.webhook_inbox
        (endpoint_id, tenant_id, app_id, provider, event_type, dedupe_key, method, query, headers,
         content_type, body, verify_scheme, source_ip, trace_id, replay_of)
    SELECT w.endpoint_id, w.tenant_id, w.app_id, w.provider, w.event_type,
           sha256(w.dedupe_key || convert_to('#r' || (
               SELECT count(*) + 1
               FROM platform.webhook_inbox AS earlier
               WHERE earlier.replay_of = w.id
           ), 'UTF8')),
           w.method, w.query, w.headers, w.content_type, w.body, w.verify_scheme, w.source_ip,
           w.trace_id, w.id
    FROM platform.webhook_inbox AS w
    JOIN chosen USING (id)
    RETURNING replay_of
)
SELECT count(*), (SELECT id FROM chosen ORDER BY id DESC LIMIT 1)
FROM copied
"""

_REVIVE: Final = """
UPDATE platform.webhook_inbox AS w
SET status = 'failed',
    attempts = 0,
    next_attempt_at = now(),
    processed_at = NULL
FROM platform.tenant AS t
WHERE t.id = w.tenant_id
  AND w.status = 'dead'
  AND {conditions}
"""


def list_rows(conn: Connection[Any], selection: Selection, limit: int = 50) -> list[Summary]:
    """List deliveries, newest first, without their bodies."""
    return _summaries(conn, selection, limit, with_body=False)


def show(conn: Connection[Any], inbox_id: UUID) -> Summary | None:
    """Return one delivery with its body, or None."""
    found = _summaries(conn, Selection(ids=(inbox_id,)), 1, with_body=True)
    return found[0] if found else None


def count_selected(conn: Connection[Any], selection: Selection) -> int:
    """Count the deliveries of a selection: the dry run of ``replay`` and ``revive_dead``."""
    row = conn.execute(_with(selection, _COUNT), _values(selection)).fetchone()
    return int(row[0]) if row else 0


def replay(conn: Connection[Any], selection: Selection) -> int:
    """Queue copies of settled deliveries and return how many; each copy names its original.

    What waits is left alone, and dead ones are revived in place (``revive_dead``).

    Copies are committed in chunks when the connection commits automatically, so that a replay of
    a month neither holds locks for long nor loses what it has done when it is stopped.
    """
    total = 0
    after = UUID(int=0)
    statement = _with(selection, _REPLAY)
    while True:
        values = {**_values(selection), "after": after, "limit": CHUNK_ROWS}
        count, last = conn.execute(statement, values).fetchone() or (0, None)
        total += count
        if last is None:
            return total
        after = last


def revive_dead(conn: Connection[Any], selection: Selection) -> int:
    """Make dead deliveries due again, in place and with fresh attempts; return how many."""
    return conn.execute(_with(selection, _REVIVE), _values(selection)).rowcount


def _summaries(
    conn: Connection[Any], selection: Selection, limit: int, *, with_body: bool
) -> list[Summary]:
    values = {**_values(selection), "limit": limit, "with_body": with_body}
    with conn.cursor(row_factory=class_row(Summary)) as cursor:
        return cursor.execute(_with(selection, _LIST), values).fetchall()


def _values(selection: Selection) -> dict[str, Any]:
    return {
        "ids": list(selection.ids),
        **{name: getattr(selection, name) for name in _CONDITIONS if name != "ids"},
    }


def _with(selection: Selection, statement: str) -> sql.Composed:
    given = [sql.SQL(text) for name, text in _CONDITIONS.items() if getattr(selection, name)]
    conditions = sql.SQL(" AND ").join(given) if given else sql.SQL("true")
    return sql.SQL(cast("Any", statement)).format(conditions=conditions)
