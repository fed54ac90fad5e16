"""The queue between raw and core: claim changed records, read and map them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
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

_COUNT = "SELECT count(*) FROM platform.todo WHERE tenant_id = %s AND stream = ANY(%s)"

_READ = sql.SQL("""
SELECT r.app_id, r.external_id, r.payload::text, r.source_updated_at, r.deleted_at IS NOT NULL
FROM raw.{table} AS r
JOIN unnest(%s::uuid[], %s::text[]) AS k (app_id, external_id)
    ON k.app_id = r.app_id AND k.external_id = r.external_id
""")

_QUEUE_DEPENDENTS = """
INSERT INTO platform.todo (tenant_id, stream, app_id, external_id)
SELECT DISTINCT p.tenant_id, p.stream, p.app_id, p.external_id
FROM platform.parent_key AS p
WHERE p.tenant_id = %s AND p.entity = %s AND p.key = ANY(%s)
"""


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


def claim(conn: Connection, tenant_id: UUID, streams: Sequence[str], limit: int) -> list[Todo]:
    """Take queued changes, oldest first; others skip them until the transaction ends."""
    rows = conn.execute(_CLAIM, (tenant_id, list(streams), limit))
    return [Todo(*row) for row in rows]


def count(conn: Connection, tenant_id: UUID, streams: Sequence[str]) -> int:
    """Return how many changes are queued."""
    row = conn.execute(_COUNT, (tenant_id, list(streams))).fetchone()
    return int(row[0]) if row else 0


def finish(conn: Connection, claimed: Sequence[Todo]) -> None:
    """Remove consumed changes from the queue."""
    conn.execute("DELETE FROM platform.todo WHERE id = ANY(%s)", ([item.id for item in claimed],))


def queue_dependents(conn: Connection, tenant_id: UUID, entity: str, keys: Iterable[str]) -> None:
    """Queue the records that refer to natural keys whose row has changed."""
    wanted = sorted(set(keys))
    if wanted:
        conn.execute(_QUEUE_DEPENDENTS, (tenant_id, entity, wanted))


def read(
    conn: Connection,
    records: Iterable[tuple[str, UUID, str]],
    streams: Mapping[str, Stream],
    configs: Mapping[UUID, Any],
) -> Read:
    """Read and map raw records; a record that cannot be mapped is a reject, never an error.

    Args:
        conn: connection inside the transaction that holds the entity's lock, so that what is
            read is not older than what another merge has written.
        records: (stream, app id, external id); repeats are read once.
        streams: by name.
        configs: app id -> the app's validated configuration.
    """
    wanted: dict[str, dict[tuple[UUID, str], None]] = defaultdict(dict)
    for stream_name, app_id, external_id in records:
        wanted[stream_name][app_id, external_id] = None
    out = Read([], [], [])
    for stream_name, keys in wanted.items():
        query = _READ.format(table=sql.Identifier(stream_name))
        values = ([key[0] for key in keys], [key[1] for key in keys])
        stream = streams[stream_name]
        for row in conn.execute(query, values, binary=True):
            if row[4]:
                out.deleted.append((stream_name, row[0], row[1]))
            else:
                _map(stream, row, configs.get(row[0]), out)
    return out


def _map(stream: Stream, row: Sequence[Any], config: Any, out: Read) -> None:
    app_id, external_id, text, modified, _ = row
    record = SourceRecord(external_id, orjson.loads(text), config, modified)
    assert stream.mapper is not None  # noqa: S101 - only mapped streams are queued
    try:
        candidate = stream.mapper(record)
    except RecordRejected as error:
        out.rejects.append(MappingReject(stream.name, app_id, external_id, error))
    except ValidationError as error:
        rejected = _first_fault(error)
        out.rejects.append(MappingReject(stream.name, app_id, external_id, rejected))
    else:
        out.mapped.append(Mapped(stream.name, app_id, external_id, modified, candidate))


def _first_fault(error: ValidationError) -> RecordRejected:
    """Return the first fault of a record, without any value of it."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(str(part) for part in fault["loc"])
    code = "missing" if fault["type"] == "missing" else "type"
    more = error.error_count() - 1
    also = f" ({more} more {'fault' if more == 1 else 'faults'})" if more else ""
    told = fault["msg"].removeprefix("Value error, ")
    return RecordRejected(code, path, f"{told[:1].upper()}{told[1:]}{also}.")
