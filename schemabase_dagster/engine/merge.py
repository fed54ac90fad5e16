"""Merge raw into core: one transaction per batch, from the queue to rows, references and state."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import Connection

from schemabase_dagster import database
from schemabase_dagster.engine import references, todo, waiting
from schemabase_dagster.engine.bearers import keep_keys, link_bearers
from schemabase_dagster.engine.behind import Behind
from schemabase_dagster.engine.conflicts import write_conflicts
from schemabase_dagster.engine.effects import note_merged, note_rejected
from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.engine.facts import load_apps, load_priorities
from schemabase_dagster.engine.foresight import Foresight
from schemabase_dagster.engine.ids import new_id
from schemabase_dagster.engine.interpreter import busy_interpreter
from schemabase_dagster.engine.links import link_addresses, link_parents
from schemabase_dagster.engine.match import Arriving, Decisions, Linked, Matched, Matcher, RecordKey
from schemabase_dagster.engine.pairs import find_series, with_pairs, write_pairs
from schemabase_dagster.engine.parents import write_parent_keys
from schemabase_dagster.engine.reject import (
    MappingReject,
    clear_mapping_rejects,
    keep_mapping_rejects,
    requeue_mapping_rejects,
)
from schemabase_dagster.engine.result import Progress, SyncResult, silent
from schemabase_dagster.engine.rollup import feed_parents, find_parents_fed
from schemabase_dagster.engine.rows import Context, remove_rows, write_rows
from schemabase_dagster.engine.series import fold_series
from schemabase_dagster.engine.todo import Foreseen, Mapped, RawKey, Read, Todo
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.streams import Stream
from schemabase_dagster.systems import System
from schemabase_dagster.tenancy import Tenant
from schemabase_dagster.turns import Turns

BATCH_RECORDS: Final = 2000
FIRST_RECORDS: Final = 250
LEAST_RECORDS: Final = 100
BATCH_SECONDS: Final = 1.0
"""A batch holds its entity's lock: a webhook of the tenant waits for the one that is under way."""


def merge_entity(
    entity: Entity,
    tenant: Tenant,
    streams: Mapping[str, Stream],
    *,
    progress: Progress = silent,
) -> SyncResult:
    """Bring the core rows of one entity up to date with all changed raw records of a tenant.

    Records that were rejected earlier are tried again. Killed at any point, the next call goes on
    from the last committed batch.

    Args:
        entity: the canonical entity.
        tenant: the tenant.
        streams: all streams by name; those of the entity are merged.
        progress: called after every batch.
    """
    started = time.monotonic()
    fed = _streams_of(entity, streams)
    with database.transaction() as conn:
        requeue_mapping_rejects(conn, tenant.id, list(fed))
        total = todo.count(conn, tenant.id, list(fed))
    result, size, began = SyncResult(), FIRST_RECORDS, time.monotonic()
    turns = Turns()
    with Behind() as behind, turns.given(), busy_interpreter():
        foresight = Foresight(behind, turns, tenant.id, fed, _systems(streams))
        merger = _Merger(entity, tenant, fed, _systems(streams), foresight=foresight)
        while (batch := merger.merge_next(size)) is not None:
            result += batch
            progress(result.read, total)
            size, began = next_size(size, time.monotonic() - began), time.monotonic()
    return replace(result, seconds=time.monotonic() - started)


def merge_records(
    entity: Entity, tenant: Tenant, streams: Mapping[str, Stream], records: Iterable[RawKey]
) -> tuple[SyncResult, set[RawKey]]:
    """Bring the core rows of some raw records up to date, whatever else waits in the queue.

    For deliveries: thousands of records that a pull has landed must not go first.

    Args:
        entity: the canonical entity.
        tenant: the tenant.
        streams: all streams by name; records of other entities' streams are left alone.
        records: the raw records.

    Returns:
        Counts, and the records of other entities that are to be merged because of these.
    """
    fed = _streams_of(entity, streams)
    only = frozenset(record for record in records if record[0] in fed)
    if not only:
        return SyncResult(), set()
    started = time.monotonic()
    merger = _Merger(entity, tenant, fed, _systems(streams), only=only)
    result = SyncResult()
    while (batch := merger.merge_next(FIRST_RECORDS)) is not None:
        result += batch
    return replace(result, seconds=time.monotonic() - started), merger.dependents


