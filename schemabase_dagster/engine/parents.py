"""Rows that records name as their parents, and the links to them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import Connection, sql

from schemabase_dagster.engine.entity import Link
from schemabase_dagster.engine.match import RecordKey
from schemabase_dagster.engine.todo import Mapped

AppKey: TypeAlias = tuple[UUID, str]
"""(app id, key of a parent as that app writes it)."""


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
