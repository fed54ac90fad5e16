"""Retention of the inbox and its state in numbers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from schemabase_dagster.clock import utc_now
from schemabase_dagster.inbox import log_batches
from schemabase_dagster.migrations import inbox_days

KEEP_SETTLED: Final = timedelta(days=30)
"""Settled, dead and held deliveries, and what they changed, go with their UTC day when it is as
old, and refusals after that time (personal data)."""

KEEP_KEYS: Final = timedelta(days=35)
"""A key outlives its delivery, so that a late repeat is still known."""

DAYS_AHEAD: Final = 7
"""Partitions that are there in advance: so long may the upkeep fail."""

LOCK_WAIT: Final = "1s"
"""Longest wait for a lock: whoever inserts waits behind it. What was not possible now is an hour
later."""

CHUNK_ROWS: Final = 5000

_PURGES: Final = (
    # what a partition holds that must stay, or that had none
    """
DELETE FROM platform.webhook_inbox
WHERE received_at < %(day)s
  AND (id, received_at) IN (
    SELECT id, received_at
    FROM platform.webhook_inbox
    WHERE received_at < %(day)s
      AND (status IN ('processed', 'ignored', 'dead') OR next_attempt_at = 'infinity')
    LIMIT %(chunk)s
)
""",
    """
DELETE FROM platform.webhook_effect
WHERE ctid = ANY (ARRAY(
    SELECT ctid
    FROM platform.webhook_effect
    WHERE received_at < %(day)s
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

_WAIT: Final = "SELECT set_config('lock_timeout', %(wait)s, false)"

_DEFAULT_ROWS: Final = """
SELECT count(*) FILTER (WHERE received_at > now() - interval '1 day')
FROM (
    SELECT received_at
    FROM platform.webhook_inbox_default
    ORDER BY id DESC
    LIMIT %(most)s
) AS newest
"""

# One part for each partial index: together they would read every delivery.
_BACKLOG: Final = """
SELECT provider, status, count(*) AS count,
       coalesce(extract(epoch FROM now() - min(next_attempt_at) FILTER (
           WHERE next_attempt_at <= now())), 0)::float8 AS oldest_due_seconds
FROM platform.webhook_inbox
WHERE status IN ('received', 'failed')
GROUP BY provider, status
UNION ALL
SELECT provider, status, count(*),
       coalesce(extract(epoch FROM now() - min(claimed_until) FILTER (
           WHERE claimed_until <= now())), 0)::float8
FROM platform.webhook_inbox
WHERE status = 'claimed'
GROUP BY provider, status
UNION ALL
SELECT provider, status, count(*), 0
FROM platform.webhook_inbox
WHERE status = 'dead'
GROUP BY provider, status
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries of one sender in one unfinished status.

    ``oldest_due_seconds`` is since when the oldest of them could have been processed.
    """

    provider: str
    status: str
    count: int
    oldest_due_seconds: float


def backlog(conn: Connection[Any]) -> list[Backlog]:
    """Count what is not settled, and what is dead, by sender and status."""
    with conn.cursor(row_factory=class_row(Backlog)) as cursor:
        return cursor.execute(_BACKLOG).fetchall()


def prepare_days(conn: Connection[Any]) -> list[date]:
    """Make the partitions of the days to come and return those that were missing.

    Args:
        conn: a connection that commits automatically.
    """
    with _short_waits(conn):
        return inbox_days.make_days(conn, DAYS_AHEAD)


def purge(conn: Connection[Any]) -> int:
    """Delete what is older than its retention and return the number of rows and whole days.

    A day of the inbox goes with its partition; only where it still holds deliveries to be processed
    the others are deleted one by one. On a connection that commits automatically every chunk is a
    transaction of its own.
    """
    day = (utc_now() - KEEP_SETTLED).date()
    with _short_waits(conn):
        total = len(inbox_days.drop_days(conn, day))
    values = {
        "day": datetime.combine(day, time(), UTC),
        "settled": KEEP_SETTLED,
        "keys": KEEP_KEYS,
        "chunk": CHUNK_ROWS,
        "delivered": log_batches.KEEP_DELIVERED,
        "log_senders": list(log_batches.LOG_SENDERS),
    }
    for statement in (*_PURGES, *log_batches.PURGES):
        deleted = CHUNK_ROWS
        while deleted == CHUNK_ROWS:
            deleted = conn.execute(statement, values).rowcount
            total += deleted
    return total


def count_unplaced(conn: Connection[Any], most: int = 1000) -> int:
    """Count deliveries of the last day that had no partition, up to a number.

    If there are any, the upkeep did not run for days.
    """
    row = conn.execute(_DEFAULT_ROWS, {"most": most}).fetchone()
    return int(row[0]) if row else 0


@contextmanager
def _short_waits(conn: Connection[Any]) -> Iterator[None]:
    conn.execute(_WAIT, {"wait": LOCK_WAIT})
    try:
        yield
    finally:
        conn.execute("RESET lock_timeout")
