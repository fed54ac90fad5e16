"""Connections to our Postgres: addresses, pool, transactions, advisory locks, migrations."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, LiteralString
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool

from schemabase_dagster import embedded
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import get_settings
from schemabase_dagster.turns import TurnConnection

if TYPE_CHECKING:
    from schemabase_dagster.streams import Stream

POOL_SIZE: Final = 8
POOL_WAIT_SECONDS: Final = 10.0
CONNECT_SECONDS: Final = 5
IDLE_SECONDS: Final = 300.0
OLDEST_SERVER: Final = 15

__all__ = [
    "Connection",
    "advisory_lock",
    "advisory_xact_lock",
    "close_pools",
    "connect",
    "conninfo",
    "dagster_url",
    "database_url",
    "ensure_dagster_database",
    "migrate",
    "pool",
    "transaction",
    "try_advisory_lock",
]


def database_url() -> str:
    """Return the URL of our database: ``DATABASE_URL``, or the running embedded server's.

    Raises:
        ConfigurationError: neither is there.
    """
    settings = get_settings()
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    url = embedded.running_url(settings.state_dir)
    if url is None:
        raise ConfigurationError(
            "No database: DATABASE_URL is not set and the embedded PostgreSQL does not run.",
            "Run 'schemabase db start' or 'schemabase up', or set DATABASE_URL.",
        )
    return url


def conninfo(url: str | None = None) -> str:
    """Return a URL that libpq understands; SQLAlchemy's driver suffix is left out.

    Args:
        url: another database's URL; None = ours.

    Raises:
        ConfigurationError: it is not a PostgreSQL URL. The message does not repeat it.
    """
    return _with_scheme(url or database_url(), "postgresql")


def sqlalchemy_url(url: str | None = None) -> str:
    """Return a URL for SQLAlchemy on psycopg 3."""
    return _with_scheme(url or database_url(), "postgresql+psycopg")


def dagster_url() -> str:
    """Return the SQLAlchemy URL (psycopg 2) of Dagster's database, on the same server as ours."""
    parts = urlsplit(_with_scheme(database_url(), "postgresql+psycopg2"))
    return urlunsplit(parts._replace(path=f"/{get_settings().dagster_database}"))


def ensure_dagster_database() -> str:
    """Create Dagster's database if it does not exist and return its URL."""
    name = get_settings().dagster_database
    with connect(autocommit=True) as conn:
        found = conn.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if found is None:
            _create_database(conn, name)
    return dagster_url()


def connect(*, autocommit: bool = False, url: str | None = None) -> Connection[Any]:
    """Return a dedicated connection; use it as a context manager, which closes it."""
    return psycopg.connect(
        conninfo(url),
        autocommit=autocommit,
        connect_timeout=CONNECT_SECONDS,
        application_name="schemabase",
    )


def pool() -> ConnectionPool[Connection[Any]]:
    """Return the pool of this process for the present database; opened at the first use."""
    key = (os.getpid(), conninfo())
    with _pools_lock:
        if key not in _pools:
            _pools[key] = _open_pool(key[1])
        return _pools[key]


@contextmanager
def transaction() -> Iterator[Connection[Any]]:
    """Lend a pooled connection for one transaction: committed at the end, undone on an error."""
    # Begun here: otherwise an inner ``conn.transaction()`` would be the outermost one and commit.
    with pool().connection() as conn, conn.transaction():
        yield conn


def close_pools() -> None:
    """Close all pools of this process."""
    with _pools_lock:
        closing = [each for (pid, _), each in _pools.items() if pid == os.getpid()]
        _pools.clear()
    for each in closing:
        each.close()


def advisory_lock(conn: Connection[Any], *parts: object) -> None:
    """Wait for the lock named by the parts; it is held until the session ends or unlocks."""
    conn.execute(_LOCK, (lock_name(*parts),))


def try_advisory_lock(conn: Connection[Any], *parts: object) -> bool:
    """Take the lock named by the parts for the session; return False when it is held elsewhere."""
    row = conn.execute(_TRY_LOCK, (lock_name(*parts),)).fetchone()
    return bool(row and row[0])


def advisory_unlock(conn: Connection[Any], *parts: object) -> None:
    """Give back a session's lock."""
    conn.execute(_UNLOCK, (lock_name(*parts),))


def advisory_xact_lock(conn: Connection[Any], *parts: object) -> None:
    """Wait for the lock named by the parts; it is held until the transaction ends."""
    conn.execute(_XACT_LOCK, (lock_name(*parts),))


def lock_name(*parts: object) -> str:
    """Return the text whose hash is the key of an advisory lock."""
    return ":".join(str(part) for part in parts)


def migrate(url: str | None = None, *, streams: "Sequence[Stream]" = ()) -> None:
    """Bring a database up to date: schemas, tables, raw tables of the streams, views.

    Apps that were added before a stream pull it from then on, unless somebody disabled it.
    Idempotent, and safe when several processes start it at once.

    Args:
        url: another database's URL; None = ours.
        streams: the registry's streams, whose raw tables are made.

    Raises:
        ConfigurationError: the server is older than PostgreSQL 15.
    """
    # Alembic and SQLAlchemy stay out of processes that never migrate, such as the gateway.
    from schemabase_dagster.migrations.upgrade import upgrade  # noqa: PLC0415

    upgrade(sqlalchemy_url(url), streams)


_LOCK: LiteralString = "SELECT pg_advisory_lock(hashtextextended(%s, 0))"
_TRY_LOCK: LiteralString = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
_UNLOCK: LiteralString = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"
_XACT_LOCK: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"

_pools: dict[tuple[int, str], ConnectionPool[Connection[Any]]] = {}
_pools_lock = threading.Lock()


def _open_pool(target: str) -> ConnectionPool[Connection[Any]]:
    return ConnectionPool(
        target,
        connection_class=TurnConnection,
        min_size=0,
        max_size=POOL_SIZE,
        timeout=POOL_WAIT_SECONDS,
        max_idle=IDLE_SECONDS,
        # A server that was restarted must cost nobody an error.
        check=ConnectionPool.check_connection,
        kwargs={"connect_timeout": CONNECT_SECONDS, "application_name": "schemabase"},
        open=True,
    )


def _with_scheme(url: str, scheme: str) -> str:
    given, separator, rest = url.partition("://")
    if not separator or given.partition("+")[0] not in {"postgresql", "postgres"}:
        raise ConfigurationError(
            "DATABASE_URL is not a PostgreSQL URL.",
            "Write it as postgresql://user:password@host:5432/database.",
        )
    if not _is_readable(f"postgresql://{rest}"):
        raise ConfigurationError(
            "DATABASE_URL is not a valid PostgreSQL URL.",
            "Percent-encode what is special in its password, for instance / as %2F and # as %23.",
        )
    return f"{scheme}://{rest}"


@lru_cache(4)
def _is_readable(url: str) -> bool:
    """Tell whether all drivers read the same from a URL; their own complaints would quote it."""
    try:
        parts, options = urlsplit(url), conninfo_to_dict(url)
    except (psycopg.ProgrammingError, ValueError):
        return False
    ports = str(options.get("port") or "").split(",")
    same_password = unquote(parts.password or "") == str(options.get("password") or "")
    return same_password and not parts.fragment and all(map(_is_port, ports))


def _is_port(text: str) -> bool:
    return not text or (text.isdecimal() and text.isascii())


def _create_database(conn: Connection[Any], name: str) -> None:
    try:
        conn.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        return  # another process was faster
