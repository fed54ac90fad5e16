"""Effects: which records and rows each webhook delivery changed, written with the change itself.

Landing notes what became of every record that a delivery spoke of, in its own transaction; the
merge that takes a change up adds what became of the row, whoever's merge that is. A merge of what
pulls have landed asks once per batch whether there is anything to add.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import Connection, sql

from schemabase_dagster.engine.incoming import Incoming, Refused
from schemabase_dagster.engine.match import RecordKey
from schemabase_dagster.engine.reject import WAITS, MappingReject
from schemabase_dagster.engine.todo import Read
from schemabase_dagster.inbox import InboxRow
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App

Fate = Literal["changed", "unchanged", "rejected", "deleted"]

# Whoever writes a row sets changed_at or deleted_at to the time of its transaction, which is ours.
# Of several deliveries in one batch that one changed the record whose version was written.
_LANDED: Final = sql.SQL("""
INSERT INTO platform.webhook_effect (
    inbox_id, received_at, tenant_id, app_id, stream, external_id, is_replay, raw, entity, core,
    core_id)
SELECT DISTINCT ON (b.inbox_id, b.external_id)
    b.inbox_id, b.received_at, %(tenant_id)s, %(app_id)s, %(stream)s, b.external_id, b.is_replay,
    o.outcome, %(entity)s,
    CASE WHEN %(is_merged)s AND o.outcome IN ('changed', 'deleted') THEN 'waits' END, x.core_id
FROM unnest(
    %(deliveries)s::uuid[], %(received)s::timestamptz[], %(replays)s::boolean[], %(ids)s::text[],
    %(refused)s::boolean[], %(digests)s::bytea[], %(read)s::timestamptz[])
    AS b (inbox_id, received_at, is_replay, external_id, is_refused, digest, read_at)
LEFT JOIN raw.{table} AS r ON r.app_id = %(app_id)s AND r.external_id = b.external_id
LEFT JOIN core.external_ref AS x
    ON x.entity = %(entity)s AND x.app_id = %(app_id)s AND x.external_id = b.external_id
    AND x.scope = ''
CROSS JOIN LATERAL (SELECT CASE
    WHEN b.is_refused THEN 'rejected'
    WHEN b.digest IS NULL AND r.deleted_at = now() THEN 'deleted'
    WHEN b.digest IS NULL THEN 'missing'
    WHEN r.changed_at = now() AND r.payload_hash = b.digest AND r.read_at = b.read_at THEN 'changed'
    WHEN r.payload_hash = b.digest THEN 'equal'
    ELSE 'stale' END) AS o (outcome)
ORDER BY b.inbox_id, b.external_id, o.outcome = 'changed' DESC
ON CONFLICT (inbox_id, stream, external_id) DO NOTHING
""")

# What lies inside a record and did not change with it is left out.
_PARTS: Final = sql.SQL("""
INSERT INTO platform.webhook_effect (
    inbox_id, received_at, tenant_id, app_id, stream, external_id, is_replay, raw, entity, core,
    core_id)
SELECT e.inbox_id, e.received_at, e.tenant_id, e.app_id, %(stream)s, r.external_id, e.is_replay,
    CASE WHEN r.deleted_at IS NULL THEN 'changed' ELSE 'deleted' END, %(entity)s,
    CASE WHEN %(is_merged)s THEN 'waits' END, x.core_id
FROM raw.{table} AS r
JOIN platform.webhook_effect AS e
    ON e.app_id = r.app_id AND e.stream = %(whole)s AND e.external_id = r.payload #>> %(path)s
    AND e.landed_at = now() AND e.raw IN ('changed', 'deleted')
LEFT JOIN core.external_ref AS x
    ON x.entity = %(entity)s AND x.app_id = r.app_id AND x.external_id = r.external_id
    AND x.scope = ''
WHERE r.app_id = %(app_id)s AND r.external_id = ANY(%(ids)s)
  AND (r.changed_at = now() OR r.deleted_at = now())
ORDER BY e.inbox_id, r.external_id
ON CONFLICT (inbox_id, stream, external_id) DO NOTHING
""")

_IS_OPEN: Final = """
SELECT EXISTS (
    SELECT FROM platform.webhook_effect
    WHERE tenant_id = %s AND stream = ANY(%s) AND core IN ('waits', 'rejected'))
"""

# A rejected change stays open: the merge that takes it up at last tells so.
_MERGED: Final = """
UPDATE platform.webhook_effect AS e
SET core = m.core, core_id = coalesce(m.core_id, e.core_id), merged_at = now()
FROM unnest(
    %(streams)s::text[], %(apps)s::uuid[], %(ids)s::text[], %(fates)s::text[], %(rows)s::uuid[])
    AS m (stream, app_id, external_id, core, core_id)
