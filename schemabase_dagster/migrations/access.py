"""What analysts may read: policies and grants over whatever tables and views there are.

Nobody has to remember a new table: everything is derived from the catalogue. ``core`` is granted
but for secret columns; of other schemas exactly the columns that a view reads are granted, without
the right to name the schema, so that they are seen through that view only.
"""

from collections.abc import Set as AbstractSet
from typing import Any, Final, LiteralString, NamedTuple

from psycopg import Connection, sql

GROUP: Final = "schemabase_analyst"
"""Role of the cluster whose members are the analysts; made with the first of them."""

POLICY: Final = "analysts"
SECRET_COLUMN: Final = "(_enc|_secret|_token|_password)$"  # noqa: S105 - a pattern of names

_HAS_GROUP: LiteralString = "SELECT FROM pg_roles WHERE rolname = %s"

# Tables below the analysts' schemas, and what their views read elsewhere.
_RELATIONS: LiteralString = """
WITH read AS (
    SELECT DISTINCT d.refobjid AS oid
    FROM pg_depend AS d
    JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    JOIN pg_class AS v ON v.oid = r.ev_class AND v.relkind = 'v'
    WHERE v.relnamespace = 'analytics'::regnamespace AND d.refclassid = 'pg_class'::regclass
)
SELECT
    c.relnamespace::regnamespace::text, c.relname,
    CASE
        WHEN c.oid = 'platform.tenant'::regclass THEN 'id'
        WHEN bool_or(a.attname = 'tenant_id') THEN 'tenant_id'
        WHEN bool_or(a.attname = 'app_id') THEN 'app_id'
    END AS owner_column
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p')
  AND (
      c.relnamespace IN ('core'::regnamespace, 'analytics'::regnamespace)
      OR c.oid IN (SELECT oid FROM read)
  )
  AND NOT (c.relrowsecurity AND EXISTS (
      SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid AND p.polname = %s
  ))
GROUP BY c.oid
ORDER BY 1, 2
"""

# Evaluated once per query: the subquery depends on no row. The owner, who syncs, is exempt.
_PROTECT: LiteralString = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS {policy} ON {table};
CREATE POLICY {policy} ON {table} FOR SELECT
    USING ({column} = ANY ((SELECT platform.{visible}(current_user))::uuid[]))
"""

_PLAIN_VIEWS: LiteralString = """
SELECT relname FROM pg_class
WHERE relnamespace = 'analytics'::regnamespace AND relkind = 'v'
  AND NOT coalesce(reloptions @> '{security_invoker=true}', false)
ORDER BY relname
"""

_WANTED: LiteralString = """
WITH protected AS (
    SELECT
        c.oid, c.relnamespace,
        bool_or(a.attname ~ %(secret)s) AS has_secret
    FROM pg_class AS c
    JOIN pg_policy AS p ON p.polrelid = c.oid AND p.polname = %(policy)s
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relrowsecurity AND NOT c.relispartition
    GROUP BY c.oid
)
SELECT oid, NULL::name AS column_name
FROM pg_class WHERE relnamespace = 'analytics'::regnamespace AND relkind = 'v'
UNION
SELECT p.oid, CASE WHEN p.has_secret THEN a.attname END
FROM protected AS p
JOIN pg_attribute AS a
    ON a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname !~ %(secret)s
WHERE p.relnamespace IN ('core'::regnamespace, 'analytics'::regnamespace)
UNION
SELECT p.oid, a.attname
FROM protected AS p
JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = p.oid
JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
JOIN pg_class AS v ON v.oid = r.ev_class AND v.relkind = 'v'
JOIN pg_attribute AS a ON a.attrelid = p.oid AND a.attnum = d.refobjsubid
WHERE v.relnamespace = 'analytics'::regnamespace
  AND p.relnamespace NOT IN ('core'::regnamespace, 'analytics'::regnamespace)
  AND a.attname !~ %(secret)s
"""

_GIVEN: LiteralString = """
SELECT c.oid, NULL::name AS column_name
FROM pg_class AS c, aclexplode(c.relacl) AS g
WHERE c.relnamespace = ANY (%(schemas)s::regnamespace[]) AND g.grantee = %(group)s::regrole
UNION
SELECT c.oid, a.attname
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid
CROSS JOIN aclexplode(a.attacl) AS g
WHERE c.relnamespace = ANY (%(schemas)s::regnamespace[]) AND g.grantee = %(group)s::regrole
"""

_NAMES: LiteralString = """
SELECT oid, relnamespace::regnamespace::text, relname FROM pg_class WHERE oid = ANY (%s)
"""

_OPEN_SCHEMAS: LiteralString = """
GRANT USAGE ON SCHEMA core, analytics TO {group};
GRANT EXECUTE ON FUNCTION platform.visible_tenants, platform.visible_apps TO {group}
"""
_IS_OPEN: LiteralString = """
SELECT has_schema_privilege(%(group)s, 'core', 'USAGE')
   AND has_schema_privilege(%(group)s, 'analytics', 'USAGE')
   AND has_function_privilege(%(group)s, 'platform.visible_apps(name)', 'EXECUTE')
   AND has_function_privilege(%(group)s, 'platform.visible_tenants(name)', 'EXECUTE')
