"""Set records aside with the reason, list them, and try them again on every later run."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import Connection

from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App

Stage = Literal["land", "map"]

WAITS: Final = "waits"
"""Code of a record that only waits for another one, which puts it back into the queue."""

_KEEP = """
INSERT INTO platform.rejects AS r (
    tenant_id, app_id, stream, stage, external_id, payload, payload_sha256, code, path, reason)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (app_id, stream, stage, external_id, payload_sha256) DO UPDATE SET
    payload = excluded.payload, code = excluded.code, path = excluded.path,
    reason = excluded.reason, attempts = r.attempts + 1, last_at = now()
"""

# a record of known id has one reject per stage, whatever its payload was
_FORGET_OLDER = """
DELETE FROM platform.rejects
WHERE app_id = %s AND stream = %s AND stage = 'land' AND external_id = %s
    AND payload_sha256 IS DISTINCT FROM %s
"""

_CLEAR = """
DELETE FROM platform.rejects
WHERE app_id = %s AND stream = %s AND stage = %s AND external_id = ANY(%s)
"""

_LANDING_REJECTS = """
SELECT id, payload FROM platform.rejects
WHERE app_id = %s AND stream = %s AND stage = 'land' AND id > %s
ORDER BY id
LIMIT %s
"""

_REQUEUE_MAPPING_REJECTS = """
INSERT INTO platform.todo (tenant_id, stream, app_id, external_id)
SELECT r.tenant_id, r.stream, r.app_id, r.external_id
FROM platform.rejects AS r
WHERE r.tenant_id = %(tenant_id)s AND r.stream = ANY(%(streams)s) AND r.stage = 'map'
    AND r.code <> %(waits)s
    AND NOT EXISTS (
        SELECT FROM platform.todo AS t
        WHERE t.tenant_id = r.tenant_id AND t.stream = r.stream
            AND t.app_id = r.app_id AND t.external_id = r.external_id)
"""


@dataclass(frozen=True, slots=True)
class MappingReject:
    """A raw record that could not be mapped."""

    stream: str
    app_id: UUID
    external_id: str
    error: RecordRejected


def keep_refused(conn: Connection, stream: Stream, app: App, refused: Iterable[Any]) -> None:
    """Keep records that raw cannot hold, whole, so that a fix lands them without a new fetch."""
    rows = []
    for item in refused:
        digest = hashlib.sha256(item.payload).digest()
        error = item.error
        rows.append((
            app.tenant_id, app.id, stream.name, "land", item.external_id, item.payload, digest,
            error.code, error.path, error.reason,
        ))  # fmt: skip
        if item.external_id is not None:
            conn.execute(_FORGET_OLDER, (app.id, stream.name, item.external_id, digest))
    with conn.cursor() as cursor:
        cursor.executemany(_KEEP, rows)


def keep_mapping_rejects(
    conn: Connection, tenant_id: UUID, rejects: Sequence[MappingReject]
) -> None:
    """Keep the reasons of records that are in raw and could not be mapped."""
    rows = [
        (tenant_id, item.app_id, item.stream, "map", item.external_id, None, None,
         item.error.code, item.error.path, item.error.reason)
        for item in rejects
    ]  # fmt: skip
    with conn.cursor() as cursor:
        cursor.executemany(_KEEP, rows)


def clear_rejects(
    conn: Connection, stream: Stream, app: App, ids: Sequence[str], *, stage: Stage
) -> None:
    """Forget the rejects of records that passed."""
    conn.execute(_CLEAR, (app.id, stream.name, stage, list(ids)))


# Most batches meet no reject at all: asking that costs less than sending the batch's keys.
_HAS_MAPPED = """
SELECT EXISTS (SELECT FROM platform.rejects WHERE app_id = ANY(%s) AND stage = 'map')
"""

_CLEAR_MAPPED = """
DELETE FROM platform.rejects AS r
USING unnest(%s::uuid[], %s::text[], %s::text[]) AS p (app_id, stream, external_id)
WHERE r.stage = 'map' AND r.app_id = p.app_id AND r.stream = p.stream
    AND r.external_id = p.external_id
"""


def clear_mapping_rejects(conn: Connection, passed: Sequence[tuple[UUID, str, str]]) -> None:
    """Forget the mapping rejects of records (app id, stream, external id) that passed."""
    apps = list({item[0] for item in passed})
    if conn.execute(_HAS_MAPPED, (apps,)).fetchone() == (True,):
        columns = ([item[i] for item in passed] for i in range(3))
        conn.execute(_CLEAR_MAPPED, tuple(columns))


def landing_rejects(
    conn: Connection, stream: Stream, app: App, *, after: UUID, limit: int
) -> list[tuple[UUID, bytes]]:
    """Return (id, payload) of records that could not be landed, to be tried again."""
    rows = conn.execute(_LANDING_REJECTS, (app.id, stream.name, after, limit)).fetchall()
    return [(row[0], bytes(row[1])) for row in rows]


def forget(conn: Connection, ids: Sequence[UUID]) -> None:
    """Forget rejects by id."""
    conn.execute("DELETE FROM platform.rejects WHERE id = ANY(%s)", (list(ids),))


def requeue_mapping_rejects(conn: Connection, tenant_id: UUID, streams: Sequence[str]) -> int:
    """Put records that could not be mapped back into the queue; return how many."""
    values = {"tenant_id": tenant_id, "streams": list(streams), "waits": WAITS}
    return conn.execute(_REQUEUE_MAPPING_REJECTS, values).rowcount
