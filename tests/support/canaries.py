"""One row per tenant in every table, whose texts name the tenant: what leaks is recognised.

Values follow from the catalogue, so a table that is added tomorrow is filled, too. All ids of a
tenant are one and the same, so every join of a view finds its partner.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, LiteralString
from uuid import UUID, uuid5

from psycopg import Connection, sql

from schemabase_dagster.tenancy import Tenant
from tests.support.rows import rows

_COLUMNS: LiteralString = """
SELECT c.oid::regclass::text AS relation, a.attname AS name, t.typname AS type,
    (SELECT string_agg(pg_get_constraintdef(k.oid), ' ')
     FROM pg_constraint AS k
     WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]) AS checks
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE n.nspname IN ('core', 'raw', 'platform', 'analytics') AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition AND a.attgenerated = '' AND a.attidentity = ''
  AND c.relname NOT IN ('tenant', 'app', 'alembic_version', 'applied_view', 'analyst_access')
ORDER BY 1, a.attnum
"""

_PARTITIONS: LiteralString = """
SELECT substring(pg_get_expr(relpartbound, oid) FROM '''(.+)''') AS value
FROM pg_class WHERE relispartition AND relnamespace = 'core'::regnamespace AND relkind = 'r'
"""

_CHECKS: LiteralString = """
SELECT conrelid::regclass::text AS relation, conname AS name FROM pg_constraint
WHERE contype = 'c' AND connamespace::regnamespace::text IN ('core', 'raw', 'platform', 'analytics')
  AND coninhcount = 0
"""

_APP = "INSERT INTO platform.app (id, tenant_id, type, key, name) VALUES (%s, %s, 'zoho', 'x', %s)"

_KNOWN: Mapping[str, Any] = {"currency": "EUR", "country_code": "DE", "language": "en"}
_BY_TYPE: dict[str, Any] = {
    "bool": True, "numeric": 7, "int4": 7, "int8": 7, "int2": 7, "float8": 7,
    "date": "2026-03-01", "timestamptz": "2026-03-01T12:00:00Z", "interval": "1 day",
}  # fmt: skip


def canary(tenant: Tenant) -> str:
    """Return the text that stands in the tenant's rows and nowhere else."""
    return f"canary-{tenant.slug}"


def only_id(tenant: Tenant) -> UUID:
    """Return the id of all rows of the tenant."""
    return uuid5(tenant.id, "row")


def fill(conn: Connection[Any], tenants: Sequence[Tenant]) -> None:
    """Insert an app and a row of every tenant into every table that can hold one."""
    columns, kinds = rows(conn, _COLUMNS), [each["value"] for each in rows(conn, _PARTITIONS)]
    for each in rows(conn, _CHECKS):
        relation = sql.Identifier(*each["relation"].split("."))
        statement = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        conn.execute(statement.format(relation, sql.Identifier(each["name"])))
    conn.execute("SET session_replication_role = replica")
    for tenant in tenants:
        conn.execute(_APP, (only_id(tenant), tenant.id, canary(tenant)))
        for relation, group in groupby(columns, key=itemgetter("relation")):
            values = {column["name"]: _value(column, tenant) for column in group}
            for kind in kinds if relation == "core.external_ref" else [None]:
                _insert(conn, relation, values if kind is None else {**values, "entity": kind})
    conn.execute("RESET session_replication_role")


def _insert(conn: Connection[Any], relation: str, values: Mapping[str, Any]) -> None:
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(*relation.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join([sql.Placeholder()] * len(values)),
    )
    conn.execute(statement, list(values.values()))


def _value(column: Mapping[str, Any], tenant: Tenant) -> Any:
    name, kind, text = column["name"], column["type"], canary(tenant)
    given = {"tenant_id": tenant.id, "deleted_at": None, **_KNOWN}
    if name in given:
        return given[name]
    by_type = {
        "uuid": only_id(tenant),
        "bytea": only_id(tenant).bytes,
        "jsonb": f'{{"text": "{text}"}}',
        "_text": [text],
    }
    if kind != "text":
        return (by_type | _BY_TYPE).get(kind)
    allowed = re.findall(r"'([a-z_]+)'::text", column["checks"] or "")
    return allowed[0] if allowed else text
