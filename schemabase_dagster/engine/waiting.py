"""Records that wait: those that only add to a row that is not there, or need a parent first."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from psycopg import Connection

from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.engine.match import Linked, RecordKey
from schemabase_dagster.engine.parents import find_parents
from schemabase_dagster.engine.reject import WAITS, MappingReject
from schemabase_dagster.engine.todo import Mapped
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.streams import Stream


def adding_records(
    streams: Mapping[str, Stream], mapped: Iterable[Mapped], linked: Mapping[Linked, str]
) -> frozenset[RecordKey]:
    """Return the records, of the batch or linked to its rows, that only add to rows of others."""
    names = {name for name, stream in streams.items() if stream.adds}
    if not names:
        return frozenset()
    arriving = {(item.app_id, item.external_id) for item in mapped if item.stream in names}
    return frozenset(arriving).union(
        link.record for link, stream in linked.items() if stream in names
    )


def find_orphans(
    conn: Connection,
    tenant_id: UUID,
    streams: Mapping[str, Stream],
    mapped: Iterable[Mapped],
    known: Collection[RecordKey],
) -> set[RecordKey]:
    """Return the records without a row that need a parent of which no row is known."""
    needing: dict[str, list[Mapped]] = {}
    for item in mapped:
        entity = streams[item.stream].needs
        if entity is not None and (item.app_id, item.external_id) not in known:
            needing.setdefault(entity, []).append(item)
    orphans: set[RecordKey] = set()
    for entity, items in needing.items():
        named = {
            (item.app_id, item.external_id): {
                (item.app_id, key) for key in item.candidate.parents.get(entity, ())
            }
            for item in items
        }
        found = find_parents(conn, tenant_id, entity, set().union(*named.values()))
        orphans |= {record for record, keys in named.items() if found.keys().isdisjoint(keys)}
    return orphans


def held(
    entity: Entity, streams: Mapping[str, Stream], mapped: Iterable[Mapped]
) -> list[MappingReject]:
    """Return the rejects by which waiting records are shown."""
    return [
        MappingReject(
            item.stream,
            item.app_id,
            item.external_id,
            RecordRejected(
                WAITS, "", f"Waits until the {streams[item.stream].needs or entity.name} is known."
            ),
        )
        for item in mapped
    ]


def awaited(entity: Entity, waiting: Iterable[Mapped]) -> list[Mapped]:
    """Return waiting records with their own keys as parents: what takes one, puts them back."""
    return [
        replace(item, candidate=replace(item.candidate, parents=_with_own(entity, item)))
        for item in waiting
    ]


def _with_own(entity: Entity, item: Mapped) -> dict[str, Sequence[str]]:
    keys = (item.candidate.match_key, item.candidate.other_key)
    own = [*item.candidate.parents.get(entity.name, ()), *(key for key in keys if key is not None)]
    return {**item.candidate.parents, entity.name: own}