def next_size(size: int, seconds: float) -> int:
    """Return how many records the next batch may have, after one that took so many seconds."""
    fitting = size * BATCH_SECONDS / max(seconds, 0.001)
    return int(min(max(fitting, LEAST_RECORDS), 2 * size, BATCH_RECORDS))


def _streams_of(entity: Entity, streams: Mapping[str, Stream]) -> dict[str, Stream]:
    """Return the streams whose records become rows of the entity."""
    return {
        name: stream
        for name, stream in streams.items()
        if stream.entity == entity.name and stream.mapper is not None
    }


def _systems(streams: Mapping[str, Stream]) -> dict[str, System]:
    return {stream.system.name: stream.system for stream in streams.values()}


class _Merger:
    """Merges batches of one entity of one tenant: of the whole queue, or of some records only."""

    def __init__(
        self,
        entity: Entity,
        tenant: Tenant,
        streams: Mapping[str, Stream],
        systems: Mapping[str, System],
        *,
        foresight: Foresight | None = None,
        only: frozenset[RawKey] | None = None,
    ) -> None:
        self.dependents: set[RawKey] = set()
        self._entity = entity
        self._tenant = tenant
        self._streams = streams
        self._systems = systems
        self._foresight = foresight
        self._only = only

    def merge_next(self, limit: int) -> SyncResult | None:
        """Merge up to ``limit`` queued changes; None when the queue is empty.

        A batch that the database refuses is cut in halves until the one record that cannot be
        written is found and set aside; a batch without such a record pays nothing for it.
        """
        try:
            with database.transaction() as conn:
                claimed = self._claim(conn, limit)
                if not claimed:
                    return None
                return self._merge(conn, claimed, self._foreseen(claimed, limit))
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if limit > 1:
                return self.merge_next(limit // 2)
            return self._set_aside(type(error).__name__)

    def _claim(self, conn: Connection, limit: int) -> list[Todo]:
        if self._only is None:
            return todo.claim(conn, self._tenant.id, list(self._streams), limit)
        return todo.claim_these(conn, self._tenant.id, self._only, limit)

    def _foreseen(self, claimed: Sequence[Todo], limit: int) -> Mapping[RawKey, Foreseen]:
        """Return what was mapped ahead, and begin to map what comes after a full batch."""
        if self._foresight is None:
            return {}
        foreseen = self._foresight.take()
        if len(claimed) == limit:
            self._foresight.look_beyond(claimed)
        return foreseen

    def _set_aside(self, code: str) -> SyncResult:
        """Reject the one record that the database refused."""
        with database.transaction() as conn:
            claimed = self._claim(conn, 1)
            reason = RecordRejected("database", "", f"The database refused the row ({code}).")
            rejects = [
                MappingReject(item.stream, item.app_id, item.external_id, reason)
                for item in claimed
            ]
            keep_mapping_rejects(conn, self._tenant.id, rejects)
            note_rejected(conn, self._tenant.id, rejects)
            todo.finish(conn, claimed)
        count = len(rejects)
        return SyncResult(read=count, rejected=count, rejected_codes={"database": count})

    def _merge(
        self, conn: Connection, claimed: Sequence[Todo], foreseen: Mapping[RawKey, Foreseen]
    ) -> SyncResult:
        # The fixed order of locks: contacts before what refers to them (architecture 11.12).
        for name in ("contact", self._entity.name):
            database.advisory_xact_lock(conn, "merge", self._tenant.id, name)
        apps = load_apps(conn, self._tenant.id, self._systems)
        batch = {(item.stream, item.app_id, item.external_id) for item in claimed}
        configs = {app_id: app.config for app_id, app in apps.items()}
        read = todo.read(conn, batch, self._streams, configs, foreseen)
        ctx = Context(conn, self._entity, self._tenant.id, apps,
                      load_priorities(conn, self._tenant.id, self._entity.name))  # fmt: skip
        read, rows, changed = self._write(ctx, read)
        note_merged(conn, self._tenant.id, self._streams, read, rows=rows, changed=changed)
        if read.rejects:
            keep_mapping_rejects(conn, self._tenant.id, read.rejects)
        passed = [(i.app_id, i.stream, i.external_id) for i in read.mapped]
        passed += [(app_id, stream, external_id) for stream, app_id, external_id in read.deleted]
        clear_mapping_rejects(conn, passed)
        todo.finish(conn, claimed)
        return _counts(batch, read, changed)

    def _write(
        self, ctx: Context, read: Read
    ) -> tuple[Read, Mapping[RecordKey, UUID], set[RecordKey]]:
        """Match and write; return what was read without what has to wait, rows, what changed."""
        conn, entity, tenant_id = ctx.conn, self._entity, self._tenant.id
        gone = {(app_id, external_id) for _, app_id, external_id in read.deleted}
        decided = references.load_decisions(conn, tenant_id, entity.name)
        records = ((item.app_id, item.external_id) for item in read.mapped)
        decisions = with_pairs(conn, entity, decided, records)
        linked = references.find_linked(conn, entity, tenant_id, read.mapped, gone, decisions)
        own = {i.candidate.match_key for i in read.mapped if i.candidate.match_key is not None}
        natural = references.find_natural(conn, entity, tenant_id, own)
        before = {link.record: link for link in linked}
        adding = waiting.adding_records(self._streams, read.mapped, linked)
        orphans = waiting.find_orphans(conn, tenant_id, self._streams, read.mapped, before)
        matcher = Matcher(
            (link for link in linked if link.record not in gone),
            {key: row_id for key, row_id in natural.items() if row_id is not None},
            decisions,
            exclusive=entity.exclusive,
            regroups=entity.regroups,
            clash=entity.clash,
            facts=self._facts(conn, linked, read) if entity.clash is not None else {},
            shops=frozenset(app_id for app_id, app in ctx.apps.items() if app.rank == 0),
            new_id=new_id,
            adding=adding,
        )
        matched = matcher.match(
            [_arriving(ctx, i) for i in read.mapped if (i.app_id, i.external_id) not in orphans]
        )
        waits = orphans | matched.waiting
        late = [i for i in read.mapped if (i.app_id, i.external_id) in waits] if waits else []
        if late:
            read = read.without(waiting.held(entity, self._streams, late))
        touched = matched.touched() | {before[r].row_id for r in gone if r in before}
        members = self._members(ctx, matcher.members(touched), read, linked, adding)
        old = (members.keys() | matched.merged.keys()) - matched.made
        fed = find_parents_fed(conn, entity, old)
        series = find_series(conn, entity, old)
        rows, conflicts = write_rows(ctx, members, matched, natural)
        refs = references.write_refs(
            conn, entity, tenant_id, read.mapped, matched.rows, known=before.keys()
        )
        references.move_refs(conn, entity, matched.moved)
        references.delete_refs(conn, entity, gone)
        remove_rows(ctx, matched.merged)
        if entity.bearers:
            self._link_bearers(conn, read, matched, before, gone)
        write_parent_keys(
            conn,
            tenant_id,
            [*read.mapped, *waiting.awaited(entity, late)],
            known=before.keys() | adding | orphans,
        )
        relinked = link_parents(ctx, members)
        rows |= relinked | link_addresses(ctx, members)
        rows |= fold_series(conn, entity, members.keys())
        feed_parents(conn, entity, rows | matched.merged.keys(), fed)
        series |= find_series(conn, entity, members.keys())
        self._pair(ctx, decided, series, gone)
        write_conflicts(conn, entity, tenant_id, [*matched.conflicts, *conflicts], matched.rows)
        if todo.has_dependents(conn, tenant_id, entity.name):
            keys = _moved_keys(read, matched, before, gone)
            keys |= _keys_of(members[row_id] for row_id in relinked)
            self.dependents |= todo.queue_dependents(conn, tenant_id, entity.name, keys)
        changed = {
            record for record, row in matched.rows.items() if row in rows or record[1] in refs
        }
        return read, matched.rows, changed

    def _pair(
        self, ctx: Context, decided: Decisions, series: set[UUID], gone: Iterable[RecordKey]
    ) -> None:
        """Pair records anew; what this queues is merged at once, also among some records only."""
        roles = {app_id: app.role for app_id, app in ctx.apps.items()}
        queued = write_pairs(ctx.conn, self._entity, ctx.tenant_id, roles, decided, series, gone)
        if self._only is not None:
            self._only |= queued

    def _link_bearers(
        self,
        conn: Connection,
        read: Read,
        matched: Matched,
        before: Mapping[RecordKey, Linked],
        gone: Iterable[RecordKey],
    ) -> None:
        """Let what bears the entity's natural keys find its rows, by their former keys, too."""
        former: dict[str, UUID] = {}
        for item in read.mapped:
            record = (item.app_id, item.external_id)
            old = before.get(record)
            if old and old.match_key and old.match_key != item.candidate.match_key:
                former[old.match_key] = matched.rows.get(record, old.row_id)
        keep_keys(conn, self._entity, self._tenant.id, former, matched.merged)
        keys = _moved_keys(read, matched, before, gone)
        link_bearers(conn, self._entity, self._tenant.id, keys)

    def _facts(
        self, conn: Connection, linked: Iterable[Linked], read: Read
    ) -> dict[RecordKey, Mapping[str, Any]]:
        """Return what is known of the linked records, and of the batch's as they are now."""
        facts = references.load_facts(conn, self._entity, [link.record for link in linked])
        now = {(item.app_id, item.external_id): item.candidate.attrs for item in read.mapped}
        return {**facts, **now}

    def _members(
        self,
        ctx: Context,
        records: Mapping[UUID, Sequence[RecordKey]],
        read: Read,
        linked: Mapping[Linked, str],
        adding: Collection[RecordKey],
    ) -> dict[UUID, list[Mapped]]:
        """Return all live records of the touched rows; those outside the batch are read too.

        A row that only has records left that add to it has none.
        """
        mapped = {(item.app_id, item.external_id): item for item in read.mapped}
        rejected = {(item.app_id, item.external_id) for item in read.rejects}
        stream_of = {link.record: stream for link, stream in linked.items()}
        others = [
            (stream_of[record], *record)
            for row_records in records.values()
            for record in row_records
            if record not in mapped and record not in rejected
        ]
        configs = {app_id: app.config for app_id, app in ctx.apps.items()}
        for item in todo.read(ctx.conn, others, self._streams, configs).mapped:
            mapped[item.app_id, item.external_id] = item
        members: dict[UUID, list[Mapped]] = {}
        for row_id, row_records in records.items():
            makers = [record for record in row_records if record not in adding]
            # A row all of whose makers are unreadable at present keeps what it has.
            if not makers:
                members[row_id] = []
            elif any(record in mapped for record in makers):
                members[row_id] = [mapped[record] for record in row_records if record in mapped]
        return members


def _arriving(ctx: Context, item: Mapped) -> Arriving:
    return Arriving(
        (item.app_id, item.external_id),
        item.candidate.match_key,
        item.candidate.other_key,
        ctx.apps[item.app_id].rank,
    )


def _moved_keys(
    read: Read,
    matched: Matched,
    before: Mapping[RecordKey, Linked],
    gone: Iterable[RecordKey],
) -> set[str]:
    """Return the natural keys that name another row than before, for records that refer to them."""
    keys: set[str | None] = set()
    for item in read.mapped:
        record = (item.app_id, item.external_id)
        old = before.get(record)
        new = (matched.rows[record], item.candidate.match_key, item.candidate.other_key, False)
        if old is None or (old.row_id, old.match_key, old.other_key, old.is_deleted) != new:
            keys |= {item.candidate.match_key, item.candidate.other_key, f"#{item.external_id}"}
            keys |= {old.match_key, old.other_key} if old else set()
    for record in (*matched.moved, *gone):
        if record in before:
            keys |= {before[record].match_key, before[record].other_key, f"#{record[1]}"}
    return {key for key in keys if key is not None}


def _keys_of(rows: Iterable[Sequence[Mapped]]) -> set[str]:
    """Return the natural keys of rows, for records that are linked to others through them."""
    items = [item for records in rows for item in records]
    keys = {f"#{item.external_id}" for item in items}
    named = {key for item in items for key in (item.candidate.match_key, item.candidate.other_key)}
    return keys | {key for key in named if key is not None}


def _counts(batch: Collection[object], read: Read, changed: Collection[RecordKey]) -> SyncResult:
    codes = Counter(item.error.code for item in read.rejects)
    deleted, rejected = len(read.deleted), len(read.rejects)
    # A queued record that raw has no more (its app was removed) counts as unchanged.
    unchanged = len(batch) - len(changed) - deleted - rejected
    return SyncResult(
        read=len(batch),
        changed=len(changed),
        unchanged=unchanged,
        rejected=rejected,
        deleted=deleted,
        rejected_codes=dict(codes),
    )
