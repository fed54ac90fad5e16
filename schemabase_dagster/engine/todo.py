"""The queue between raw and core: claim changed records, read and map them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import Connection, sql
from pydantic import ValidationError

from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.engine.reject import MappingReject
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.streams import Stream

_CLAIM = """
SELECT id, stream, app_id, external_id
FROM platform.todo
WHERE tenant_id = %s AND stream = ANY(%s)
ORDER BY id
LIMIT %s
FOR UPDATE SKIP LOCKED
"""

_PEEK = """
SELECT id, stream, app_id, external_id
FROM platform.todo
WHERE tenant_id = %s AND stream = ANY(%s) AND id > %s
ORDER BY id
LIMIT %s
"""

# Waits for a merge that holds one of them: afterwards they are merged, by it or by us.
_CLAIM_THESE = """
SELECT t.id, t.stream, t.app_id, t.external_id
FROM platform.todo AS t
JOIN unnest(%(streams)s::text[], %(apps)s::uuid[], %(ids)s::text[])
    AS k (stream, app_id, external_id)
    ON k.stream = t.stream AND k.app_id = t.app_id AND k.external_id = t.external_id
WHERE t.tenant_id = %(tenant_id)s AND t.stream = ANY(%(streams)s)
ORDER BY t.id
LIMIT %(limit)s
FOR UPDATE OF t
"""

_DELIVERED = sql.SQL("""
SELECT t.app_id, t.external_id
FROM platform.todo AS t
JOIN raw.{table} AS r ON r.app_id = t.app_id AND r.external_id = t.external_id
WHERE t.tenant_id = %s AND t.stream = %s AND r.via = 'webhook'
""")

_COUNT = "SELECT count(*) FROM platform.todo WHERE tenant_id = %s AND stream = ANY(%s)"

_READ = sql.SQL("""
SELECT r.external_id, r.payload::text, r.source_updated_at, r.deleted_at IS NOT NULL,
    r.payload_hash, r.change_count
FROM raw.{table} AS r
WHERE r.app_id = %s AND r.external_id = ANY(%s)
""")

_VERSIONS = sql.SQL("""
SELECT r.external_id, r.payload_hash, r.change_count
FROM raw.{table} AS r
WHERE r.app_id = %s AND r.external_id = ANY(%s) AND r.deleted_at IS NULL
""")

# Before the first record refers to one (orders come first), asking costs less than sending keys.
_HAS_DEPENDENTS = """
SELECT EXISTS (SELECT FROM platform.parent_key WHERE tenant_id = %s AND entity = %s)
"""

_QUEUE_DEPENDENTS = """
INSERT INTO platform.todo (tenant_id, stream, app_id, external_id)
SELECT DISTINCT p.tenant_id, p.stream, p.app_id, p.external_id
FROM platform.parent_key AS p
WHERE p.tenant_id = %s AND p.entity = %s AND p.key = ANY(%s)
RETURNING stream, app_id, external_id
"""


RawKey: TypeAlias = tuple[str, UUID, str]
"""(stream, app id, external id) of a raw record."""


@dataclass(frozen=True, slots=True)
class Todo:
    """One queued change."""

    id: int
    stream: str
    app_id: UUID
    external_id: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """A live raw record and what its mapper made of it."""

    stream: str
    app_id: UUID
    external_id: str
    source_updated_at: datetime | None
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class Read:
    """What reading some raw records gave."""

    mapped: list[Mapped]
    deleted: list[tuple[str, UUID, str]]
    rejects: list[MappingReject]

    def without(self, held: Collection[MappingReject]) -> "Read":
        """Return the same with some mapped records rejected."""
        records = {(item.app_id, item.external_id) for item in held}
        mapped = [i for i in self.mapped if (i.app_id, i.external_id) not in records]
        return Read(mapped, self.deleted, [*self.rejects, *held])


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What mapping gave before the lock was held.

    Attributes:
        version: hash and number of changes of the raw record.
        config: the app's configuration.
        outcome: what the mapper made of it.
    """

    version: tuple[bytes, int]
    config: Any
    outcome: Mapped | MappingReject


def claim(conn: Connection, tenant_id: UUID, streams: Sequence[str], limit: int) -> list[Todo]:
    """Take queued changes, oldest first; others skip them until the transaction ends."""
    rows = conn.execute(_CLAIM, (tenant_id, list(streams), limit))
    return [Todo(*row) for row in rows]


def peek(
    conn: Connection, tenant_id: UUID, streams: Sequence[str], after: int, limit: int
) -> list[Todo]:
    """Return queued changes behind one of them, without taking them."""
    rows = conn.execute(_PEEK, (tenant_id, list(streams), after, limit))
    return [Todo(*row) for row in rows]


def claim_these(
    conn: Connection, tenant_id: UUID, records: Collection[RawKey], limit: int
) -> list[Todo]:
    """Take the queued changes of some records, waiting for whoever merges one of them now."""
    values = {
        "tenant_id": tenant_id,
        "streams": [stream for stream, _, _ in records],
        "apps": [app_id for _, app_id, _ in records],
        "ids": [external_id for _, _, external_id in records],
        "limit": limit,
    }
    return [Todo(*row) for row in conn.execute(_CLAIM_THESE, values)]


def find_delivered(conn: Connection, tenant_id: UUID, streams: Iterable[str]) -> set[RawKey]:
    """Return the queued records whose newest version came by webhook."""
    return {
        (stream, app_id, external_id)
        for stream in streams
        for app_id, external_id in conn.execute(
            _DELIVERED.format(table=sql.Identifier(stream)), (tenant_id, stream)
        )
    }


def count(conn: Connection, tenant_id: UUID, streams: Sequence[str]) -> int:
    """Return how many changes are queued."""
    row = conn.execute(_COUNT, (tenant_id, list(streams))).fetchone()
    return int(row[0]) if row else 0


