"""External references, decisions, conflicts and parent keys: what links source records to rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

import orjson
from psycopg import Connection, sql

from schemabase_dagster.engine.entity import Entity, Link
from schemabase_dagster.engine.match import Conflict, Decisions, Linked, RecordKey
from schemabase_dagster.engine.todo import Mapped
from schemabase_dagster.engine.write import upsert
from schemabase_dagster.tables.sales import external_ref

AppKey: TypeAlias = tuple[UUID, str]
"""(app id, key of a parent as that app writes it)."""

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

_OPEN_CONFLICT = """
INSERT INTO platform.match_conflict (tenant_id, app_id, entity, external_id, kind, detail)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (app_id, entity, external_id, kind) WHERE resolved_at IS NULL DO UPDATE
SET detail = excluded.detail
WHERE match_conflict.detail <> excluded.detail
"""

# Most batches meet no open conflict: asking that costs less than sending the batch's keys.
_HAS_CONFLICTS = """
SELECT EXISTS (
    SELECT FROM platform.match_conflict
    WHERE app_id = ANY(%s) AND entity = %s AND resolved_at IS NULL)
"""

_CLOSE_CONFLICTS = """
UPDATE platform.match_conflict AS c
SET resolved_at = now(), resolution = '{"by": "newer data"}'
FROM unnest(%s::uuid[], %s::text[]) AS s (app_id, external_id)
WHERE c.entity = %s AND c.app_id = s.app_id AND c.external_id = s.external_id
    AND c.resolved_at IS NULL
    AND NOT EXISTS (
        SELECT FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS told (app_id, external_id, kind)
        WHERE told.app_id = c.app_id AND told.external_id = c.external_id AND told.kind = c.kind)
"""

_FORGET_PARENTS = """
DELETE FROM platform.parent_key AS p
USING unnest(%(apps)s::uuid[], %(streams)s::text[], %(ids)s::text[])
    AS b (app_id, stream, external_id)
WHERE p.app_id = b.app_id AND p.stream = b.stream AND p.external_id = b.external_id
    AND NOT EXISTS (
        SELECT FROM unnest(%(k_entity)s::text[], %(k_key)s::text[], %(k_app)s::uuid[],
            %(k_stream)s::text[], %(k_id)s::text[]) AS k (entity, key, app_id, stream, id)
        WHERE k.entity = p.entity AND k.key = p.key AND k.app_id = p.app_id
            AND k.stream = p.stream AND k.id = p.external_id)
"""

_KEEP_PARENTS = """
INSERT INTO platform.parent_key (tenant_id, entity, key, stream, app_id, external_id)
SELECT %(tenant)s, k.entity, k.key, k.stream, k.app_id, k.id
FROM unnest(%(k_entity)s::text[], %(k_key)s::text[], %(k_app)s::uuid[], %(k_stream)s::text[],
    %(k_id)s::text[]) AS k (entity, key, app_id, stream, id)
ON CONFLICT DO NOTHING
"""

_PARENT_ROWS = """
SELECT r.match_key, r.other_key, r.app_id, r.external_id, r.core_id
FROM core.external_ref AS r
WHERE r.entity = %(entity)s AND r.tenant_id = %(tenant)s AND r.deleted_at IS NULL
    AND (r.match_key = ANY(%(keys)s) OR r.other_key = ANY(%(keys)s))
"""

_PARENTS_BY_ID = """
SELECT r.app_id, r.external_id, r.core_id
FROM core.external_ref AS r
JOIN unnest(%s::uuid[], %s::text[]) AS w (app_id, external_id)
    ON w.app_id = r.app_id AND w.external_id = r.external_id
