"""TestServer: one PostgreSQL for all workers of a test run, a migrated template, clones of it."""

import fcntl
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from schemabase_dagster import database
from schemabase_dagster.embedded import EmbeddedServer, running_url
from schemabase_dagster.streams import Stream

FOLDER_PREFIX = "schemabase-tests-"
FOLDER_VARIABLE = "SCHEMABASE_TESTS_FOLDER"
TEMPLATE = "template_migrated"
MEMORY = Path("/dev/shm")  # noqa: S108 - made with the process's number, removed at the end
LEAST_MEMORY = 2 * 1024**3

# A test database need not survive a power cut; everything else is as shipped.
OPTIONS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}

_KNOWS = "SELECT FROM pg_database WHERE datname = %s"


def make_folder() -> Path:
    """Make the folder of a test run and tell the workers, which inherit the environment."""
    parent = place()
    with _locked(parent):  # another run that starts now finds the same leftovers
        for leftover in parent.glob(f"{FOLDER_PREFIX}*"):
            owner = int(leftover.name.rpartition("-")[2])
            if owner == os.getpid() or not _is_alive(owner):
                remove_folder(leftover)
    folder = parent / f"{FOLDER_PREFIX}{os.getpid()}"
    folder.mkdir()
    os.environ[FOLDER_VARIABLE] = str(folder)
    return folder


def place() -> Path:
    """Return a folder in memory where there is room: a clone there takes a seventh of the time."""
    is_usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    if is_usable and shutil.disk_usage(MEMORY).free >= LEAST_MEMORY:
        return MEMORY
    return Path(tempfile.gettempdir())


def remove_folder(folder: Path) -> None:
    """Stop the server of a test run and remove what it left."""
    EmbeddedServer(folder).stop()
    shutil.rmtree(folder, ignore_errors=True)


def server_url() -> str:
    """Return the URL of the run's server; the first who asks starts it."""
    folder = Path(os.environ[FOLDER_VARIABLE])
    with _locked(folder / "start.lock"):
        url = running_url(folder)
        if url is None:
            server = EmbeddedServer(folder, OPTIONS)
            url = server.start()
            server.leave_running()
        return url


def ensure_template() -> str:
    """Return the URL of the server after making sure that it holds the migrated template."""
    url = server_url()
    lock = Path(os.environ[FOLDER_VARIABLE]) / "template.lock"
    with _locked(lock), psycopg.connect(url, autocommit=True) as conn:
        if conn.execute(_KNOWS, (TEMPLATE,)).fetchone() is None:
            _make_template(conn, url)
    return url


def clone(url: str, template: str = TEMPLATE) -> str:
    """Make a database of its own from a template and return its URL; about 30 ms."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as conn:
        # Copying files beats copying through the log by a factor of five for a small database.
        statement = "CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy"
        conn.execute(sql.SQL(statement).format(sql.Identifier(name), sql.Identifier(template)))
    return beside(url, name)


def drop(url: str, cloned: str) -> None:
    """Drop a clone, whoever is still connected."""
    with psycopg.connect(url, autocommit=True) as conn:
        statement = "DROP DATABASE IF EXISTS {} WITH (FORCE)"
        conn.execute(sql.SQL(statement).format(sql.Identifier(cloned.rpartition("/")[2])))


def beside(url: str, name: str) -> str:
    """Return the URL of another database of the server."""
    return f"{url.rpartition('/')[0]}/{name}"


def _make_template(conn: psycopg.Connection, url: str) -> None:
    draft = f"{TEMPLATE}_draft"
    conn.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(draft)))
    conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
    database.migrate(beside(url, draft), streams=_streams())
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    conn.execute(rename.format(sql.Identifier(draft), sql.Identifier(TEMPLATE)))


def _streams() -> list[Stream]:
    # Late: only a run that needs the database pays for walking all assets.
    from assets import registry  # noqa: PLC0415

    return list(registry.streams().values())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
