"""A database that differs from the tables in the code is found by the first wrong query."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from psycopg import Connection, sql
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from assets import registry
from schemabase_dagster import database, tenancy
from schemabase_dagster.clock import utc_now
from schemabase_dagster.migrations import freeze, upgrade, views
from schemabase_dagster.migrations.inbox_days import NAME
from schemabase_dagster.migrations.scope import SCHEMAS, is_ours
from schemabase_dagster.streams import Stream
from schemabase_dagster.tables import metadata
from schemabase_dagster.tenancy import App
from tests.support import server
from tests.support.rows import rows, value

# What differs in the catalogue differs for a query: columns, constraints, indexes, comments.
_CATALOGUE: tuple[LiteralString, ...] = (
    """
    SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
           a.attgenerated, a.attidentity, pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
    JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = ANY(%s)
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND c.relname <> 'alembic_version'
    """,
    """
    SELECT n.nspname, r.conrelid::regclass::text, r.conname, pg_get_constraintdef(r.oid)
    FROM pg_constraint AS r
    JOIN pg_namespace AS n ON n.oid = r.connamespace AND n.nspname = ANY(%s)
    WHERE r.conrelid::regclass::text <> 'platform.alembic_version'
    """,
    # Partitions have the indexes of their table, under names that Postgres makes in its order.
    """
    SELECT pg_get_indexdef(i.indexrelid)
    FROM pg_index AS i
    JOIN pg_class AS c ON c.oid = i.indrelid AND NOT c.relispartition
    JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = ANY(%s)
    WHERE c.relname <> 'alembic_version'
    """,
    """
    SELECT d.objoid::regclass::text, d.objsubid, d.description
    FROM pg_description AS d
    JOIN pg_class AS c ON c.oid = d.objoid AND c.relkind IN ('r', 'p')
    JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = ANY(%s)
    WHERE d.classoid = 'pg_class'::regclass
    """,
)


_OLD_DELIVERY: LiteralString = """
INSERT INTO platform.webhook_inbox (received_at, endpoint_id, tenant_id, app_id, provider,
    dedupe_key, method, headers, body, verify_scheme, trace_id)
VALUES (now() - make_interval(days => %s), 'wh', gen_random_uuid(), gen_random_uuid(), 'zoho',
    'key', 'POST', '{}', 'body', 'path_only', 'trace')