WHERE r.entity = %s AND r.deleted_at IS NULL
"""

_FOLLOW = sql.SQL("""
SELECT w.id, t.{parent}
FROM unnest(%s::uuid[], %s::uuid[]) AS w (id, own_id)
JOIN {table} AS t ON t.{own} = w.own_id AND t.{parent} IS NOT NULL
ORDER BY w.id, t.{parent}
""")

# A row whose records are deleted is still what they named; a live one counts first.
_BEARERS = """
SELECT DISTINCT ON (b.key) b.key, b.core_id
FROM (
    SELECT r.match_key AS key, r.core_id, (r.deleted_at IS NOT NULL)::int AS worse
    FROM core.external_ref AS r
    WHERE r.entity = %(entity)s AND r.tenant_id = %(tenant)s AND r.match_key = ANY(%(keys)s)
    UNION ALL
    SELECT f.key, f.core_id, 2
    FROM platform.former_key AS f
    WHERE f.tenant_id = %(tenant)s AND f.entity = %(entity)s AND f.key = ANY(%(keys)s)
) AS b
ORDER BY b.key, b.worse, b.core_id
"""

_BEARERS_BY_ID = """
SELECT DISTINCT ON (r.external_id) '#' || r.external_id, r.core_id
FROM core.external_ref AS r
JOIN platform.app AS a ON a.id = r.app_id AND a.tenant_id = %(tenant)s
WHERE r.entity = %(entity)s AND r.external_id = ANY(%(ids)s)
ORDER BY r.external_id, r.deleted_at IS NOT NULL, r.core_id
"""

# While a tenant has no catalogue, asking that costs less than sending the SKUs of a batch.
_HAS_BEARERS = """
SELECT EXISTS (SELECT FROM core.external_ref WHERE entity = %s AND tenant_id = %s)
"""

_LINK_BEARERS = sql.SQL("""
UPDATE {table} AS t SET {column} = n.core_id, updated_at = now()
FROM unnest(%(keys)s::text[], %(rows)s::uuid[]) AS n (key, core_id)
WHERE t.tenant_id = %(tenant)s AND t.{key} = n.key AND t.{column} IS DISTINCT FROM n.core_id
""")

_KEEP_KEYS = """
INSERT INTO platform.former_key AS f (tenant_id, entity, key, core_id)
SELECT %s, %s, k.key, k.core_id
FROM unnest(%s::text[], %s::uuid[]) AS k (key, core_id)
ON CONFLICT (tenant_id, entity, key) DO UPDATE SET core_id = excluded.core_id
WHERE f.core_id <> excluded.core_id
"""

_MOVE_KEYS = """
UPDATE platform.former_key AS f SET core_id = m.into
FROM unnest(%s::uuid[], %s::uuid[]) AS m (core_id, into)
WHERE f.tenant_id = %s AND f.entity = %s AND f.core_id = m.core_id
"""

_REPLACE_LINKS = sql.SQL("""
WITH wanted AS (
    SELECT * FROM unnest(%(own)s::uuid[], %(parent)s::uuid[] {arrays})
        AS w (own_id, parent_id {columns})
), gone AS (
    DELETE FROM {table} AS t
    WHERE t.{own} = ANY(%(rows)s) AND t.{parent} IS NOT NULL AND NOT EXISTS (
        SELECT FROM wanted AS w WHERE w.own_id = t.{own} AND w.parent_id = t.{parent})
    RETURNING t.{own}
), {update} made AS (
    INSERT INTO {table} AS t (tenant_id, {own}, {parent} {columns})
    SELECT %(tenant)s, w.own_id, w.parent_id {columns} FROM wanted AS w
    ON CONFLICT DO NOTHING
    RETURNING t.{own}
)
SELECT {own} FROM gone UNION SELECT {own} FROM made {updated}
""")

_UPDATE_LINKS = sql.SQL("""changed AS (
    UPDATE {table} AS t SET {assign}
    FROM wanted AS w
    WHERE w.own_id = t.{own} AND w.parent_id = t.{parent} AND ({old}) IS DISTINCT FROM ({new})
    RETURNING t.{own}
),""")


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


def write_conflicts(
    conn: Connection,
    entity: Entity,
    tenant_id: UUID,
    conflicts: Sequence[Conflict],
    batch: Collection[RecordKey],
) -> None:
    """Open the conflicts of the batch and close those that newer data settled."""
    concerned = list({record[0] for record in batch})
    if conn.execute(_HAS_CONFLICTS, (concerned, entity.name)).fetchone() == (True,):
        apps, ids = zip(*batch, strict=True)
        told = [conflict.record for conflict in conflicts]
        told_apps, told_ids = [record[0] for record in told], [record[1] for record in told]
        told_kinds = [conflict.kind for conflict in conflicts]
        values = (list(apps), list(ids), entity.name, told_apps, told_ids, told_kinds)
        conn.execute(_CLOSE_CONFLICTS, values)
    for conflict in conflicts:
        app_id, external_id = conflict.record
        detail = orjson.dumps(conflict.detail).decode()
        conn.execute(
            _OPEN_CONFLICT, (tenant_id, app_id, entity.name, external_id, conflict.kind, detail)
        )


def write_parent_keys(
    conn: Connection,
    tenant_id: UUID,
    mapped: Sequence[Mapped],
    *,
    known: Collection[RecordKey],
) -> None:
    """Remember which natural keys the records of the batch refer to.

    Args:
        conn: connection inside the transaction that holds the entity's lock.
        tenant_id: tenant.
        mapped: live records of the batch.
        known: records that have a reference: only those may have keys to forget.
    """
    old = [item for item in mapped if (item.app_id, item.external_id) in known]
    keys = [
        (parent, key, item)
        for item in mapped
        for parent, parent_keys in item.candidate.parents.items()
        for key in dict.fromkeys(parent_keys)
    ]
    values = {
        "tenant": tenant_id,
        "apps": [item.app_id for item in old],
        "streams": [item.stream for item in old],
        "ids": [item.external_id for item in old],
        "k_entity": [parent.partition(":")[0] for parent, _, _ in keys],
        "k_key": [key for _, key, _ in keys],
        "k_app": [item.app_id for _, _, item in keys],
        "k_stream": [item.stream for _, _, item in keys],
        "k_id": [item.external_id for _, _, item in keys],
    }
    if old:
        conn.execute(_FORGET_PARENTS, values)
    if keys:
        conn.execute(_KEEP_PARENTS, values)


def find_parents(
    conn: Connection, tenant_id: UUID, entity: str, keys: Iterable[AppKey]
) -> dict[AppKey, UUID]:
    """Return the live rows that keys of parents name, each as said by an app.

    Of several rows that one number names, the same app's counts first, then the one that bears
    the number itself. What names no live row is left out.
    """
    wanted = set(keys)
    ids = [(app_id, key[1:]) for app_id, key in wanted if key.startswith("#")]
    found: dict[AppKey, UUID] = {}
    if ids:
        columns = ([app_id for app_id, _ in ids], [external_id for _, external_id in ids], entity)
        for app_id, external_id, row_id in conn.execute(_PARENTS_BY_ID, columns):
            found[app_id, f"#{external_id}"] = row_id
    numbers = {key for _, key in wanted if not key.startswith("#")}
    if not numbers:
        return found
    named: dict[str, list[tuple[UUID, bool, UUID]]] = {}
    values = {"entity": entity, "tenant": tenant_id, "keys": list(numbers)}
    for match_key, other_key, app_id, _, row_id in conn.execute(_PARENT_ROWS, values):
        for key, is_own in ((match_key, True), (other_key, False)):
            if key in numbers:
                named.setdefault(key, []).append((app_id, is_own, row_id))
    for app_id, key in wanted:
        if key in named:
            found[app_id, key] = _best(named[key], app_id)
    return found


def find_bearers(
    conn: Connection, tenant_id: UUID, entity: str, keys: Iterable[str]
) -> dict[str, UUID]:
    """Return the rows that bear some natural keys now, or bore them once; ``#id`` is an app's id.

    Unlike parents, rows that are deleted count: an article that is sold no more is still what
    stands on an old order.
    """
    wanted = sorted(set(keys))
    ids = [key[1:] for key in wanted if key.startswith("#")]
    found: dict[str, UUID] = {}
    if ids:
        values = {"tenant": tenant_id, "entity": entity, "ids": ids}
        found |= dict(conn.execute(_BEARERS_BY_ID, values).fetchall())
    if len(ids) < len(wanted):
        values = {"tenant": tenant_id, "entity": entity, "keys": wanted}
        found |= dict(conn.execute(_BEARERS, values).fetchall())
    return found


def has_bearers(conn: Connection, tenant_id: UUID, entity: str) -> bool:
    """Tell whether a tenant has any row of an entity."""
    return conn.execute(_HAS_BEARERS, (entity, tenant_id)).fetchone() == (True,)


def link_bearers(conn: Connection, entity: Entity, tenant_id: UUID, keys: Collection[str]) -> None:
    """Link the rows of other tables that bear keys which name another row than before."""
    names = [key for key in keys if not key.startswith("#")]
    if not names:
        return
    found = find_bearers(conn, tenant_id, entity.name, names)
    values = {"tenant": tenant_id, "keys": names, "rows": [found.get(key) for key in names]}
    for bearer in entity.bearers:
        statement = _LINK_BEARERS.format(
            table=sql.Identifier(str(bearer.table.schema), bearer.table.name),
            key=sql.Identifier(bearer.key),
            column=sql.Identifier(bearer.column),
        )
        conn.execute(statement, values)


def keep_keys(
    conn: Connection,
    entity: Entity,
    tenant_id: UUID,
    former: Mapping[str, UUID],
    merged: Mapping[UUID, UUID],
) -> None:
    """Remember natural keys that rows have lost.

    Args:
        conn: connection inside the transaction that holds the entity's lock.
        entity: the entity.
        tenant_id: tenant.
        former: lost key -> row.
        merged: row that another one took up -> that one.
    """
    if merged:
        rows = (list(merged), list(merged.values()))
        conn.execute(_MOVE_KEYS, (*rows, tenant_id, entity.name))
    if former:
        lost = (list(former), list(former.values()))
        conn.execute(_KEEP_KEYS, (tenant_id, entity.name, *lost))


def _best(named: Sequence[tuple[UUID, bool, UUID]], app_id: UUID) -> UUID:
    return min(named, key=lambda hit: (hit[0] != app_id, not hit[1], hit[2]))[2]


def follow(
    conn: Connection, link: Link, rows: Iterable[tuple[UUID, UUID]]
) -> list[tuple[UUID, UUID]]:
    """Return where rows of another entity lead by a link of that entity.

    Args:
        conn: connection inside the transaction.
        link: link of the other entity.
        rows: (any id, id of a row of that entity).

    Returns:
        (the same id, id of a row that it is linked to).
    """
    pairs = list(rows)
    statement = _FOLLOW.format(
        table=sql.Identifier(str(link.table.schema), link.table.name),
        own=sql.Identifier(link.own_column),
        parent=sql.Identifier(link.parent_column),
    )
    found = conn.execute(statement, ([pair[0] for pair in pairs], [pair[1] for pair in pairs]))
    return [(row[0], row[1]) for row in found]


def replace_links(
    conn: Connection,
    link: Link,
    tenant_id: UUID,
    rows: Sequence[UUID],
    links: Mapping[tuple[UUID, UUID], Mapping[str, Any]],
) -> set[UUID]:
    """Make ``links`` those of ``rows``; return the rows whose links changed.

    Args:
        conn: connection inside the transaction that holds the entity's lock.
        link: the relation.
        tenant_id: tenant.
        rows: rows of the entity.
        links: (own id, parent id) -> values of the link's further columns.
    """
    pairs = sorted(links)
    values: dict[str, Any] = {
        "tenant": tenant_id,
        "rows": list(rows),
        "own": [own for own, _ in pairs],
        "parent": [parent for _, parent in pairs],
        **{column: [links[pair].get(column) for pair in pairs] for column in link.columns},
    }
    return {row[0] for row in conn.execute(_replace_links(link), values)}


def _replace_links(link: Link) -> sql.Composed:
    """Compose the statement; a relation without further columns has nothing to update."""
    names = {
        "table": sql.Identifier(str(link.table.schema), link.table.name),
        "own": sql.Identifier(link.own_column),
        "parent": sql.Identifier(link.parent_column),
    }
    columns = [sql.Identifier(column) for column in link.columns]
    arrays = [
        sql.SQL(", %({})s::{}[]").format(sql.SQL(column), sql.SQL(str(link.table.c[column].type)))
        for column in link.columns
    ]
    update: sql.Composable = sql.SQL("")
    updated: sql.Composable = sql.SQL("")
    if columns:
        update = _UPDATE_LINKS.format(
            assign=sql.SQL(", ").join(sql.SQL("{0} = w.{0}").format(each) for each in columns),
            old=sql.SQL(", ").join(sql.SQL("t.{}").format(each) for each in columns),
            new=sql.SQL(", ").join(sql.SQL("w.{}").format(each) for each in columns),
            **names,
        )
        updated = sql.SQL("UNION SELECT {own} FROM changed").format(**names)
    return _REPLACE_LINKS.format(
        arrays=sql.Composed(arrays),
        columns=sql.Composed([sql.SQL(", {}").format(each) for each in columns]),
        update=update,
        updated=updated,
        **names,
    )
