"""How often senders deliver, and which have fallen silent: one that gave us up tells nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

SILENCE_FACTOR: Final = 3.0
"""A silence counts from so many usual gaps on."""

LEAST_SILENCE_SECONDS: Final = 600.0
"""A pause below that is nothing to be told of, however busy the endpoint is."""

LEAST_DAYS: Final = 3
"""So many days of deliveries must be known before anything is usual."""

USUAL_DAYS: Final = 14
KEEP_DAYS: Final = 35

_NOTE: Final = """
INSERT INTO platform.webhook_activity AS a
    (endpoint_id, day, deliveries, last_at, longest_gap_seconds)
SELECT s.endpoint_id, (now() AT TIME ZONE 'UTC')::date, s.deliveries, now(),
       coalesce(greatest(extract(epoch FROM now() - (
           SELECT max(before.last_at)
           FROM platform.webhook_activity AS before
           WHERE before.endpoint_id = s.endpoint_id)), 0), 0)
FROM unnest(%(endpoints)s::text[], %(deliveries)s::bigint[]) AS s (endpoint_id, deliveries)
ORDER BY s.endpoint_id
ON CONFLICT (endpoint_id, day) DO UPDATE
    SET deliveries = a.deliveries + excluded.deliveries,
        last_at = greatest(a.last_at, excluded.last_at),
        longest_gap_seconds = greatest(a.longest_gap_seconds, excluded.longest_gap_seconds)
"""

# Usual is what a day's longest gap mostly is: so quiet nights are usual, and one outage is not.
# Today is left out, since its longest gap may be to come.
_LISTENING: Final = """
SELECT e.id AS endpoint_id, t.slug AS tenant_slug, e.provider,
       extract(epoch FROM now() - max(a.last_at))::float8 AS silent_seconds,
       CASE WHEN count(*) FILTER (WHERE a.day < today.day
                                  AND a.day >= today.day - %(usual_days)s) >= %(least_days)s
            THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY a.longest_gap_seconds)
                 FILTER (WHERE a.day < today.day AND a.day >= today.day - %(usual_days)s)
       END AS usual_gap_seconds
FROM platform.webhook_endpoint AS e
JOIN platform.tenant AS t ON t.id = e.tenant_id
JOIN platform.webhook_activity AS a ON a.endpoint_id = e.id
CROSS JOIN (SELECT (now() AT TIME ZONE 'UTC')::date AS day) AS today
WHERE e.deleted_at IS NULL
  AND e.enabled
  AND t.active
GROUP BY e.id, t.slug, e.provider
ORDER BY t.slug, e.provider, e.id
"""

_PAUSED: Final = """
SELECT provider, count(*)
FROM platform.webhook_endpoint
WHERE deleted_at IS NULL
  AND paused_at IS NOT NULL
GROUP BY provider
"""

# The latest day stays, whatever its age: it says since when an endpoint is silent.
_FORGET: Final = """
DELETE FROM platform.webhook_activity AS a
WHERE a.day < (now() AT TIME ZONE 'UTC')::date - %(keep_days)s
  AND EXISTS (
      SELECT FROM platform.webhook_activity AS later
      WHERE later.endpoint_id = a.endpoint_id AND later.day > a.day)
"""


@dataclass(frozen=True, slots=True)
class Listening:
    """An endpoint that has had deliveries.

    Attributes:
        endpoint_id: the endpoint.
        tenant_slug: its tenant.
        provider: its sender.
        silent_seconds: time since the latest delivery.
        usual_gap_seconds: what the longest gap of a day mostly is; None = too few days known.
    """

    endpoint_id: str
    tenant_slug: str
    provider: str
    silent_seconds: float
    usual_gap_seconds: float | None

    @property
    def is_silent(self) -> bool:
        """Tell whether it is quiet for much longer than usual."""
        return (
            self.usual_gap_seconds is not None
            and self.silent_seconds > LEAST_SILENCE_SECONDS
            and self.silent_seconds > SILENCE_FACTOR * self.usual_gap_seconds
        )


def note_activity(conn: Connection[Any], deliveries: Mapping[str, int]) -> None:
    """Note deliveries that came just now, by endpoint; gateways do so every second."""
    values = {"endpoints": list(deliveries), "deliveries": list(deliveries.values())}
    conn.execute(_NOTE, values)


def list_listening(conn: Connection[Any]) -> list[Listening]:
    """Return the enabled endpoints of active tenants that have had deliveries."""
    values = {"usual_days": USUAL_DAYS, "least_days": LEAST_DAYS}
    with conn.cursor(row_factory=class_row(Listening)) as cursor:
        return cursor.execute(_LISTENING, values).fetchall()


def count_paused(conn: Connection[Any]) -> dict[str, int]:
    """Count the endpoints whose deliveries are stored only, by sender."""
    return dict(conn.execute(_PAUSED).fetchall())


def forget_activity(conn: Connection[Any]) -> int:
    """Delete the days that nobody compares with any more and return their number."""
    return conn.execute(_FORGET, {"keep_days": KEEP_DAYS}).rowcount
