"""Look at stored deliveries; and how a selection becomes a condition."""

from typing import Any, Final, cast
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row

from schemabase_dagster.inbox.records import Selection, Summary

_CONDITIONS: Final = {
    "ids": "w.id = ANY(%(ids)s)",
    "tenant": "t.slug = %(tenant)s",
    "provider": "w.provider = %(provider)s",
    "event_type": "w.event_type = %(event_type)s",
    "status": "w.status = %(status)s",
    "since": "w.received_at >= %(since)s",
    "until": "w.received_at < %(until)s",
}

# Ids are made on arrival and in its order.
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


def list_rows(conn: Connection[Any], selection: Selection, limit: int = 50) -> list[Summary]:
    """List deliveries, newest first, without their bodies."""
    return _summaries(conn, selection, limit, with_body=False)


def show(conn: Connection[Any], inbox_id: UUID) -> Summary | None:
    """Return one delivery with its body, or None."""
    found = _summaries(conn, Selection(ids=(inbox_id,)), 1, with_body=True)
    return found[0] if found else None


def narrowed(statement: str, selection: Selection) -> sql.Composed:
    """Put the conditions of a selection into a statement over ``w``, the inbox, and ``t``, tenants.

    Its parameters are ``values_of``.
    """
    given = [sql.SQL(text) for name, text in _CONDITIONS.items() if getattr(selection, name)]
    conditions = sql.SQL(" AND ").join(given) if given else sql.SQL("true")
    return sql.SQL(cast("Any", statement)).format(conditions=conditions)


def values_of(selection: Selection) -> dict[str, Any]:
    """Return the parameters of a narrowed statement."""
    return {
        "ids": list(selection.ids),
        **{name: getattr(selection, name) for name in _CONDITIONS if name != "ids"},
    }


def _summaries(
    conn: Connection[Any], selection: Selection, limit: int, *, with_body: bool
) -> list[Summary]:
    values = {**values_of(selection), "limit": limit, "with_body": with_body}
    with conn.cursor(row_factory=class_row(Summary)) as cursor:
        return cursor.execute(narrowed(_LIST, selection), values).fetchall()
