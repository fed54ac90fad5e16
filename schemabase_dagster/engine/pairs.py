"""Pairs: records without a common key that are one row by what they say, kept as they are found.

A pair is kept like a decision of a person and applied by the matching of the next batch, for which
its record is queued. One that holds no more is withdrawn: the record is then matched as a new one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from schemabase_dagster.engine.entity import Entity, Pairing
from schemabase_dagster.engine.match import Decisions, RecordKey
from schemabase_dagster.engine.todo import RawKey
from schemabase_dagster.systems import Role

PairKey: TypeAlias = tuple[RecordKey, RecordKey]
"""(record that joins, record that it joins)."""

_KNOWN = """
WITH batch AS (
    SELECT * FROM unnest(%(apps)s::uuid[], %(ids)s::text[]) AS b (app_id, external_id)
)
SELECT p.app_id, p.external_id, p.other_app_id, p.other_external_id
FROM platform.match_pair AS p
JOIN batch AS b ON b.app_id = p.app_id AND b.external_id = p.external_id
WHERE p.entity = %(entity)s
UNION
SELECT p.app_id, p.external_id, p.other_app_id, p.other_external_id
FROM platform.match_pair AS p
JOIN batch AS b ON b.app_id = p.other_app_id AND b.external_id = p.other_external_id
WHERE p.entity = %(entity)s
"""

_KEEP = """
INSERT INTO platform.match_pair (
    tenant_id, entity, app_id, external_id, other_app_id, other_external_id)
SELECT %s, %s, * FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::text[])
"""

_WITHDRAW = """
DELETE FROM platform.match_pair AS p
USING unnest(%s::uuid[], %s::text[]) AS g (app_id, external_id)
WHERE p.entity = %s AND p.app_id = g.app_id AND p.external_id = g.external_id
"""

_QUEUE = """
INSERT INTO platform.todo (tenant_id, stream, app_id, external_id)
SELECT r.tenant_id, r.stream, r.app_id, r.external_id
FROM core.external_ref AS r
JOIN unnest(%s::uuid[], %s::text[]) AS q (app_id, external_id)
    ON q.app_id = r.app_id AND q.external_id = r.external_id
WHERE r.entity = %s
RETURNING stream, app_id, external_id
"""

_FORGET = """
DELETE FROM core.external_ref AS r
USING unnest(%s::uuid[], %s::text[]) AS g (app_id, external_id)
WHERE r.entity = %s AND r.app_id = g.app_id AND r.external_id = g.external_id
    AND r.deleted_at IS NULL
"""


def with_pairs(
    conn: Connection, entity: Entity, decisions: Decisions, records: Iterable[RecordKey]
) -> Decisions:
    """Return what people decided, and the pairs of some records as links beside it."""
    if entity.pairing is None:
        return decisions
    known = {frozenset(pair) for pair in _known(conn, entity, records)}
    return replace(decisions, links=decisions.links | known)


def find_series(conn: Connection, entity: Entity, rows: Collection[UUID]) -> set[UUID]:
    """Return the series that rows belong to."""
    if entity.pairing is None or not rows:
        return set()
    return {row[0] for row in conn.execute(entity.pairing.series, {"rows": list(rows)})}


def write_pairs(  # noqa: PLR0917 - what a batch of a merge has at hand
    conn: Connection,
    entity: Entity,
    tenant_id: UUID,
    roles: Mapping[UUID, Role],
    decisions: Decisions,
    series: Collection[UUID],
    gone: Iterable[RecordKey],
) -> set[RawKey]:
    """Find the pairs of all series anew and keep them; return the records that this queued.

    Args:
        conn: connection inside the transaction that holds the entity's lock.
        entity: the entity.
        tenant_id: tenant.
        roles: roles of the tenant's apps.
        decisions: what people decided.
        series: series of the rows of the batch, before and after it.
        gone: records of the batch that the source has no more.
    """
    pairing = entity.pairing
    if pairing is None:
        return set()
    with conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(pairing.records, {"series": list(series)}).fetchall()
    wanted: set[PairKey] = set()
    for _, members in groupby(found, itemgetter("series")):
        told = [{**row, "role": roles[row["app_id"]]} for row in members if row["app_id"] in roles]
        wanted |= _pairs(pairing, told, decisions)
    known = _known(conn, entity, [*map(_key, found), *gone])
    return _replace(conn, entity, tenant_id, made=wanted - known, gone=known - wanted)


def _pairs(
    pairing: Pairing, records: Sequence[Mapping[str, Any]], decisions: Decisions
) -> set[PairKey]:
    """Return the pairs of one series; what a person has split never is one."""
    groups = _groups(records, decisions)
    pairs: set[PairKey] = set()
    for joining, joined in pairing.pair(groups):
        into = [_key(record) for record in groups[joined]]
        each = {(_key(record), into[0]) for record in groups[joining]}
        crossed = {frozenset({one, other}) for one, _ in each for other in into}
        if crossed.isdisjoint(decisions.splits):
            pairs |= each
    return pairs


def _groups(
    records: Sequence[Mapping[str, Any]], decisions: Decisions
) -> list[list[Mapping[str, Any]]]:
    """Return the records by what a key or a person holds together, all in a fixed order."""
    handles: dict[RecordKey, set[object]] = {
        _key(record): {record["match_key"], record["other_key"], _key(record)} - {None}
        for record in records
    }
    for pair in decisions.links:
        if pair <= handles.keys():
            for linked in pair:
                handles[linked].add(pair)
    place: dict[object, int] = {}
    groups: dict[int, list[Mapping[str, Any]]] = {}
    for number, record in enumerate(sorted(records, key=_key)):
        own = handles[_key(record)]
        met = {place[handle] for handle in own if handle in place}
        groups[number] = [record, *(each for other in met for each in groups.pop(other))]
        for each in groups[number]:
            place.update(dict.fromkeys(handles[_key(each)], number))
    return [sorted(group, key=_key) for group in groups.values()]


def _replace(
    conn: Connection,
    entity: Entity,
    tenant_id: UUID,
    *,
    made: Collection[PairKey],
    gone: Collection[PairKey],
) -> set[RawKey]:
    """Withdraw and keep pairs, and queue the records whose row this changes."""
    parted = [pair[0] for pair in gone]
    queued = {*parted, *(pair[1] for pair in gone), *(pair[0] for pair in made)}
    if not queued:
        return set()
    todo = {tuple(row) for row in conn.execute(_QUEUE, (*_arrays(queued), entity.name))}
    if gone:
        conn.execute(_WITHDRAW, (*_arrays(parted), entity.name))
        conn.execute(_FORGET, (*_arrays(parted), entity.name))
    if made:
        pairs = list(made)
        ends = (*_arrays([pair[0] for pair in pairs]), *_arrays([pair[1] for pair in pairs]))
        conn.execute(_KEEP, (tenant_id, entity.name, *ends))
    return todo


def _known(conn: Connection, entity: Entity, records: Iterable[RecordKey]) -> set[PairKey]:
    """Return the pairs that are kept of some records."""
    apps, ids = _arrays(records)
    values = {"entity": entity.name, "apps": apps, "ids": ids}
    return {((row[0], row[1]), (row[2], row[3])) for row in conn.execute(_KNOWN, values)}


def _key(record: Mapping[str, Any]) -> RecordKey:
    return (record["app_id"], record["external_id"])


def _arrays(records: Iterable[RecordKey]) -> tuple[list[UUID], list[str]]:
    listed = list(records)
    return [app_id for app_id, _ in listed], [external_id for _, external_id in listed]
