"""Databases for benchmarks: an embedded server as shipped, one database per measurement."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from assets import registry
from schemabase_dagster import database
from schemabase_dagster.embedded import EmbeddedServer
from schemabase_dagster.settings import forget_settings
from schemabase_dagster.vault import generate_key
from tests.support import server

DURABILITY: Final = ("fsync", "synchronous_commit", "full_page_writes")


@contextmanager
def running() -> Iterator[str]:
    """Run a server as it is shipped for the block and yield the URL of a migrated database."""
    os.environ["SCHEMABASE_KEYS"] = generate_key()
    with (
        tempfile.TemporaryDirectory(prefix="schemabase-bench-") as folder,
        EmbeddedServer(Path(folder)) as embedded,
    ):
        url = embedded.start()  # runs already: this only asks where
        database.migrate(url, streams=list(registry.streams().values()))
        yield url


@contextmanager
def fresh(url: str) -> Iterator[str]:
    """Use a copy of a database as ours for the block, with nothing left to write from before."""
    copied = server.clone(server.beside(url, "postgres"), url.rpartition("/")[2])
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CHECKPOINT")
    os.environ["DATABASE_URL"] = copied
    forget_settings()
    try:
        yield copied
    finally:
        database.close_pools()
        server.drop(url, copied)


def durability(url: str) -> dict[str, str]:
    """Return the settings that decide whether a commit survives a power cut."""
    with psycopg.connect(url) as conn:
        rows = conn.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(DURABILITY),)
        )
        return dict(rows.fetchall())