"""


@pytest.fixture
def empty(postgres_server: str) -> Iterator[str]:
    """URL of a database without anything in it."""
    url = server.clone(postgres_server, "template0")
    yield url
    server.drop(postgres_server, url)


def test_migrations_make_what_the_tables_say(empty: str, postgres_server: str):
    direct = server.clone(postgres_server, "template0")

    database.migrate(empty)
    _create_from_metadata(direct)

    assert _catalogue(empty) == _catalogue(direct)
    server.drop(postgres_server, direct)


def test_deliveries_survive_the_move_into_days(empty: str):
    """From a database as it was before: the day of a delivery decides where it goes."""
    with psycopg.connect(empty, autocommit=True) as conn:
        _migrate_to(empty, "20261126_10_accepted_differences")
        for days in (0, 3, 40):
            conn.execute(_OLD_DELIVERY, (days,))

        database.migrate(empty)

        places = rows(conn, "SELECT tableoid::regclass::text AS place FROM platform.webhook_inbox")
    days_ago = [utc_now().date() - timedelta(days=days) for days in (0, 3)]
    assert {row["place"] for row in places} == {
        *(f"platform.webhook_inbox_{day:%Y%m%d}" for day in days_ago),
        "platform.webhook_inbox_default",
    }


def test_alembic_finds_no_difference(postgres: str):
    engine = create_engine(database.sqlalchemy_url(postgres), poolclass=NullPool)
    options = {
        "include_schemas": True,
        "include_name": lambda name, kind, _: kind != "schema" or name in SCHEMAS,
        "include_object": is_ours,
        "compare_type": True,
        "version_table_schema": "platform",
    }

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, metadata)

    assert differences == []


def test_freezing_twice_gives_the_same_text():
    assert freeze.foundation() == freeze.foundation()


def test_second_migration_changes_nothing(postgres: str, conn: Connection[Any]):
    before = _objects(conn)

    database.migrate(postgres, streams=list(registry.streams().values()))

    assert _objects(conn) == before


def test_two_migrations_at_once_both_succeed(empty: str):
    errors: list[BaseException] = []

    def run() -> None:
        try:
            database.migrate(empty, streams=list(registry.streams().values()))
        except BaseException as error:  # noqa: BLE001 - the test asserts that there is none
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert errors == []
    with psycopg.connect(empty) as conn:
        assert upgrade.current_revision(conn) == upgrade.newest_revision()


def test_migration_that_fails_leaves_nothing(empty: str):
    broken = _stream("broken", "no table has\x00 such a comment")

    with pytest.raises(psycopg.Error):
        database.migrate(empty, streams=[broken])

    with psycopg.connect(empty) as conn:
        assert value(conn, "SELECT to_regclass('platform.tenant')") is None


def test_new_stream_gets_its_table_without_a_migration(postgres: str, conn: Connection[Any]):
    database.migrate(postgres, streams=[_stream("zoho_novelties", "What is new")])

    comment = value(conn, "SELECT obj_description('raw.zoho_novelties'::regclass)")
    assert comment == "What is new"


def test_apps_pull_streams_that_came_after_them_unless_disabled(
    postgres: str, conn: Connection[Any], zoho_app: App
):
    tenancy.disable_streams(conn, zoho_app, ["zoho_contacts"])
    before = tenancy.enabled_streams(conn, zoho_app)

    database.migrate(postgres, streams=list(registry.streams().values()))

    assert "zoho_taxes" not in before
    every = set(registry.streams_of("zoho"))
    assert set(tenancy.enabled_streams(conn, zoho_app)) == every - {"zoho_contacts"}


def test_changed_view_is_made_again(
    postgres: str, conn: Connection[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
):
    for file in views.FOLDER.glob("*.sql"):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "zz_novelty.sql").write_text("CREATE VIEW analytics.zz_novelty AS SELECT 1 AS one")
    monkeypatch.setattr(views, "FOLDER", tmp_path)
    database.migrate(postgres)
    (tmp_path / "zz_novelty.sql").write_text("CREATE VIEW analytics.zz_novelty AS SELECT 2 AS two")

    database.migrate(postgres)

    assert rows(conn, "SELECT * FROM analytics.zz_novelty") == [{"two": 2}]


def test_view_whose_file_went_is_dropped(
    postgres: str, conn: Connection[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
):
    monkeypatch.setattr(views, "FOLDER", tmp_path)

    database.migrate(postgres)

    assert value(conn, "SELECT to_regclass('analytics.fct_order')") is None


def test_every_table_and_column_for_analysts_is_described(conn: Connection[Any]):
    query = """
        SELECT c.oid::regclass::text AS relation, a.attname AS column
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace IN ('core'::regnamespace, 'analytics'::regnamespace)
          AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
          AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid) IS NULL)
    """

    assert rows(conn, query) == []


def _catalogue(url: str) -> list[list[tuple[Any, ...]]]:
    with psycopg.connect(url) as conn:
        parts = [conn.execute(query, (list(SCHEMAS),)).fetchall() for query in _CATALOGUE]
    # the days of the inbox depend on the day
    return [sorted((row for row in part if not NAME.search(repr(row))), key=repr) for part in parts]


def _migrate_to(url: str, revision: str) -> None:
    engine = create_engine(database.sqlalchemy_url(url), poolclass=NullPool)
    config = upgrade.alembic_config()
    with engine.begin() as connection:
        for schema in SCHEMAS:
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _create_from_metadata(url: str) -> None:
    with psycopg.connect(url) as conn:
        for schema in SCHEMAS:
            conn.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    engine = create_engine(database.sqlalchemy_url(url), poolclass=NullPool)
    metadata.create_all(engine)


def _objects(conn: Connection[Any]) -> list[dict[str, Any]]:
    """Every relation with its identity: one that was dropped and made again has a new one."""
    query = """
        SELECT oid, oid::regclass::text AS name, relkind::text AS kind
        FROM pg_class
        WHERE relnamespace::regnamespace::text = ANY(%s)
        ORDER BY oid
    """
    return rows(conn, query, (list(SCHEMAS),))


def _stream(name: str, description: str) -> Stream:
    model = next(iter(registry.streams().values()))
    return Stream(
        name=name,
        system=model.system,
        group="novelties",
        description=description,
        source=None,
        id_field="id",
    )


def test_everything_in_our_schemas_is_explained(conn: Connection[Any]):
    # Partitions are left out: people read their parent.
    query: LiteralString = """
    SELECT n.nspname || '.' || c.relname || coalesce('.' || a.attname, '') AS name
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
      AND c.relname <> 'alembic_version'
      AND (obj_description(c.oid, 'pg_class') IS NULL
           OR col_description(c.oid, a.attnum) IS NULL
           OR obj_description(n.oid, 'pg_namespace') IS NULL)
    """

    assert rows(conn, query, (list(SCHEMAS),)) == []
