"""Sync state: watermark, unfinished scan and outcome of each stream of each app."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection

from schemabase_dagster import database
from schemabase_dagster.clock import parse_instant, utc_now
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.streams import JsonObject, Stream
from schemabase_dagster.tenancy import App


@dataclass(frozen=True, slots=True)
class Scan:
    """An unfinished whole listing.

    Attributes:
        started_at: when it started; what was stored before and is not seen is suspected.
        since: only records modified since then; None = all, and what is not seen is suspected.
        resume: where the listing goes on; None = from its beginning.
        done: records seen so far.
        total: records in total, where the source says so.
        seconds: time spent on it so far.
        calls: calls made for it so far.
        estimate_seconds: estimated rest; None while nothing is known.
        waits: it stopped because the account's calls of the day were used up.
    """

    started_at: datetime
    since: datetime | None = None
    resume: JsonObject | None = None
    done: int = 0
    total: int | None = None
    seconds: float = 0.0
    calls: int = 0
    estimate_seconds: int | None = None
    waits: bool = False

    def as_json(self) -> JsonObject:
        """Return the scan as stored in ``sync_state.cursor``."""
        return {
            "started_at": self.started_at.isoformat(),
            "since": self.since.isoformat() if self.since else None,
            "resume": self.resume,
            "done": self.done,
            "total": self.total,
            "seconds": round(self.seconds, 3),
            "calls": self.calls,
            "estimate_seconds": self.estimate_seconds,
            "waits": self.waits,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Scan":
        """Read a scan from ``sync_state.cursor``."""
        since = value["since"]
        return cls(
            **{
                **value,
                "started_at": parse_instant(value["started_at"]),
                "since": parse_instant(since) if since else None,
            }
        )

    def estimated(self, seconds_for: Callable[[float], float]) -> "Scan":
        """Return the scan with an estimate of its rest, by the pace so far and the quota.

        Args:
            seconds_for: least time that a number of calls takes by the account's limits.
        """
        if self.total is None or not self.done:
            return self
        left = max(self.total - self.done, 0) / self.done
        estimate = max(self.seconds * left, seconds_for(self.calls * left))
        return replace(self, estimate_seconds=int(estimate))


@dataclass(frozen=True, slots=True)
class SyncState:
    """How far a stream of an app is synced."""

    watermark: datetime | None = None
    scan: Scan | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    overlap: timedelta | None = None
    initial_lookback: timedelta | None = None


_LOAD = """
SELECT s.watermark, s.cursor, e.options, e.overlap, e.initial_lookback
FROM (SELECT %s::uuid AS app_id, %s::text AS stream) AS k
LEFT JOIN platform.sync_state AS s ON s.app_id = k.app_id AND s.stream = k.stream
LEFT JOIN platform.app_entity AS e
    ON e.app_id = k.app_id AND e.entity = k.stream AND e.direction = 'pull'
"""

_START = """
INSERT INTO platform.sync_state (app_id, stream, last_started_at)
VALUES (%s, %s, now())
ON CONFLICT (app_id, stream) DO UPDATE SET last_started_at = now(), updated_at = now()
"""

_MOVE_WATERMARK = """
UPDATE platform.sync_state
SET watermark = greatest(watermark, %s), updated_at = now()
WHERE app_id = %s AND stream = %s
"""

_SAVE_SCAN = """
UPDATE platform.sync_state
SET cursor = %s, estimate_seconds = %s, updated_at = now()
WHERE app_id = %s AND stream = %s
"""

_FINISH = """
UPDATE platform.sync_state SET
    last_status = %(status)s,
    last_success_at = CASE WHEN %(status)s = 'success' THEN now() ELSE last_success_at END,
    last_full_at = CASE WHEN %(full)s AND %(status)s = 'success' THEN now() ELSE last_full_at END,
    consecutive_errors = CASE WHEN %(status)s = 'failure' THEN consecutive_errors + 1 ELSE 0 END,
    last_error = %(error)s,
    last_counts = coalesce(%(counts)s::jsonb, last_counts),
    updated_at = now()
