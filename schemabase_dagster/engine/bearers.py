"""Rows of other tables that bear the natural key of an entity, and keys it bore before."""

from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from psycopg import Connection, sql

from schemabase_dagster.engine.entity import Entity

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
UPDATE platform.former_key AS f SET core_id = m.target
FROM unnest(%s::uuid[], %s::uuid[]) AS m (core_id, target)
WHERE f.tenant_id = %s AND f.entity = %s AND f.core_id = m.core_id
"""


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
