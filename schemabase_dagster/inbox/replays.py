"""Process stored deliveries once more: one, a range, the failed, the dead.

What was settled is copied, and the copy names its original; what failed or was given up is due at
once, in place and with fresh attempts; what waits for its turn or is held is left alone. A replay
is a row of ``platform.webhook_replay`` that moves on with each chunk, in the chunk's transaction:
one that was stopped goes on where it was.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection
from psycopg.rows import class_row
from uuid_utils.compat import uuid7

from schemabase_dagster.clock import parse_instant
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.inbox.lookups import narrowed, values_of
from schemabase_dagster.inbox.records import Selection

CHUNK_ROWS: Final = 1000
PER_SECOND: Final = 1000.0
"""Deliveries a replay makes due in a second; fresh ones have three quarters of a batch anyway."""

SETTLED: Final = ("processed", "ignored")

# Copies of copies are left out, or replaying a range twice would double its size each time.
_ELIGIBLE: Final = """
      (w.status IN ('processed', 'ignored') AND w.replay_of IS NULL
       OR w.status IN ('failed', 'dead') AND w.next_attempt_at <> 'infinity')
"""

_PREVIEW: Final = (
    """
SELECT t.slug AS tenant_slug, w.provider, w.status, count(*) AS count,
       min(w.received_at) AS first_received_at, max(w.received_at) AS last_received_at
FROM platform.webhook_inbox AS w
JOIN platform.tenant AS t ON t.id = w.tenant_id
WHERE {conditions}
  AND """
    + _ELIGIBLE
    + """
GROUP BY t.slug, w.provider, w.status
ORDER BY t.slug, w.provider, w.status
"""
)

_START: Final = """
INSERT INTO platform.webhook_replay (id, selection, after_id, copied, retried)
VALUES (%(id)s, %(selection)s, %(nothing)s, 0, 0)
ON CONFLICT (id) DO NOTHING
"""

_STATE: Final = """
SELECT id, selection, after_id, copied, retried, started_at, finished_at
FROM platform.webhook_replay
WHERE id = %(id)s
FOR UPDATE
"""

_CHOOSE: Final = (
    """
SELECT w.id, w.received_at, w.status
FROM platform.webhook_inbox AS w
JOIN platform.tenant AS t ON t.id = w.tenant_id
WHERE {conditions}
  AND w.id > %(after)s
  AND w.received_at < %(started_at)s
  AND """
    + _ELIGIBLE
    + """
ORDER BY w.id
LIMIT %(limit)s
"""
)

_COPY: Final = """
INSERT INTO platform.webhook_inbox
    (id, endpoint_id, tenant_id, app_id, provider, event_type, dedupe_key, method, query, headers,
     content_type, body, verify_scheme, source_ip, trace_id, replay_of)
SELECT chosen.copy_id, w.endpoint_id, w.tenant_id, w.app_id, w.provider, w.event_type,
       sha256(w.dedupe_key || convert_to('#r' || (
           SELECT count(*) + 1
           FROM platform.webhook_inbox AS earlier
           WHERE earlier.replay_of = w.id
       ), 'UTF8')),
       w.method, w.query, w.headers, w.content_type, w.body, w.verify_scheme, w.source_ip,
       w.trace_id, w.id
FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[], %(copies)s::uuid[])
     AS chosen (id, received_at, copy_id)
JOIN platform.webhook_inbox AS w ON w.id = chosen.id AND w.received_at = chosen.received_at
WHERE w.received_at BETWEEN %(first)s AND %(last)s
"""

_RETRY: Final = """
UPDATE platform.webhook_inbox AS w
SET status = 'failed',
    attempts = 0,
    next_attempt_at = now(),
    processed_at = NULL
FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS chosen (id, received_at)
WHERE w.id = chosen.id
  AND w.received_at = chosen.received_at
  AND w.received_at BETWEEN %(first)s AND %(last)s
  AND w.status IN ('failed', 'dead')
"""

_MOVE_ON: Final = """
UPDATE platform.webhook_replay
SET after_id = %(after)s,
    copied = copied + %(copied)s,
    retried = retried + %(retried)s,
    finished_at = CASE WHEN %(is_last)s THEN now() END
WHERE id = %(id)s
RETURNING id, selection, after_id, copied, retried, started_at, finished_at
"""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a replay would do to deliveries of one tenant, sender and status."""

    tenant_slug: str
    provider: str
    status: str
    count: int
    first_received_at: datetime
    last_received_at: datetime

    @property
    def is_copied(self) -> bool:
        """Tell whether they are copied; else they are tried again in place."""
        return self.status in SETTLED


