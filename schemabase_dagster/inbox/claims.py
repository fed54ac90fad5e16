"""Claim due deliveries under a lease and settle them in the transaction that lands them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from schemabase_dagster.inbox.attempts import COUNT, LATENCY_SECONDS
from schemabase_dagster.inbox.records import InboxRow

Outcome: TypeAlias = Literal["processed", "ignored", "failed", "dead"]

LEASE_SECONDS: Final = 300
BATCH_ROWS: Final = 200
BACK_OFF_SECONDS: Final = (10, 60, 300, 1800, 7200, 21600, 43200, 86400)
"""Wait after the first, second, ... failure, with 20 % jitter; the failure after that is final."""

MAX_ATTEMPTS: Final = len(BACK_OFF_SECONDS) + 1
RETRY_SHARE: Final = 4
"""One row in four of a batch is kept for retries and replays, and three for fresh events: neither
starves the other. What fresh events leave, retries take."""

_BURY_POISONOUS: Final = (
    """
WITH attempted AS (
    UPDATE platform.webhook_inbox
    SET status = 'dead',
        processed_at = now(),
        last_error = 'permanent: the worker died ' || attempts || ' times while it held this row'
    WHERE status = 'claimed'
      AND claimed_until <= now()
      AND attempts >= %(max_attempts)s
      AND tenant_id = %(tenant_id)s
      AND provider = %(app_type)s
    RETURNING endpoint_id, status AS outcome,
              extract(epoch FROM clock_timestamp() - received_at)::float8 AS seconds
)
"""
    + COUNT
)

_CHOOSE: Final = """
WITH paused AS (
    SELECT id
    FROM platform.webhook_endpoint
    WHERE tenant_id = %(tenant_id)s
      AND paused_at IS NOT NULL
),
fresh AS (
    SELECT id, received_at
    FROM platform.webhook_inbox
    WHERE status IN ('received', 'failed')
      AND next_attempt_at <= now()
      AND status = 'received'
      AND attempts = 0
      AND replay_of IS NULL
      AND tenant_id = %(tenant_id)s
      AND provider = %(app_type)s
      AND (%(app_id)s::uuid IS NULL OR app_id = %(app_id)s)
      AND endpoint_id NOT IN (SELECT id FROM paused)
    ORDER BY next_attempt_at, id
    LIMIT %(fresh_limit)s
    FOR UPDATE SKIP LOCKED
),
retried AS (
    SELECT id, received_at
    FROM platform.webhook_inbox
    WHERE status IN ('received', 'failed')
      AND next_attempt_at <= now()
      AND (status = 'failed' OR attempts > 0 OR replay_of IS NOT NULL)
      AND tenant_id = %(tenant_id)s
      AND provider = %(app_type)s
      AND (%(app_id)s::uuid IS NULL OR app_id = %(app_id)s)
      AND endpoint_id NOT IN (SELECT id FROM paused)
    ORDER BY next_attempt_at, id
    LIMIT %(retry_limit)s + %(fresh_limit)s - (SELECT count(*) FROM fresh)
    FOR UPDATE SKIP LOCKED
),
expired AS (
    SELECT id, received_at
    FROM platform.webhook_inbox
    WHERE status = 'claimed'
      AND claimed_until <= now()
      AND tenant_id = %(tenant_id)s
      AND provider = %(app_type)s
      AND (%(app_id)s::uuid IS NULL OR app_id = %(app_id)s)
      AND endpoint_id NOT IN (SELECT id FROM paused)
    ORDER BY claimed_until, id
    LIMIT %(retry_limit)s
    FOR UPDATE SKIP LOCKED
)
SELECT id, received_at FROM fresh
UNION ALL
SELECT id, received_at FROM retried
UNION ALL
SELECT id, received_at FROM expired
"""

# The times and their bounds lead to the partitions of the rows; a key alone is in any of them.
_CLAIM: Final = """
WITH claimed AS (
    UPDATE platform.webhook_inbox AS w
    SET status = 'claimed',
        attempts = w.attempts + 1,
        claimed_by = %(worker)s,
        claimed_until = now() + make_interval(secs => %(lease_seconds)s)
    FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS chosen (id, received_at)
    WHERE w.id = chosen.id
      AND w.received_at = chosen.received_at
      AND w.received_at BETWEEN %(first)s AND %(last)s
    RETURNING w.*
)
SELECT id, tenant_id, app_id, endpoint_id, provider, event_type, query, headers, content_type,
       body, received_at, trace_id, attempts, claimed_by, replay_of
FROM claimed
ORDER BY received_at, id
"""

# A claim is fenced by its worker and attempt: who lost the lease settles nothing.
_SETTLE: Final = (
    """
WITH attempted AS (
    UPDATE platform.webhook_inbox AS w
    SET status = CASE WHEN %(outcome)s = 'failed' AND w.attempts >= %(max_attempts)s
                      THEN 'dead' ELSE %(outcome)s END,
        next_attempt_at = CASE WHEN %(outcome)s = 'failed'
                               THEN now() + make_interval(secs => greatest(
                                    %(retry_after)s::float8,
                                    (%(back_off)s::float8[])[least(w.attempts, %(steps)s)]
                                    * (0.8 + 0.4 * random())))
                               ELSE w.next_attempt_at END,
        processed_at = CASE WHEN %(outcome)s = 'failed' AND w.attempts < %(max_attempts)s
                            THEN NULL ELSE now() END,
        last_error = %(reason)s,
        run_id = %(run_id)s,
        claimed_by = NULL,
        claimed_until = NULL
    FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[], %(workers)s::text[],
                %(attempts)s::int[]) AS held (id, received_at, worker, attempts)
    WHERE w.id = held.id
      AND w.received_at = held.received_at
      AND w.received_at BETWEEN %(first)s AND %(last)s
      AND w.status = 'claimed'
      AND w.claimed_by = held.worker
      AND w.attempts = held.attempts
    RETURNING w.endpoint_id,
              CASE WHEN w.status = 'failed' AND %(passing)s THEN 'unavailable'
                   ELSE w.status END AS outcome,
              extract(epoch FROM clock_timestamp() - w.received_at)::float8 AS seconds
),
counted AS (
"""
    + COUNT
    + """
)
SELECT count(*)
FROM attempted
"""
)

_GIVE_BACK: Final = """
UPDATE platform.webhook_inbox AS w
SET status = 'received',
    attempts = w.attempts - 1,
    next_attempt_at = now() + make_interval(secs => %(delay_seconds)s),
    last_error = %(reason)s,
    claimed_by = NULL,
    claimed_until = NULL
FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[], %(workers)s::text[], %(attempts)s::int[])
     AS held (id, received_at, worker, attempts)
WHERE w.id = held.id
  AND w.received_at = held.received_at
  AND w.received_at BETWEEN %(first)s AND %(last)s
  AND w.status = 'claimed'
  AND w.claimed_by = held.worker
  AND w.attempts = held.attempts
"""


def claim(
    conn: Connection[Any],
    tenant_id: UUID,
    app_type: str,
    limit: int = BATCH_ROWS,
    *,
    worker: str,
    lease_seconds: float = LEASE_SECONDS,
    app_id: UUID | None = None,
) -> list[InboxRow]:
    """Take due deliveries of a tenant's system for this worker, oldest first.

    The lease counts once the caller commits, so claim in a transaction of its own. Two workers
    never get the same row; after ``lease_seconds`` without ``settle`` a row is due again. A batch
    can be smaller than ``limit`` although more is due: go on until it is empty.

    Args:
        conn: connection; the caller commits.
        tenant_id: tenant.
        app_type: system of the apps, ``platform.app.type``.
        limit: upper bound of rows.
        worker: name of the worker, for instance the run id.
        lease_seconds: time the worker has for them.
        app_id: only deliveries of this app.
    """
    retries = max(limit // RETRY_SHARE // 2, 1)
    values = {
        "tenant_id": tenant_id,
        "app_type": app_type,
        "app_id": app_id,
        "worker": worker,
        "lease_seconds": lease_seconds,
        "fresh_limit": max(limit - 2 * retries, 1),
        "retry_limit": retries,
        "max_attempts": MAX_ATTEMPTS,
        "latency_seconds": list(LATENCY_SECONDS),
    }
    with conn.transaction(), conn.cursor(row_factory=class_row(InboxRow), binary=True) as cursor:
        conn.execute(_BURY_POISONOUS, values)
        chosen = conn.execute(_CHOOSE, values).fetchall()
        if not chosen:
            return []
        ids, times = [row[0] for row in chosen], [row[1] for row in chosen]
        return cursor.execute(_CLAIM, {**values, **_places(ids, times)}).fetchall()


def settle(
    conn: Connection[Any],
    rows: Sequence[InboxRow],
    outcome: Outcome,
    reason: str | None = None,
    *,
    run_id: str | None = None,
    retry_after_seconds: float = 0,
    passing: bool = False,
) -> int:
    """Record what became of claimed deliveries, in the transaction that holds their effect.

    ``failed`` makes them due again after a back-off, or ``dead`` after the ninth attempt.

    Args:
        conn: the connection of the landing transaction.
        rows: rows as ``claim`` gave them.
        outcome: ``processed``, ``ignored``, ``failed`` or ``dead``.
        reason: why, for all but ``processed``; no payload. Of ``dead`` it gets the prefix
            ``permanent:``.
        run_id: Dagster run.
        retry_after_seconds: least wait before a ``failed`` row is tried again.
        passing: the fault passes by itself, so the circuit breaker does not count it.

    Returns:
        How many rows were settled; fewer than given when a lease ran out and another worker
        claimed the row, which then settles it.
    """
    if not rows:
        return 0
    if outcome == "dead" and not (reason or "").startswith("permanent:"):
        reason = f"permanent: {reason or 'unknown'}"
    values = {
        **_fences(rows),
        "outcome": outcome,
        "reason": reason,
        "run_id": run_id,
        "retry_after": retry_after_seconds,
        "back_off": list(map(float, BACK_OFF_SECONDS)),
        "steps": len(BACK_OFF_SECONDS),
        "max_attempts": MAX_ATTEMPTS,
        "passing": passing,
        "latency_seconds": list(LATENCY_SECONDS),
    }
    row = conn.execute(_SETTLE, values).fetchone()
    return int(row[0]) if row else 0


def give_back(
    conn: Connection[Any], rows: Sequence[InboxRow], delay_seconds: float, reason: str
) -> int:
    """Return claimed deliveries untried, without counting the attempt.

    For faults that are not the delivery's: no quota left, refused credentials.
    """
    if not rows:
        return 0
    values = {**_fences(rows), "delay_seconds": delay_seconds, "reason": reason}
    return conn.execute(_GIVE_BACK, values).rowcount


def _fences(rows: Sequence[InboxRow]) -> dict[str, Any]:
    return {
        **_places([row.id for row in rows], [row.received_at for row in rows]),
        "workers": [row.claimed_by for row in rows],
        "attempts": [row.attempts for row in rows],
    }


def _places(ids: list[UUID], times: list[datetime]) -> dict[str, Any]:
    """Return where rows lie: their keys, and the span of time whose partitions hold them."""
    return {
        "ids": ids,
        "times": times,
        "first": min(times),
        "last": max(times),
    }