def finish(conn: Connection, claimed: Sequence[Todo]) -> None:
    """Remove consumed changes from the queue."""
    conn.execute("DELETE FROM platform.todo WHERE id = ANY(%s)", ([item.id for item in claimed],))


def has_dependents(conn: Connection, tenant_id: UUID, entity: str) -> bool:
    """Tell whether any record refers to rows of an entity."""
    return conn.execute(_HAS_DEPENDENTS, (tenant_id, entity)).fetchone() == (True,)


def queue_dependents(
    conn: Connection, tenant_id: UUID, entity: str, keys: Iterable[str]
) -> set[RawKey]:
    """Queue the records that refer to natural keys whose row has changed, and return them."""
    wanted = sorted(set(keys))
    if not wanted:
        return set()
    return set(conn.execute(_QUEUE_DEPENDENTS, (tenant_id, entity, wanted)))


def read(
    conn: Connection,
    records: Iterable[RawKey],
    streams: Mapping[str, Stream],
    configs: Mapping[UUID, Any],
    foreseen: Mapping[RawKey, Foreseen] = MappingProxyType({}),
) -> Read:
    """Read and map raw records; a record that cannot be mapped is a reject, never an error.

    Args:
        conn: connection inside the transaction that holds the entity's lock, so that what is
            read is not older than what another merge has written.
        records: repeats are read once.
        streams: by name.
        configs: app id -> the app's validated configuration.
        foreseen: what was mapped before; used where the record is still the same.
    """
    out = Read([], [], [])
    for stream, app_id, ids in _by_stream(records, streams):
        config = configs.get(app_id)
        if foreseen:
            _keep_foreseen(conn, stream, app_id, ids, config, foreseen, out)
        for row in _rows(conn, stream, app_id, ids):
            if row[3]:
                out.deleted.append((stream.name, app_id, row[0]))
            else:
                _sort_in(_map(stream, app_id, row, config), out)
    return out


def foresee(
    conn: Connection,
    records: Iterable[Todo],
    streams: Mapping[str, Stream],
    configs: Mapping[UUID, Any],
    before_each: Callable[[], None] = lambda: None,
) -> dict[RawKey, Foreseen]:
    """Read and map raw records that are live, each with the version that was read.

    Args:
        conn: connection inside a transaction.
        records: queued changes.
        streams: by name.
        configs: app id -> the app's validated configuration.
        before_each: called before a record is mapped; it may wait.
    """
    found: dict[RawKey, Foreseen] = {}
    wanted = [(item.stream, item.app_id, item.external_id) for item in records]
    for stream, app_id, ids in _by_stream(wanted, streams):
        config = configs.get(app_id)
        for row in _rows(conn, stream, app_id, ids):
            if not row[3]:
                before_each()
                outcome = _map(stream, app_id, row, config)
                found[stream.name, app_id, row[0]] = Foreseen((row[4], row[5]), config, outcome)
    return found


def _by_stream(
    records: Iterable[RawKey], streams: Mapping[str, Stream]
) -> list[tuple[Stream, UUID, set[str]]]:
    """Return the ids of the records by stream and app."""
    wanted: dict[tuple[str, UUID], set[str]] = defaultdict(set)
    for stream_name, app_id, external_id in records:
        wanted[stream_name, app_id].add(external_id)
    return [(streams[name], app_id, ids) for (name, app_id), ids in wanted.items()]


def _keep_foreseen(  # noqa: PLR0917 - what read was given
    conn: Connection,
    stream: Stream,
    app_id: UUID,
    ids: set[str],
    config: Any,
    foreseen: Mapping[RawKey, Foreseen],
    out: Read,
) -> None:
    """Move the records that did not change since they were mapped from ``ids`` to ``out``."""
    query = _VERSIONS.format(table=sql.Identifier(stream.name))
    for external_id, *version in conn.execute(query, (app_id, list(ids)), binary=True):
        known = foreseen.get((stream.name, app_id, external_id))
        if known is None or known.version != tuple(version):
            continue
        if known.config == config:
            _sort_in(known.outcome, out)
            ids.discard(external_id)


def _rows(
    conn: Connection, stream: Stream, app_id: UUID, ids: Collection[str]
) -> Iterable[Sequence[Any]]:
    if not ids:
        return ()
    query = _READ.format(table=sql.Identifier(stream.name))
    return conn.execute(query, (app_id, list(ids)), binary=True)


def _map(stream: Stream, app_id: UUID, row: Sequence[Any], config: Any) -> Mapped | MappingReject:
    external_id, text, modified = row[:3]
    record = SourceRecord(external_id, text, config, modified)
    assert stream.mapper is not None  # noqa: S101 - only mapped streams are queued
    try:
        candidate = stream.mapper(record)
    except RecordRejected as error:
        return MappingReject(stream.name, app_id, external_id, error)
    except ValidationError as error:
        return MappingReject(stream.name, app_id, external_id, _first_fault(error))
    return Mapped(stream.name, app_id, external_id, modified, candidate)


def _sort_in(outcome: Mapped | MappingReject, out: Read) -> None:
    if isinstance(outcome, Mapped):
        out.mapped.append(outcome)
    else:
        out.rejects.append(outcome)


def _first_fault(error: ValidationError) -> RecordRejected:
    """Return the first fault of a record, without any value of it."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(str(part) for part in fault["loc"])
    code = "missing" if fault["type"] == "missing" else "type"
    more = error.error_count() - 1
    also = f" ({more} more {'fault' if more == 1 else 'faults'})" if more else ""
    told = fault["msg"].removeprefix("Value error, ")
    return RecordRejected(code, path, f"{told[:1].upper()}{told[1:]}{also}.")