@dataclass(frozen=True, slots=True)
class Replay:
    """State of a replay.

    Attributes:
        id: its id, by which a stopped one is resumed.
        selection: the filter as JSON.
        after_id: the last delivery that was seen to.
        copied: settled deliveries copied so far.
        retried: failed and dead ones due again so far.
        started_at: deliveries that came later are left out.
        finished_at: None = it is not over.
    """

    id: UUID
    selection: dict[str, Any]
    after_id: UUID
    copied: int
    retried: int
    started_at: datetime
    finished_at: datetime | None


def preview(conn: Connection[Any], selection: Selection) -> list[Preview]:
    """Count what a replay would do: the dry run."""
    with conn.cursor(row_factory=class_row(Preview)) as cursor:
        return cursor.execute(narrowed(_PREVIEW, selection), values_of(selection)).fetchall()


def start_replay(
    conn: Connection[Any], selection: Selection, replay_id: UUID | None = None
) -> UUID:
    """Note a replay to be done and return its id; one of the given id that is known stays.

    Args:
        conn: connection.
        selection: which deliveries.
        replay_id: its id; None = a new one.
    """
    replay_id = replay_id or uuid7()
    text = orjson.dumps(asdict(selection)).decode()
    conn.execute(_START, {"id": replay_id, "selection": text, "nothing": UUID(int=0)})
    return replay_id


def run_replay(
    conn: Connection[Any], replay_id: UUID, per_second: float = PER_SECOND
) -> Iterator[Replay]:
    """Go on with a replay to its end; yield its state after every chunk.

    Args:
        conn: a connection that commits automatically: each chunk is a transaction.
        replay_id: the replay.
        per_second: deliveries that are made due in a second, at most.

    Raises:
        ConfigurationError: there is no such replay.
    """
    limit = max(min(CHUNK_ROWS, round(per_second)), 1)
    while True:
        began = time.monotonic()
        done, state = _chunk(conn, replay_id, limit)
        yield state
        if state.finished_at is not None:
            return
        time.sleep(max(done / per_second - (time.monotonic() - began), 0))


def replay(conn: Connection[Any], selection: Selection) -> Replay:
    """Replay a selection at once and return the outcome."""
    *_, last = run_replay(conn, start_replay(conn, selection))
    return last


def _chunk(conn: Connection[Any], replay_id: UUID, limit: int) -> tuple[int, Replay]:
    """Do the next part of a replay; return how many deliveries it concerned, and the state."""
    with conn.transaction(), conn.cursor(row_factory=class_row(Replay)) as cursor:
        state = cursor.execute(_STATE, {"id": replay_id}).fetchone()
        if state is None:
            raise ConfigurationError(
                f"There is no replay '{replay_id}'.", "It is printed when one is started."
            )
        if state.finished_at is not None:
            return 0, state
        selection = _selection(state.selection)
        values = {
            **values_of(selection),
            "after": state.after_id,
            "started_at": state.started_at,
            "limit": limit,
        }
        chosen = conn.execute(narrowed(_CHOOSE, selection), values).fetchall()
        moved = {
            "id": replay_id,
            "after": chosen[-1][0] if chosen else state.after_id,
            "copied": _copy(conn, [row for row in chosen if row[2] in SETTLED]),
            "retried": _retry(conn, [row for row in chosen if row[2] not in SETTLED]),
            "is_last": len(chosen) < limit,
        }
        after = cursor.execute(_MOVE_ON, moved).fetchone()
    if after is None:
        raise AssertionError("the row is locked")
    return len(chosen), after


def _copy(conn: Connection[Any], rows: list[Any]) -> int:
    if not rows:
        return 0
    values = {**_places(rows), "copies": [uuid7() for _ in rows]}
    return conn.execute(_COPY, values).rowcount


def _retry(conn: Connection[Any], rows: list[Any]) -> int:
    return conn.execute(_RETRY, _places(rows)).rowcount if rows else 0


def _places(rows: list[Any]) -> dict[str, Any]:
    times = [row[1] for row in rows]
    return {
        "ids": [row[0] for row in rows],
        "times": times,
        "first": min(times),
        "last": max(times),
    }


def _selection(stored: dict[str, Any]) -> Selection:
    times = {name: stored[name] and parse_instant(stored[name]) for name in ("since", "until")}
    return Selection(**{**stored, **times, "ids": tuple(map(UUID, stored["ids"]))})
