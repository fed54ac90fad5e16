"""What became of attempts, counted by endpoint and minute: metrics, and the circuit breaker."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.rows import class_row

LATENCY_SECONDS: Final = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0, 3600.0)
"""Upper bounds of the time from arrival to the end of an attempt; above the last lies the rest."""

BREAKER_WINDOW: Final = timedelta(minutes=10)
BREAKER_ATTEMPTS: Final = 20
BREAKER_SHARE: Final = 0.5
"""An endpoint is paused when more of at least so many attempts within the window failed."""

KEEP_MINUTES: Final = timedelta(hours=1)

COUNT: Final[LiteralString] = """
INSERT INTO platform.webhook_attempts AS a
    (endpoint_id, outcome, minute_at, latency_bucket, attempts, seconds)
SELECT endpoint_id, outcome, date_trunc('minute', now()),
       width_bucket(seconds, %(latency_seconds)s::float8[]), count(*), sum(seconds)
FROM attempted
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
ON CONFLICT (endpoint_id, outcome, minute_at, latency_bucket) DO UPDATE
    SET attempts = a.attempts + excluded.attempts,
        seconds = a.seconds + excluded.seconds
"""
"""Counts the rows of a CTE ``attempted (endpoint_id, outcome, seconds)``."""

_FOLD: Final = """
WITH attempted AS (
    DELETE FROM platform.webhook_attempts
    WHERE minute_at < now() - %(keep)s
      AND minute_at > '-infinity'
    RETURNING endpoint_id, outcome, latency_bucket, attempts, seconds
)
INSERT INTO platform.webhook_attempts AS a
    (endpoint_id, outcome, minute_at, latency_bucket, attempts, seconds)
SELECT endpoint_id, outcome, timestamptz '-infinity', latency_bucket, sum(attempts), sum(seconds)
FROM attempted
GROUP BY 1, 2, 3, 4
ON CONFLICT (endpoint_id, outcome, minute_at, latency_bucket) DO UPDATE
    SET attempts = a.attempts + excluded.attempts,
        seconds = a.seconds + excluded.seconds
"""

# Faults that pass by themselves need no person, so they neither trip the breaker nor dilute it.
_FAILING: Final = """
SELECT a.endpoint_id, t.slug AS tenant_slug, e.provider, sum(a.attempts)::int AS attempts,
       (sum(a.attempts) FILTER (WHERE a.outcome IN ('failed', 'dead')))::int AS failed
FROM platform.webhook_attempts AS a
JOIN platform.webhook_endpoint AS e ON e.id = a.endpoint_id
JOIN platform.tenant AS t ON t.id = e.tenant_id
WHERE a.minute_at > now() - %(window)s
  AND a.outcome <> 'unavailable'
  AND e.deleted_at IS NULL
  AND e.paused_at IS NULL
  AND (e.resumed_at IS NULL OR a.minute_at >= e.resumed_at)
GROUP BY a.endpoint_id, t.slug, e.provider
HAVING sum(a.attempts) >= %(least)s
   AND sum(a.attempts) FILTER (WHERE a.outcome IN ('failed', 'dead'))
       > %(share)s * sum(a.attempts)
ORDER BY a.endpoint_id
"""

_TOTALS: Final = """
SELECT e.provider, t.slug AS tenant_slug, a.outcome, a.latency_bucket,
       sum(a.attempts)::float8 AS attempts, sum(a.seconds) AS seconds
FROM platform.webhook_attempts AS a
JOIN platform.webhook_endpoint AS e ON e.id = a.endpoint_id
JOIN platform.tenant AS t ON t.id = e.tenant_id
GROUP BY e.provider, t.slug, a.outcome, a.latency_bucket
"""


@dataclass(frozen=True, slots=True)
class Failing:
    """An endpoint whose attempts mostly fail."""

    endpoint_id: str
    tenant_slug: str
    provider: str
    attempts: int
    failed: int


@dataclass(frozen=True, slots=True)
class AttemptTotal:
    """All attempts ever of one outcome and span of ``LATENCY_SECONDS``."""

    provider: str
    tenant_slug: str
    outcome: str
    latency_bucket: int
    attempts: float
    seconds: float


def find_failing(conn: Connection[Any]) -> list[Failing]:
    """Return the endpoints that the circuit breaker has to pause."""
    values = {
        "window": BREAKER_WINDOW,
        "least": BREAKER_ATTEMPTS,
        "share": BREAKER_SHARE,
    }
    with conn.cursor(row_factory=class_row(Failing)) as cursor:
        return cursor.execute(_FAILING, values).fetchall()


def attempt_totals(conn: Connection[Any]) -> list[AttemptTotal]:
    """Return counts that only ever grow, as a counter has to."""
    with conn.cursor(row_factory=class_row(AttemptTotal)) as cursor:
        return cursor.execute(_TOTALS).fetchall()


def fold_attempts(conn: Connection[Any]) -> int:
    """Add minutes that nobody asks for any more to the sum of all before; return their rows."""
    return conn.execute(_FOLD, {"keep": KEEP_MINUTES}).rowcount
