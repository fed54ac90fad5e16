"""Bring a database up to date, in one transaction: all of it happens, or nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, LiteralString

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import Connection, sql
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.migrations import access, inbox_days, views
from schemabase_dagster.migrations.scope import SCHEMAS
from schemabase_dagster.streams import Stream
from schemabase_dagster.tables import raw

LOCK: Final = "schemabase:migrate"
OLDEST_SERVER: Final = 150000
"""``server_version_num`` of PostgreSQL 15: UNIQUE NULLS NOT DISTINCT came with it."""

DAYS_AHEAD: Final = 1
"""Partitions of the inbox that a new database begins with; the upkeep makes the following ones."""

_TAKE_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_REVISION: LiteralString = "SELECT version_num FROM platform.alembic_version"
_HAS_REVISION: LiteralString = "SELECT to_regclass('platform.alembic_version') IS NOT NULL"

# Apps and streams that nobody decided about: a row that says false stays.
_ENABLE_NEW: LiteralString = """
INSERT INTO platform.app_entity (app_id, entity, direction, enabled)
SELECT a.id, new.stream, 'pull', true
FROM unnest(%(streams)s::text[], %(systems)s::text[]) AS new (stream, system)
JOIN platform.app AS a ON a.type = new.system AND a.deleted_at IS NULL
ON CONFLICT (app_id, entity, direction) DO NOTHING
"""


def upgrade(url: str, streams: Sequence[Stream]) -> None:
    """Run what ``database.migrate`` promises.

    Args:
        url: SQLAlchemy URL for psycopg 3.
        streams: streams whose raw tables are made.
    """
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        conn: Any = connection.connection.driver_connection
        _check_server(conn)
        conn.execute(_TAKE_LOCK, (LOCK,))
        config = alembic_config()
        config.attributes["connection"] = connection
        is_behind = current_revision(conn) != newest_revision()
        wanted = views.wanted(streams)
        if is_behind:
            _make_schemas(conn)
            views.drop_all(conn)
            command.upgrade(config, "head")
        inbox_days.make_days(conn, DAYS_AHEAD)
        raw.ensure_raw_tables(conn, [(each.name, each.description) for each in streams])
        _enable_new_streams(conn, streams)
        views.apply(conn, wanted)
        access.apply(conn)


def alembic_config() -> Config:
    """Return Alembic's configuration, which needs no file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def newest_revision() -> str:
    """Return the revision that the code expects."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if head is None:
        raise AssertionError("there is no migration")
    return head


def current_revision(conn: Connection[Any]) -> str | None:
    """Return the revision of a database; None when it was never migrated."""
    known = conn.execute(_HAS_REVISION).fetchone()
    if known is None or not known[0]:
        return None
    row = conn.execute(_REVISION).fetchone()
    return str(row[0]) if row else None


def _enable_new_streams(conn: Connection[Any], streams: Sequence[Stream]) -> None:
    """Let apps that were added before a stream pull it, as apps that are added later do."""
    names = {each.name: each.system.name for each in streams}
    conn.execute(_ENABLE_NEW, {"streams": list(names), "systems": list(names.values())})


def _make_schemas(conn: Connection[Any]) -> None:
    # Alembic's own table lies in one of them, hence before the first revision.
    for schema, meaning in SCHEMAS.items():
        name = sql.Identifier(schema)
        conn.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
        conn.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(name, sql.Literal(meaning)))


def _check_server(conn: Connection[Any]) -> None:
    if conn.info.server_version < OLDEST_SERVER:
        raise ConfigurationError(
            f"The database server is PostgreSQL {conn.info.server_version // 10000}.",
            "Version 15 or newer is needed; unset DATABASE_URL to use the bundled one.",
        )