"""

# Everybody may make large objects, which fill the disk and which nobody here needs. Only a
# superuser can forbid it, as the embedded server's owner is.
_LARGE_OBJECTS: LiteralString = """
SELECT p.oid::regprocedure::text
FROM pg_proc AS p
WHERE p.pronamespace = 'pg_catalog'::regnamespace
  AND (p.proname LIKE 'lo\\_%%' OR p.proname IN ('loread', 'lowrite'))
  AND has_function_privilege(%s, p.oid, 'EXECUTE')
  AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
ORDER BY 1
"""


class Grant(NamedTuple):
    """One right to read.

    Attributes:
        oid: table or view.
        column: the column; None = all of them, those of the future too.
    """

    oid: int
    column: str | None


def apply(conn: Connection[Any]) -> None:
    """Make policies, options of views and grants what they should be; idempotent.

    Call it inside the transaction that changed tables or views. Nothing is written when nothing is
    missing. Without the group, which the first analyst brings, there is nobody to grant to.
    """
    _protect_tables(conn)
    _let_views_ask_as_the_reader(conn)
    if conn.execute(_HAS_GROUP, (GROUP,)).fetchone() is not None:
        _open_schemas(conn)
        _grant(conn)
        _forbid_large_objects(conn)


def _protect_tables(conn: Connection[Any]) -> None:
    for schema, name, owner_column in conn.execute(_RELATIONS, (POLICY,)).fetchall():
        # Without such a column nobody can tell whose a row is: then nobody reads the table.
        if owner_column is None:
            continue
        visible = "visible_apps" if owner_column == "app_id" else "visible_tenants"
        conn.execute(
            sql.SQL(_PROTECT).format(
                table=sql.Identifier(schema, name),
                policy=sql.Identifier(POLICY),
                column=sql.Identifier(owner_column),
                visible=sql.Identifier(visible),
            )
        )


def _let_views_ask_as_the_reader(conn: Connection[Any]) -> None:
    for (name,) in conn.execute(_PLAIN_VIEWS).fetchall():
        statement = sql.SQL("ALTER VIEW {} SET (security_invoker = true)")
        conn.execute(statement.format(sql.Identifier("analytics", name)))


def _open_schemas(conn: Connection[Any]) -> None:
    is_open = conn.execute(_IS_OPEN, {"group": GROUP}).fetchone()
    if is_open is None or not is_open[0]:
        conn.execute(sql.SQL(_OPEN_SCHEMAS).format(group=sql.Identifier(GROUP)))


def _grant(conn: Connection[Any]) -> None:
    names = {"secret": SECRET_COLUMN, "policy": POLICY}
    wanted = {Grant(*row) for row in conn.execute(_WANTED, names)}
    schemas = ["platform", "raw", "core", "analytics"]
    given = {Grant(*row) for row in conn.execute(_GIVEN, {"schemas": schemas, "group": GROUP})}
    # First, since taking a whole table back takes its columns along.
    _change(conn, "REVOKE SELECT {columns} ON {relation} FROM {group}", given - wanted)
    kept = {each for each in given & wanted if Grant(each.oid, None) not in given - wanted}
    _change(conn, "GRANT SELECT {columns} ON {relation} TO {group}", wanted - kept)


def _change(conn: Connection[Any], statement: LiteralString, grants: AbstractSet[Grant]) -> None:
    oids = [each.oid for each in grants]
    names = {oid: (schema, name) for oid, schema, name in conn.execute(_NAMES, (oids,))}
    for oid, column in sorted(grants, key=lambda each: (names[each.oid], each.column or "")):
        columns = sql.SQL("({})").format(sql.Identifier(column)) if column else sql.SQL("")
        conn.execute(
            sql.SQL(statement).format(
                columns=columns, relation=sql.Identifier(*names[oid]), group=sql.Identifier(GROUP)
            )
        )


def _forbid_large_objects(conn: Connection[Any]) -> None:
    for (function,) in conn.execute(_LARGE_OBJECTS, (GROUP,)).fetchall():
        conn.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