WHERE e.tenant_id = %(tenant_id)s
  AND e.core IN ('waits', 'rejected')
  AND e.stream = m.stream
  AND e.app_id = m.app_id
  AND e.external_id = m.external_id
"""


@dataclass(frozen=True, slots=True)
class Brought:
    """A record that a delivery spoke of.

    Attributes:
        delivery: the delivery.
        external_id: the record, if its id is known.
        item: what the delivery carried, or what was read because of it; None = the source does
            not show it.
    """

    delivery: InboxRow
    external_id: str | None
    item: Incoming | Refused | None


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did with a record."""

    stream: str
    app_id: UUID
    external_id: str
    fate: Fate
    core_id: UUID | None


def note_landed(conn: Connection, stream: Stream, app: App, brought: Sequence[Brought]) -> None:
    """Write down what became of the records that deliveries spoke of.

    Args:
        conn: connection inside the transaction that has just landed them.
        stream: their stream.
        app: their app.
        brought: the records, each with its delivery.
    """
    if not brought:
        return
    items = [each.item for each in brought]
    values = {
        **_common(stream),
        "tenant_id": app.tenant_id,
        "app_id": app.id,
        "deliveries": [each.delivery.id for each in brought],
        "received": [each.delivery.received_at for each in brought],
        "replays": [each.delivery.replay_of is not None for each in brought],
        "ids": [each.external_id for each in brought],
        "refused": [isinstance(item, Refused) for item in items],
        "digests": [item.digest if isinstance(item, Incoming) else None for item in items],
        "read": [item.read_at if isinstance(item, Incoming) else None for item in items],
    }
    conn.execute(_LANDED.format(table=sql.Identifier(stream.name)), values)


def note_parts(
    conn: Connection, stream: Stream, app: App, parts: Collection[tuple[str, str]]
) -> None:
    """Write down what lies inside the records of ``note_landed`` and changed with them.

    Args:
        conn: the same connection.
        stream: the stream of the records.
        app: their app.
        parts: (stream, external id) of what may have changed.
    """
    for part in stream.parts:
        ids = [external_id for name, external_id in parts if name == part.name]
        if ids and part.part is not None:
            values = {
                **_common(part),
                "app_id": app.id,
                "whole": stream.name,
                "path": part.part.whole_id.split("."),
                "ids": ids,
            }
            conn.execute(_PARTS.format(table=sql.Identifier(part.name)), values)


def note_merged(
    conn: Connection,
    tenant_id: UUID,
    streams: Iterable[str],
    read: Read,
    *,
    rows: Mapping[RecordKey, UUID],
    changed: Collection[RecordKey],
) -> None:
    """Write down what a merge did with changes that came by webhook.

    Args:
        conn: connection inside the transaction of the merge.
        tenant_id: tenant.
        streams: names of the streams that are merged.
        read: the records of the batch.
        rows: record -> row.
        changed: records whose row was written.
    """
    if conn.execute(_IS_OPEN, (tenant_id, list(streams))).fetchone() == (True,):
        _note(conn, tenant_id, list(_merged(read, rows, changed)))


def note_rejected(conn: Connection, tenant_id: UUID, rejects: Iterable[MappingReject]) -> None:
    """Write down which changes by webhook core could not take up."""
    _note(conn, tenant_id, list(_rejected(rejects)))


def _common(stream: Stream) -> dict[str, Any]:
    return {
        "stream": stream.name,
        "entity": stream.entity,
        "is_merged": stream.mapper is not None,
    }


def _merged(
    read: Read, rows: Mapping[RecordKey, UUID], changed: Collection[RecordKey]
) -> Iterator[Merged]:
    for item in read.mapped:
        record = (item.app_id, item.external_id)
        fate: Fate = "changed" if record in changed else "unchanged"
        yield Merged(item.stream, *record, fate, rows.get(record))
    for stream, app_id, external_id in read.deleted:
        yield Merged(stream, app_id, external_id, "deleted", None)
    yield from _rejected(read.rejects)


def _rejected(rejects: Iterable[MappingReject]) -> Iterator[Merged]:
    for item in rejects:
        if item.error.code != WAITS:
            yield Merged(item.stream, item.app_id, item.external_id, "rejected", None)


def _note(conn: Connection, tenant_id: UUID, merged: Sequence[Merged]) -> None:
    values = {
        "tenant_id": tenant_id,
        "streams": [each.stream for each in merged],
        "apps": [each.app_id for each in merged],
        "ids": [each.external_id for each in merged],
        "fates": [each.fate for each in merged],
        "rows": [each.core_id for each in merged],
    }
    conn.execute(_MERGED, values)
