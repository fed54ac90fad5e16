"""What one analyst sees of another tenant: nothing, in whatever table, view and way."""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import Connection, sql
from psycopg.errors import InsufficientPrivilege

from schemabase_dagster import tenancy
from schemabase_dagster.migrations import access
from schemabase_dagster.tenancy import Tenant, analysts
from tests.support import canaries, server
from tests.support.rows import rows, value

RELATIONS: LiteralString = """
SELECT c.relnamespace::regnamespace::text AS schema, c.relname AS name, c.relkind::text AS kind,
    array_agg(a.attname::text ORDER BY a.attnum)
        FILTER (WHERE a.attname !~ %s) AS columns
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace IN ('core'::regnamespace, 'analytics'::regnamespace)
  AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition
GROUP BY c.oid
ORDER BY 1, 2
"""

Analyst = Connection[Any]


@pytest.fixture(scope="module")
def database_url(postgres_server: str) -> Iterator[str]:
    """Database of all tests of this module that only read."""
    url = server.clone(postgres_server)
    yield url
    server.drop(postgres_server, url)


@pytest.fixture(scope="module")
def conn(database_url: str) -> Iterator[Connection[Any]]:
    """Session of the owner."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def foreign(conn: Connection[Any]) -> Tenant:
    """Tenant ``globex``, which the analyst must not see."""
    return tenancy.add_tenant(conn, "globex", "canary-globex")


@pytest.fixture(scope="module")
def link(conn: Connection[Any], foreign: Tenant) -> Iterator[str]:
    """Connection string of an analyst of ``acme``; every table has a row of both tenants."""
    own = tenancy.add_tenant(conn, "acme", "canary-acme")
    canaries.fill(conn, (own, foreign))
    name = f"anna_{secrets.token_hex(6)}"
    made = analysts.add(conn, name, [own])
    assert made is not None
    yield made
    analysts.remove(conn, name)


@pytest.fixture
def analyst(link: str) -> Iterator[Analyst]:
    """Session of the analyst, able to write as far as the server lets him."""
    with psycopg.connect(link, autocommit=True) as session:
        session.execute("SET default_transaction_read_only = off")
        yield session


def relations(conn: Connection[Any]) -> list[tuple[sql.Identifier, sql.Composed, str]]:
    """Every table and view for analysts: its name, its columns, and both as text."""
    return [
        (
            sql.Identifier(each["schema"], each["name"]),
            sql.SQL(", ").join(map(sql.Identifier, each["columns"])),
            f"{each['schema']}.{each['name']}",
        )
        for each in rows(conn, RELATIONS, (access.SECRET_COLUMN,))
    ]


def assert_nothing_foreign(found: object, foreign: Tenant, where: str) -> None:
    text = repr(found)
    for clue in ("globex", str(foreign.id), str(canaries.only_id(foreign))):
        assert clue not in text, f"{where} shows {clue}"


def test_every_table_and_view_shows_own_rows_only(
    conn: Connection[Any], analyst: Analyst, foreign: Tenant
):
    for relation, columns, name in relations(conn):
        found = analyst.execute(sql.SQL("SELECT {} FROM {}").format(columns, relation)).fetchall()
        assert_nothing_foreign(found, foreign, name)
        whole = conn.execute(sql.SQL("SELECT {} FROM {}").format(columns, relation)).fetchall()
        # A report that needs more than a row of each table is empty: its tables are tried instead.
        if whole or name.startswith("core."):
            assert found, f"{name} shows nothing of its own"
            assert "globex" in repr(whole) or str(foreign.id) in repr(whole), (
                f"{name} hides nothing"
            )


def test_every_view_asks_with_the_rights_of_its_reader(conn: Connection[Any]):
    query = """
        SELECT relname FROM pg_class
        WHERE relnamespace = 'analytics'::regnamespace AND relkind IN ('v', 'm')
          AND NOT coalesce(reloptions @> '{security_invoker=true}', false)
    """

    assert rows(conn, query) == []


QUERIES: dict[str, LiteralString] = {
    "counted": "SELECT count(*), array_agg(x::text) FROM {0} AS x",
    "joined with itself": "SELECT a.*, b.* FROM {0} AS a CROSS JOIN {0} AS b",
    "joined to what is visible": "SELECT x FROM {0} AS x FULL JOIN core.orders AS o ON true",
    "asked for by name": "SELECT x FROM {0} AS x WHERE x::text LIKE '%globex%'",
    "in a subquery": "SELECT (SELECT string_agg(x::text, ',') FROM {0} AS x)",
    "in a recursion": "WITH RECURSIVE r AS (SELECT x::text AS t, 1 AS n FROM {0} AS x UNION ALL "
    "SELECT t, n + 1 FROM r WHERE n < 2) SELECT * FROM r",
    "as JSON": "SELECT jsonb_agg(to_jsonb(x)) FROM {0} AS x",
    "sorted by an error": "SELECT x FROM {0} AS x ORDER BY (x::text LIKE '%globex%') DESC",
    "with a window": "SELECT lag(x::text) OVER (), lead(x::text) OVER () FROM {0} AS x",
    "through a cursor": "FETCH ALL FROM c",
    "by its statistics": "SELECT most_common_vals::text, histogram_bounds::text FROM pg_stats "
    "WHERE format('%I.%I', schemaname, tablename) = '{0}'",
}


@pytest.mark.parametrize("way", QUERIES)
def test_no_query_shows_a_foreign_row(
    conn: Connection[Any], analyst: Analyst, foreign: Tenant, way: str
):
    conn.execute("ANALYZE")
    for relation, _, name in relations(conn):
        query = QUERIES[way].replace("{0}", relation.as_string())
        with suppress(InsufficientPrivilege), analyst.transaction():
            analyst.execute(f"DECLARE c CURSOR FOR SELECT * FROM {relation.as_string()}")
            assert_nothing_foreign(analyst.execute(query).fetchall(), foreign, f"{name} {way}")


def test_copy_shows_own_rows_only(conn: Connection[Any], analyst: Analyst, foreign: Tenant):
    for relation, columns, name in relations(conn):
        query = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(columns, relation)
        with analyst.cursor().copy(query) as copied:
            assert_nothing_foreign(b"".join(bytes(part) for part in copied), foreign, name)


def test_cheap_function_sees_own_rows_only(
    conn: Connection[Any], analyst: Analyst, foreign: Tenant
):
    told: list[str] = []
    analyst.add_notice_handler(lambda notice: told.append(str(notice.message_primary)))
    analyst.execute(
        "CREATE FUNCTION pg_temp.leak(row_text text) RETURNS boolean LANGUAGE plpgsql "
        "COST 0.0000001 AS $$ BEGIN RAISE NOTICE '%', row_text; RETURN true; END $$"
    )

    for relation, columns, name in relations(conn):
        query = "SELECT 1 FROM (SELECT {} FROM {}) AS x WHERE pg_temp.leak(x::text)"
        analyst.execute(sql.SQL(query).format(columns, relation))
        assert_nothing_foreign(told, foreign, name)

    assert any("canary-acme" in each for each in told), "the function was never asked"


CHANGES: tuple[LiteralString, ...] = (
    "SET SESSION schemabase.tenants = 'globex'",
    "SET app.tenant = 'globex'",
    "SELECT set_config('schemabase.tenants', 'globex', false)",
    "SET search_path = pg_temp, platform, raw, core, analytics",
    "RESET ALL",
    "RESET ROLE",
    "RESET SESSION AUTHORIZATION",
    "SET ROLE schemabase_analyst",
    "SET row_security = on",
    "SET LOCAL ROLE NONE",
    "DISCARD ALL",
    (
        "CREATE FUNCTION pg_temp.visible_tenants(name) RETURNS uuid[] LANGUAGE sql AS "
        "$$ SELECT ARRAY(SELECT tenant_id FROM core.orders) $$"
    ),
)


@pytest.mark.parametrize("change", CHANGES)
def test_no_setting_shows_a_foreign_row(
    conn: Connection[Any], analyst: Analyst, foreign: Tenant, change: LiteralString
):
    analyst.execute(change)

    for relation, columns, name in relations(conn):
        found = analyst.execute(sql.SQL("SELECT {} FROM {}").format(columns, relation)).fetchall()
        assert_nothing_foreign(found, foreign, f"{name} after {change}")


REFUSED: dict[str, Callable[[str], str]] = {
    "role of the owner": lambda owner: f"SET ROLE {owner}",
    "role by a function": lambda owner: f"SELECT set_config('role', '{owner}', false)",
    "session of the owner": lambda owner: f"SET SESSION AUTHORIZATION {owner}",
    "no row security": lambda _: "SET row_security = off; SELECT * FROM core.orders",
    "replication role": lambda _: "SET session_replication_role = replica",
    "access": lambda _: "INSERT INTO platform.analyst_access SELECT 'x', id FROM core.orders",
    "access of others": lambda _: "TABLE platform.analyst_access",
    "tenants": lambda _: "SELECT id FROM platform.tenant",
    "apps": lambda _: "SELECT key FROM platform.app",
    "credentials": lambda _: "SELECT credentials_enc FROM platform.app",
    "inbox": lambda _: "SELECT body FROM platform.webhook_inbox",
    "payloads": lambda _: "SELECT payload FROM raw.zoho_sales_orders",
    "who sees what": lambda _: "SELECT platform.visible_tenants('postgres')",
    "no policy": lambda _: "ALTER TABLE core.orders DISABLE ROW LEVEL SECURITY",
    "other policy": lambda _: "CREATE POLICY all_rows ON core.orders USING (true)",
    "other view": lambda _: "CREATE OR REPLACE VIEW analytics.fct_order AS SELECT 1",
    "new table": lambda _: "CREATE TABLE core.mine (x int)",
    "table in public": lambda _: "CREATE TABLE public.mine (x int)",
    "change": lambda _: "UPDATE core.orders SET total_gross = 0",
    "deletion": lambda _: "DELETE FROM core.orders",
    "trigger": lambda _: (
        "CREATE TRIGGER t BEFORE UPDATE ON core.orders EXECUTE FUNCTION "
        "suppress_redundant_updates_trigger()"
    ),
    "file": lambda _: "SELECT pg_read_file('postgresql.conf')",
    "folder": lambda _: "SELECT pg_ls_dir('.')",
    "copy from a file": lambda _: "COPY (SELECT 1) TO '/tmp/analyst'",
    "program": lambda _: "COPY (SELECT 1) TO PROGRAM 'true'",
    "import of a file": lambda _: "SELECT lo_import('/etc/hostname')",
    "large object": lambda _: "SELECT lo_from_bytea(0, 'x')",
    "reading large objects": lambda _: "SELECT lo_get(1)",
    "secrets of the server": lambda _: "SELECT rolpassword FROM pg_authid",
    "other users": lambda _: "CREATE ROLE mallory",
    "being superuser": lambda _: "ALTER ROLE CURRENT_USER SUPERUSER",
    "granting oneself": lambda owner: f"GRANT {owner} TO CURRENT_USER",
}


@pytest.mark.parametrize("what", REFUSED)
def test_analyst_is_refused(conn: Connection[Any], analyst: Analyst, what: str):
    owner = value(conn, "SELECT quote_ident(current_user)")

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        analyst.execute(REFUSED[what](owner).encode())


def test_secret_columns_of_tomorrow_are_not_granted(conn: Connection[Any], analyst: Analyst):
    conn.execute(
        "CREATE TABLE core.novelties (tenant_id uuid, name text, card_enc bytea);"
        "CREATE VIEW analytics.novelty AS SELECT tenant_id, name FROM core.novelties"
    )
    conn.execute("INSERT INTO core.novelties SELECT id, slug, 'x' FROM platform.tenant")

    access.apply(conn)

    assert analyst.execute("SELECT name FROM core.novelties").fetchall() == [("acme",)]
    assert analyst.execute("SELECT name FROM analytics.novelty").fetchall() == [("acme",)]
    with pytest.raises(InsufficientPrivilege):
        analyst.execute("SELECT card_enc FROM core.novelties")
    conn.execute("DROP TABLE core.novelties CASCADE")


def test_table_that_belongs_to_nobody_is_read_by_nobody(conn: Connection[Any], analyst: Analyst):
    conn.execute("CREATE TABLE core.nobodys (name text)")

    access.apply(conn)

    with pytest.raises(InsufficientPrivilege):
        analyst.execute("SELECT name FROM core.nobodys")
    conn.execute("DROP TABLE core.nobodys")


def test_column_that_no_view_reads_any_more_is_taken_back(conn: Connection[Any], analyst: Analyst):
    given = "SELECT has_column_privilege(%s, 'platform.app', 'config', 'SELECT')"
    conn.execute("CREATE VIEW analytics.settings AS SELECT tenant_id, config FROM platform.app")
    access.apply(conn)
    before = value(conn, given, (access.GROUP,))
    conn.execute("DROP VIEW analytics.settings")

    access.apply(conn)

    assert (before, value(conn, given, (access.GROUP,))) == (True, False)


def test_applying_again_writes_nothing(conn: Connection[Any], analyst: Analyst):
    marks = "SELECT oid, xmin::text FROM pg_class UNION ALL SELECT oid, xmin::text FROM pg_policy"
    before = rows(conn, marks)

    access.apply(conn)

    assert rows(conn, marks) == before


def test_right_to_read_is_asked_once_per_query_not_per_row(conn: Connection[Any], analyst: Analyst):
    plan = "\n".join(row[0] for row in analyst.execute("EXPLAIN (VERBOSE) TABLE core.orders"))

    assert re.search(r"InitPlan 1\n +-> +Result", plan)
    assert "Filter: (orders.tenant_id = ANY ((InitPlan 1).col1))" in plan


def test_owner_pays_nothing(conn: Connection[Any], analyst: Analyst):
    plan = "\n".join(row[0] for row in conn.execute("EXPLAIN (VERBOSE) TABLE analytics.fct_order"))

    assert "visible" not in plan
    assert value(conn, "SELECT count(*) FROM pg_class WHERE relforcerowsecurity") == 0
