"""Land records in raw: stage by COPY, write what changed, queue it for core, in one transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from psycopg import Connection, sql
from psycopg.errors import UniqueViolation

from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.incoming import Incoming, Refused, prepare_parts
from schemabase_dagster.engine.reject import clear_rejects, keep_refused
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App

Via = Literal["pull", "webhook", "push", "import"]


@dataclass(frozen=True, slots=True)
class Known:
    """What raw holds of a record already."""

    digest: bytes
    source_updated_at: datetime | None
    read_at: datetime
    is_deleted: bool

    @property
    def freshness(self) -> tuple[datetime, datetime]:
        """Return what orders versions of one record, as ``Incoming.freshness``."""
        return (self.source_updated_at or self.read_at, self.read_at)


@dataclass(frozen=True, slots=True)
class Landed:
    """Counts of one landed batch; the sum is the number of records given.

    Attributes:
        changed: records that were written.
        unchanged: repeated, equal and stale ones.
        rejected: those that raw cannot hold.
        parts: (stream, external id) of what lies inside the changed records.
    """

    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    parts: frozenset[tuple[str, str]] = frozenset()


SETTLED_AFTER: Final = timedelta(seconds=2)

_KNOWN = sql.SQL("""
SELECT external_id, payload_hash, source_updated_at, read_at, deleted_at IS NOT NULL
FROM raw.{table}
WHERE app_id = %s AND external_id = ANY(%s)
""")

_WATCHED = sql.SQL("""
SELECT external_id, jsonb_build_array({fields})
FROM raw.{table}
WHERE app_id = %s AND external_id = ANY(%s)
""")

_STAGE = """
CREATE TEMPORARY TABLE IF NOT EXISTS stage_raw (
    external_id text, payload jsonb, payload_hash bytea,
    source_updated_at timestamptz, read_at timestamptz
) ON COMMIT DELETE ROWS
"""

_LEAVE_UNCOMPRESSED = "ALTER TABLE stage_raw ALTER COLUMN payload SET STORAGE EXTERNAL"

_COPY = "COPY stage_raw FROM STDIN"

_COPY_NEW = sql.SQL("""
COPY raw.{table} (
    external_id, payload, payload_hash, source_updated_at, read_at, tenant_id, app_id, via, run_id)
FROM STDIN
""")

_QUEUE_NEW = """
INSERT INTO platform.todo (tenant_id, stream, app_id, external_id)
SELECT %(tenant_id)s, %(stream)s, %(app_id)s, unnest(%(ids)s::text[])
"""

_KEEP_HISTORY = sql.SQL("""
INSERT INTO raw.record_history (
    app_id, stream, external_id, payload, payload_hash, run_id,
    via, source_updated_at, changed_at, change_count)
SELECT r.app_id, %(stream)s, r.external_id, r.payload, r.payload_hash, %(run_id)s,
    r.via, r.source_updated_at, r.changed_at, r.change_count