WHERE app_id = %(app_id)s AND stream = %(stream)s
"""

_SKIP = """
INSERT INTO platform.sync_state (app_id, stream, last_status, last_success_at, requested_at)
SELECT app_id, stream, 'success', %(now)s, %(now)s
FROM unnest(%(apps)s::uuid[], %(streams)s::text[]) AS skipped (app_id, stream)
ON CONFLICT (app_id, stream) DO UPDATE SET
    last_status = 'success', last_success_at = %(now)s, requested_at = %(now)s,
    consecutive_errors = 0, last_error = NULL, updated_at = now()
"""

_RUN = """
INSERT INTO platform.sync_run (
    app_id, stream, run_id, trigger, started_at, finished_at, status, counts, error)
VALUES (%(app_id)s, %(stream)s, %(run_id)s, %(trigger)s, %(started_at)s, now(), %(status)s,
    coalesce(%(counts)s::jsonb, '{}'), %(error)s)
"""


def load(conn: Connection, stream: Stream, app: App) -> SyncState:
    """Return the state of a stream of an app; an empty one when it was never synced."""
    row = conn.execute(_LOAD, (app.id, stream.name)).fetchone()
    if row is None:
        return SyncState()
    scan = (row[1] or {}).get("scan")
    return SyncState(row[0], Scan.from_json(scan) if scan else None, row[2] or {}, row[3], row[4])


def start(conn: Connection, stream: Stream, app: App) -> None:
    """Record the start of an attempt."""
    conn.execute(_START, (app.id, stream.name))


def move_watermark(conn: Connection, stream: Stream, app: App, instant: datetime) -> None:
    """Move the watermark forward; it never goes back."""
    conn.execute(_MOVE_WATERMARK, (instant, app.id, stream.name))


def save_scan(conn: Connection, stream: Stream, app: App, scan: Scan | None) -> None:
    """Store where an unfinished scan goes on, or that there is none."""
    cursor = orjson.dumps({"scan": scan.as_json()} if scan else {}).decode()
    estimate = scan.estimate_seconds if scan else None
    conn.execute(_SAVE_SCAN, (cursor, estimate, app.id, stream.name))


def skip(conn: Connection, pulled: Collection[tuple[UUID, str]], now: datetime) -> None:
    """Record that streams of apps, as (app, name), are complete: a pull would have done nothing.

    A pull without a call ends as success just the same.
    """
    apps, streams = [app_id for app_id, _ in pulled], [name for _, name in pulled]
    conn.execute(_SKIP, {"now": now, "apps": apps, "streams": streams})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to sync a stream, recorded in ``sync_state`` and ``sync_run`` when it ends."""

    stream: Stream
    app: App
    run_id: str | None
    trigger: str
    full: bool
    started_at: datetime = field(default_factory=utc_now)

    def ended(self, conn: Connection, result: SyncResult) -> None:
        """Record a success, or a partial one when work is left."""
        counts = orjson.dumps(result.counts()).decode()
        self._record(conn, "partial" if result.partial else "success", counts, None)

    def failed(self, conn: Connection, error: str) -> None:
        """Record a failure; the text must be free of secrets."""
        self._record(conn, "failure", None, error)

    def _record(self, conn: Connection, status: str, counts: str | None, error: str | None) -> None:
        values = {
            "status": status,
            "full": self.full,
            "error": error,
            "counts": counts,
            "app_id": self.app.id,
            "stream": self.stream.name,
            "run_id": self.run_id,
            "trigger": self.trigger,
            "started_at": self.started_at,
        }
        conn.execute(_FINISH, values)
        conn.execute(_RUN, values)


@contextmanager
def exclusive(stream: Stream, app: App) -> Iterator[None]:
    """Hold the right to list a stream of an app; a second run waits until the first has ended."""
    with database.connect(autocommit=True) as conn:
        database.advisory_lock(conn, "pull", app.id, stream.name)
        yield
