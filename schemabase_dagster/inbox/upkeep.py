"""Retention of the inbox and its state in numbers."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

KEEP_SETTLED: Final = timedelta(days=30)
"""Settled, dead and held deliveries, what they changed, and refusals are dropped after that."""

KEEP_KEYS: Final = timedelta(days=35)
"""A key outlives its delivery, so that a late repeat is still known."""

CHUNK_ROWS: Final = 5000

_PURGES: Final = (
    """
DELETE FROM platform.webhook_inbox
WHERE id IN (
    SELECT id
    FROM platform.webhook_inbox
    WHERE received_at < now() - %(settled)s
      AND (status IN ('processed', 'ignored', 'dead') OR next_attempt_at = 'infinity')
    LIMIT %(chunk)s
)
""",
    """
DELETE FROM platform.webhook_effect
WHERE ctid = ANY (ARRAY(
    SELECT ctid
    FROM platform.webhook_effect
    WHERE received_at < now() - %(settled)s
    LIMIT %(chunk)s
))
""",
    """
DELETE FROM platform.webhook_dedupe
WHERE (endpoint_id, dedupe_key) IN (
    SELECT endpoint_id, dedupe_key
    FROM platform.webhook_dedupe
    WHERE first_seen_at < now() - %(keys)s
    LIMIT %(chunk)s
)
""",
    """
DELETE FROM platform.webhook_reject
WHERE id IN (
    SELECT id
    FROM platform.webhook_reject
    WHERE received_at < now() - %(settled)s
    LIMIT %(chunk)s
)
""",
)

_BACKLOG: Final = """
SELECT provider, status, count(*) AS count,
       coalesce(extract(epoch FROM now() - min(received_at) FILTER (
           WHERE next_attempt_at <= now())), 0)::float8 AS oldest_due_seconds
FROM platform.webhook_inbox
WHERE status IN ('received', 'failed', 'claimed')
GROUP BY provider, status
UNION ALL
SELECT provider, status, count(*), 0
FROM platform.webhook_inbox
WHERE status = 'dead'
GROUP BY provider, status
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries of one sender in one unfinished status; ``oldest_due_seconds`` is their age."""

    provider: str
    status: str
    count: int
    oldest_due_seconds: float


def backlog(conn: Connection[Any]) -> list[Backlog]:
    """Count what is not settled, and what is dead, by sender and status."""
    with conn.cursor(row_factory=class_row(Backlog)) as cursor:
        return cursor.execute(_BACKLOG).fetchall()


def purge(conn: Connection[Any]) -> int:
    """Delete what is older than its retention and return the number of rows.

    On a connection that commits automatically every chunk is a transaction of its own.
    """
    values = {"settled": KEEP_SETTLED, "keys": KEEP_KEYS, "chunk": CHUNK_ROWS}
    total = 0
    for statement in _PURGES:
        deleted = CHUNK_ROWS
        while deleted == CHUNK_ROWS:
            deleted = conn.execute(statement, values).rowcount
            total += deleted
    return total