FROM stage_raw AS s
JOIN raw.{table} AS r ON r.app_id = %(app_id)s AND r.external_id = s.external_id
WHERE r.payload_hash <> s.payload_hash
""")

# A version never replaces a newer one: the source's modified time decides, then the time of
# reading. A webhook and a pull that race give the same row in any order.
_WRITE = sql.SQL("""
WITH written AS (
    INSERT INTO raw.{table} AS r (
        tenant_id, app_id, external_id, payload, payload_hash,
        source_updated_at, read_at, via, run_id)
    SELECT %(tenant_id)s, %(app_id)s, s.external_id, s.payload, s.payload_hash,
        s.source_updated_at, s.read_at, %(via)s, %(run_id)s
    FROM stage_raw AS s
    ON CONFLICT (app_id, external_id) DO UPDATE SET
        payload = excluded.payload,
        payload_hash = excluded.payload_hash,
        source_updated_at = excluded.source_updated_at,
        read_at = excluded.read_at,
        via = excluded.via,
        run_id = excluded.run_id,
        changed_at = now(),
        change_count = r.change_count + 1,
        deleted_at = NULL
    WHERE (coalesce(excluded.source_updated_at, excluded.read_at), excluded.read_at)
        >= (coalesce(r.source_updated_at, r.read_at), r.read_at)
        AND (r.payload_hash <> excluded.payload_hash OR r.deleted_at IS NOT NULL)
    RETURNING r.external_id
), queued AS (
    INSERT INTO platform.todo (tenant_id, stream, app_id, external_id)
    SELECT %(tenant_id)s, %(stream)s, %(app_id)s, w.external_id
    FROM written AS w
    WHERE %(queue)s
)
SELECT count(*) FROM written
""")

# Nothing but the time of reading: without it an unsettled record would be fetched for ever.
_SETTLE = sql.SQL("""
UPDATE raw.{table} AS r SET read_at = s.read_at
FROM unnest(%(ids)s::text[], %(read)s::timestamptz[]) AS s (external_id, read_at)
WHERE r.app_id = %(app_id)s AND r.external_id = s.external_id AND r.read_at < s.read_at
""")

_MARK_DELETED = sql.SQL("""
WITH gone AS (
    UPDATE raw.{table} SET deleted_at = now(), via = %(via)s, run_id = %(run_id)s
    WHERE app_id = %(app_id)s AND external_id = ANY(%(ids)s) AND deleted_at IS NULL
    RETURNING external_id
), queued AS (
    INSERT INTO platform.todo (tenant_id, stream, app_id, external_id)
    SELECT %(tenant_id)s, %(stream)s, %(app_id)s, g.external_id
    FROM gone AS g
    WHERE %(queue)s
)
SELECT count(*) FROM gone
""")

_PARTS_OF = sql.SQL("""
SELECT external_id FROM raw.{table}
WHERE app_id = %s AND payload #>> %s = ANY(%s) AND deleted_at IS NULL
""")


def find_known(conn: Connection, stream: Stream, app: App, ids: Sequence[str]) -> dict[str, Known]:
    """Return what raw holds of some records of an app."""
    query = _KNOWN.format(table=sql.Identifier(stream.name))
    rows = conn.execute(query, (app.id, list(ids)), binary=True)
    return {row[0]: Known(*row[1:]) for row in rows}


def find_watched(
    conn: Connection, stream: Stream, app: App, ids: Sequence[str]
) -> dict[str, list[Any]]:
    """Return the watched fields of records that raw holds, as JSON values in their order."""
    if stream.watch is None:
        return {}
    fields = [sql.SQL("payload -> {}").format(sql.Literal(name)) for name in stream.watch.fields]
    query = _WATCHED.format(table=sql.Identifier(stream.name), fields=sql.SQL(", ").join(fields))
    return dict(conn.execute(query, (app.id, list(ids))))


def land(
    conn: Connection,
    stream: Stream,
    app: App,
    records: Iterable[Incoming | Refused],
    *,
    via: Via,
    run_id: str | None,
) -> Landed:
    """Write the records that changed, set aside what cannot be stored, queue the changed for core.

    Repeated, equal and stale records are unchanged and write nothing. What lies inside changed
    records is landed in its own stream.

    Args:
        conn: connection inside the transaction that also moves the state.
        stream: the stream.
        app: the app the records come from.
        records: in any order, with repeats.
        via: how they came.
        run_id: Dagster run, kept on the written rows.
    """
    newest: dict[str, Incoming] = {}
    refused: list[Refused] = []
    count = 0
    for record in records:
        count += 1
        if isinstance(record, Refused):
            refused.append(record)
            continue
        rival = newest.get(record.external_id)
        if rival is None or record.freshness >= rival.freshness:
            newest[record.external_id] = record
    if refused:
        keep_refused(conn, stream, app, refused)
    known = find_known(conn, stream, app, list(newest))
    changed = [item for item in newest.values() if _differs(item, known.get(item.external_id))]
    wholes, written = changed, 0
    if changed:
        target = _Target(conn, stream, app, via, run_id)
        new = [item for item in changed if item.external_id not in known]
        if new and _insert(target, new):
            written = len(new)
            changed = [item for item in changed if item.external_id in known]
        if changed:
            written += _write(target, changed)
    if written < len(wholes) and stream.parts:
        wholes = _current(conn, stream, app, wholes)
    parts = _land_parts(conn, stream, app, wholes, known.keys(), via=via, run_id=run_id)
    _settle(conn, stream, app, [item for item in newest.values() if _settles(item, known)])
    if newest:
        clear_rejects(conn, stream, app, list(newest), stage="land")
    return Landed(written, count - written - len(refused), len(refused), parts)


def _current(
    conn: Connection, stream: Stream, app: App, items: Sequence[Incoming]
) -> list[Incoming]:
    """Leave out the records of which another session was faster to land a newer version."""
    known = find_known(conn, stream, app, [item.external_id for item in items])
    return [item for item in items if known[item.external_id].digest == item.digest]


def _land_parts(
    conn: Connection,
    stream: Stream,
    app: App,
    wholes: Sequence[Incoming],
    known: Collection[str],
    *,
    via: Via,
    run_id: str | None,
) -> frozenset[tuple[str, str]]:
    """Land what lies inside records that were just written; return what it is, or was.

    The records are locked, and what they hold is as new as they are: the time of landing orders
    its versions, not the records' times, which move without it.
    """
    found: set[tuple[str, str]] = set()
    for part in stream.parts if wholes else ():
        items = prepare_parts(part, wholes, utc_now())
        land(conn, part, app, items, via=via, run_id=run_id)
        shown = {item.external_id for item in items if item.external_id is not None}
        again = [item.external_id for item in wholes if item.external_id in known]
        if part.part is not None and part.part.is_whole and again:
            gone = set(_parts_of(conn, part, app, again)) - shown
            mark_deleted(conn, part, app, sorted(gone), via=via, run_id=run_id)
            shown |= gone
        found.update((part.name, external_id) for external_id in shown)
    return frozenset(found)


def mark_deleted(
    conn: Connection, stream: Stream, app: App, ids: Sequence[str], *, via: Via, run_id: str | None
) -> int:
    """Mark records that the source was proved not to have any more; return how many.

    What lies inside them is marked with them and not counted.
    """
    if not ids:
        return 0
    query = _MARK_DELETED.format(table=sql.Identifier(stream.name))
    row = conn.execute(
        query, {**_common(stream, app, run_id), "via": via, "ids": list(ids)}
    ).fetchone()
    count = int(row[0]) if row else 0
    for part in stream.parts if count else ():
        inside = _parts_of(conn, part, app, ids)
        mark_deleted(conn, part, app, inside, via=via, run_id=run_id)
    return count


def find_parts(
    conn: Connection, stream: Stream, app: App, ids: Sequence[str]
) -> frozenset[tuple[str, str]]:
    """Return (stream, external id) of what raw holds inside some records."""
    return frozenset(
        (part.name, inside) for part in stream.parts for inside in _parts_of(conn, part, app, ids)
    )


def _parts_of(conn: Connection, part: Stream, app: App, ids: Sequence[str]) -> list[str]:
    path = part.part.whole_id.split(".") if part.part else []
    query = _PARTS_OF.format(table=sql.Identifier(part.name))
    return [row[0] for row in conn.execute(query, (app.id, path, list(ids)))]


def is_settled(known: Known | None, modified: datetime | None) -> bool:
    """Tell whether raw surely holds the version that a list row speaks of.

    Modified times have full seconds: a version read less than two seconds after its modified
    time may have been followed by another one of the same time (architecture 11.11).
    """
    if known is None or known.is_deleted or modified is None or known.source_updated_at is None:
        return False
    if modified != known.source_updated_at:
        return modified < known.source_updated_at
    return known.read_at - known.source_updated_at >= SETTLED_AFTER


def _differs(item: Incoming, known: Known | None) -> bool:
    if known is None:
        return True
    if item.digest == known.digest and not known.is_deleted:
        return False
    return item.freshness >= known.freshness


def _settles(item: Incoming, known: Mapping[str, Known]) -> bool:
    held = known.get(item.external_id)
    return (
        held is not None
        and held.digest == item.digest
        and held.source_updated_at is not None
        and held.read_at - held.source_updated_at < SETTLED_AFTER
    )


def _settle(conn: Connection, stream: Stream, app: App, items: Sequence[Incoming]) -> None:
    if items and stream.detail:
        values = {
            "app_id": app.id,
            "ids": [item.external_id for item in items],
            "read": [item.read_at for item in items],
        }
        conn.execute(_SETTLE.format(table=sql.Identifier(stream.name)), values)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where and how a batch is written."""

    conn: Connection
    stream: Stream
    app: App
    via: Via
    run_id: str | None

    @property
    def table(self) -> sql.Identifier:
        return sql.Identifier(self.stream.name)

    @property
    def values(self) -> Mapping[str, Any]:
        return {**_common(self.stream, self.app, self.run_id), "via": self.via}


