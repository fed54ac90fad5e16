"""The storage of the Dagster instance keeps its connections, and survives their loss."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.base_storage import DagsterStorage
from psycopg import Connection

from schemabase_dagster.instance_storage import KeptPostgresStorage
from tests.support.rows import rows

# What Dagster calls itself on the server: psycopg2 names no application, our own connections do.
_BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%%event_logs%%'
"""
WANTED = dg.EventRecordsFilter(
    asset_key=dg.AssetKey(["core", "orders"]), event_type=dg.DagsterEventType.ASSET_MATERIALIZATION
)


@pytest.fixture
def storage(postgres: str) -> Iterator[DagsterStorage]:
    """A storage as the configuration in ``dagster.yaml`` makes it, on a database of its own."""
    scheme, _, rest = postgres.partition("://")
    assert scheme == "postgresql"
    config = {"postgres_url": f"postgresql+psycopg2://{rest}"}
    made = KeptPostgresStorage.from_config_value(None, config)
    yield made
    made.event_log_storage.dispose()
    made.run_storage.dispose()


def test_events_are_read_on_one_connection(conn: Connection[Any], storage: DagsterStorage):
    seen = set()
    for _ in range(3):
        storage.event_log_storage.get_event_records(WANTED, limit=1)
        seen |= {row["pid"] for row in rows(conn, _BACKENDS)}

    assert len(seen) == 1


def test_a_lost_connection_is_replaced(conn: Connection[Any], storage: DagsterStorage):
    storage.event_log_storage.get_event_records(WANTED, limit=1)

    (lost,) = rows(conn, _BACKENDS)
    conn.execute("SELECT pg_terminate_backend(%s)", (lost["pid"],))

    assert list(storage.event_log_storage.get_event_records(WANTED, limit=1)) == []
