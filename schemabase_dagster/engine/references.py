"""External references: which row is which record of which app, and what people decided of it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.engine.match import Decisions, Linked, RecordKey
from schemabase_dagster.engine.todo import Mapped
from schemabase_dagster.engine.write import upsert
from schemabase_dagster.tables.sales import external_ref

REF_COLUMNS = (
    "tenant_id", "app_id", "entity", "external_id", "scope", "core_id", "stream",
    "external_number", "match_key", "other_key", "status", "attrs", "source_updated_at",
)  # fmt: skip


# Every reference of every row that a record or a key of the batch touches.
_LINKED = """
WITH hits AS (
    SELECT r.core_id
    FROM core.external_ref AS r
    JOIN unnest(%(apps)s::uuid[], %(ids)s::text[]) AS b (app_id, external_id)
        ON b.app_id = r.app_id AND b.external_id = r.external_id
    WHERE r.entity = %(entity)s
    UNION
    SELECT r.core_id FROM core.external_ref AS r
    WHERE r.entity = %(entity)s AND r.tenant_id = %(tenant)s AND r.match_key = ANY(%(keys)s)
    UNION
    SELECT r.core_id FROM core.external_ref AS r
    WHERE r.entity = %(entity)s AND r.tenant_id = %(tenant)s AND r.other_key = ANY(%(keys)s)
    UNION
    SELECT r.core_id
    FROM core.external_ref AS r
    JOIN unnest(%(partner_apps)s::uuid[], %(partner_ids)s::text[]) AS p (app_id, external_id)
        ON p.app_id = r.app_id AND p.external_id = r.external_id
    WHERE r.entity = %(entity)s
)
SELECT r.app_id, r.external_id, r.core_id, r.match_key, r.other_key, r.deleted_at IS NOT NULL,
    r.stream
FROM core.external_ref AS r
JOIN hits AS h ON h.core_id = r.core_id
WHERE r.entity = %(entity)s
"""


_FACTS = """
SELECT r.app_id, r.external_id, r.attrs
FROM core.external_ref AS r
JOIN unnest(%s::uuid[], %s::text[]) AS w (app_id, external_id)
    ON w.app_id = r.app_id AND w.external_id = r.external_id
WHERE r.entity = %s
"""


_NATURAL = sql.SQL("SELECT {number}, id FROM {table} WHERE tenant_id = %s AND {number} = ANY(%s)")


_DECISIONS = """
SELECT d.kind, d.app_id, d.external_id, d.other_app_id, d.other_external_id
FROM platform.match_decision AS d
WHERE d.tenant_id = %s AND d.entity = %s
"""


_MOVE = """
UPDATE core.external_ref AS r SET core_id = m.core_id
FROM unnest(%s::uuid[], %s::text[], %s::uuid[]) AS m (app_id, external_id, core_id)
WHERE r.entity = %s AND r.app_id = m.app_id AND r.external_id = m.external_id
"""


_DELETE_REFS = """
UPDATE core.external_ref AS r SET deleted_at = now()
FROM unnest(%s::uuid[], %s::text[]) AS d (app_id, external_id)
WHERE r.entity = %s AND r.app_id = d.app_id AND r.external_id = d.external_id
    AND r.deleted_at IS NULL