def _insert(target: _Target, new: Sequence[Incoming]) -> bool:
    """Copy records that raw did not have straight into it.

    Returns:
        False when another session was faster with one of them; then nothing is written.
    """
    conn, values = target.conn, target.values
    run_id = _escaped(target.run_id) if target.run_id else b"\\N"
    rest = (str(target.app.tenant_id), str(target.app.id), target.via)
    tail = b"\t" + b"\t".join([*(text.encode() for text in rest), run_id])
    try:
        with conn.transaction(), conn.cursor() as cursor:
            with cursor.copy(_COPY_NEW.format(table=target.table)) as copy:
                copy.write(b"".join(_copy_line(item, tail) for item in new))
            if values["queue"]:
                ids = [item.external_id for item in new]
                cursor.execute(_QUEUE_NEW, {**values, "ids": ids})
    except UniqueViolation:
        return False
    return True


def _write(target: _Target, changed: Sequence[Incoming]) -> int:
    """Write what is newer than what raw has; return how many records that were."""
    conn, values = target.conn, target.values
    if conn.execute("SELECT to_regclass('pg_temp.stage_raw') IS NULL").fetchone() == (True,):
        conn.execute(_STAGE)
        conn.execute(_LEAVE_UNCOMPRESSED)
    with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(b"".join(map(_copy_line, changed)))
    conn.execute(_KEEP_HISTORY.format(table=target.table), values)
    row = conn.execute(_WRITE.format(table=target.table), values).fetchone()
    conn.execute("TRUNCATE stage_raw")
    return int(row[0]) if row else 0


def _common(stream: Stream, app: App, run_id: str | None) -> Mapping[str, Any]:
    return {
        "tenant_id": app.tenant_id,
        "app_id": app.id,
        "stream": stream.name,
        "run_id": run_id,
        "queue": stream.mapper is not None,
    }


def _copy_line(item: Incoming, tail: bytes = b"") -> bytes:
    """Return one line of COPY text; JSON by orjson holds no raw tab or line break."""
    modified = item.source_updated_at
    return b"\t".join(
        (
            _escaped(item.external_id),
            item.payload.replace(b"\\", b"\\\\"),
            b"\\\\x" + item.digest.hex().encode(),
            modified.isoformat().encode() if modified else b"\\N",
            item.read_at.isoformat().encode() + tail + b"\n",
        )
    )


def _escaped(text: str) -> bytes:
    return text.encode().replace(b"\\", b"\\\\")