"""


def load_decisions(conn: Connection, tenant_id: UUID, entity: str) -> Decisions:
    """Return what people decided about records of an entity."""
    links: set[frozenset[RecordKey]] = set()
    splits: set[frozenset[RecordKey]] = set()
    for kind, app_id, external_id, other_app, other_id in conn.execute(
        _DECISIONS, (tenant_id, entity)
    ):
        pair = frozenset({(app_id, external_id), (other_app, other_id)})
        (links if kind == "link" else splits).add(pair)
    return Decisions(frozenset(links), frozenset(splits))


def find_linked(  # noqa: PLR0917 - one argument per table it joins
    conn: Connection,
    entity: Entity,
    tenant_id: UUID,
    mapped: Sequence[Mapped],
    also: Iterable[RecordKey],
    decisions: Decisions,
) -> dict[Linked, str]:
    """Return the references that the batch touches, with their streams.

    Args:
        conn: connection inside the transaction that holds the entity's lock.
        entity: the entity.
        tenant_id: tenant.
        mapped: live records of the batch.
        also: further records of the batch: deleted ones.
        decisions: partners of decisions are looked up too.
    """
    batch = {(item.app_id, item.external_id) for item in mapped} | set(also)
    own = {item.candidate.match_key for item in mapped} - {None}
    other = {item.candidate.other_key for item in mapped} - {None}
    partners = {
        record
        for pair in decisions.links | decisions.splits
        if not pair.isdisjoint(batch)
        for record in pair
    }
    values = {
        "entity": entity.name,
        "tenant": tenant_id,
        "apps": [record[0] for record in batch],
        "ids": [record[1] for record in batch],
        "keys": list(own | other),
        "partner_apps": [record[0] for record in partners],
        "partner_ids": [record[1] for record in partners],
    }
    return {
        Linked((row[0], row[1]), row[2], row[3], row[4], row[5]): row[6]
        for row in conn.execute(_LINKED, values, binary=True)
    }


def load_facts(
    conn: Connection, entity: Entity, records: Sequence[RecordKey]
) -> dict[RecordKey, dict[str, Any]]:
    """Return the facts that are kept on the references of some records."""
    values = ([app_id for app_id, _ in records], [one for _, one in records], entity.name)
    return {(row[0], row[1]): row[2] for row in conn.execute(_FACTS, values)}


def find_natural(
    conn: Connection, entity: Entity, tenant_id: UUID, keys: Iterable[str]
) -> dict[str, UUID | None]:
    """Return the rows that bear some natural keys, by key; None where nobody does."""
    wanted = list(keys)
    if not wanted or entity.number_column is None:
        return {}
    query = _NATURAL.format(
        number=sql.Identifier(entity.number_column),
        table=sql.Identifier(str(entity.table.schema), entity.table.name),
    )
    rows = conn.execute(query, (tenant_id, wanted), binary=True)
    return {**dict.fromkeys(wanted), **dict(rows)}


def write_refs(
    conn: Connection,
    entity: Entity,
    tenant_id: UUID,
    mapped: Sequence[Mapped],
    rows: Mapping[RecordKey, UUID],
    *,
    known: Collection[RecordKey],
) -> set[str]:
    """Write the references of the batch; return the external ids of those that changed.

    Args:
        conn: connection inside the transaction that holds the entity's lock.
        entity: the entity.
        tenant_id: tenant.
        mapped: live records of the batch.
        rows: record -> row.
        known: records that have a reference.
    """
    refs = [
        {
            "tenant_id": tenant_id,
            "app_id": item.app_id,
            "entity": entity.name,
            "external_id": item.external_id,
            "scope": "",
            "core_id": rows[item.app_id, item.external_id],
            "stream": item.stream,
            "external_number": item.candidate.number,
            "match_key": item.candidate.match_key,
            "other_key": item.candidate.other_key,
            "status": item.candidate.status,
            "attrs": item.candidate.attrs,
            "source_updated_at": item.source_updated_at,
        }
        for item in mapped
    ]
    key = ("entity", "app_id", "external_id", "scope")
    return upsert(
        conn, external_ref, refs, REF_COLUMNS, key=key, returning="external_id",
        fixed=("tenant_id",),
        is_new=lambda ref: (ref["app_id"], ref["external_id"]) not in known,
    )  # fmt: skip


def move_refs(conn: Connection, entity: Entity, moved: Mapping[RecordKey, UUID]) -> None:
    """Point references outside the batch to the row that took theirs."""
    if moved:
        apps = [record[0] for record in moved]
        ids = [record[1] for record in moved]
        conn.execute(_MOVE, (apps, ids, list(moved.values()), entity.name))


def delete_refs(conn: Connection, entity: Entity, records: Collection[RecordKey]) -> None:
    """Mark references of records that the source has no more."""
    if records:
        apps = [record[0] for record in records]
        conn.execute(_DELETE_REFS, (apps, [record[1] for record in records], entity.name))
