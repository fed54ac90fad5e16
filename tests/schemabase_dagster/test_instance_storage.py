"""The storage of the Dagster instance saves round trips, and survives the loss of connections."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.base_storage import DagsterStorage
from psycopg import Connection

from schemabase_dagster import tags
from schemabase_dagster.definitions import defs
from schemabase_dagster.instance_storage import KeptPostgresStorage
from sensors.jobs import TENANT_SYNC
from tests.support.rows import rows, value

# What Dagster calls itself on the server: psycopg2 names no application, our own connections do.
_BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%%event_logs%%'
"""
WANTED = dg.EventRecordsFilter(
    asset_key=dg.AssetKey(["core", "orders"]), event_type=dg.DagsterEventType.ASSET_MATERIALIZATION
)


PLANNED = """
SELECT dagster_event_type, asset_key, partition, step_key
FROM event_logs
WHERE run_id = %s
ORDER BY id
"""
CHECKS = """
SELECT c.asset_key, c.check_name, c.partition, c.execution_status, e.dagster_event_type
FROM asset_check_executions AS c
JOIN event_logs AS e ON e.id = c.evaluation_event_storage_id
WHERE c.run_id = %s
ORDER BY c.id
"""
TRANSACTIONS = "SELECT count(DISTINCT xmin::text) FROM event_logs WHERE run_id = %s"


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
    conn.execute("SELECT pg_terminate_backend(%s, 10000)", (lost["pid"],))

    assert list(storage.event_log_storage.get_event_records(WANTED, limit=1)) == []


@pytest.fixture
def instance(postgres: str) -> Iterator[dg.DagsterInstance]:
    """An instance with that storage."""
    url = postgres.replace("postgresql://", "postgresql+psycopg2://")
    custom = {
        "module": KeptPostgresStorage.__module__,
        "class": KeptPostgresStorage.__name__,
        "config": {"postgres_url": url},
    }
    with dg.instance_for_test(overrides={"storage": {"custom": custom}}) as made:
        yield made


def test_what_a_run_plans_is_the_same_at_once_as_one_by_one(
    conn: Connection[Any],
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    instance.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["acme"])
    chosen = {dg.AssetKey(["core", "orders"]), dg.AssetKey(["analytics", "fct_order"])}
    job = defs.resolve_job_def(TENANT_SYNC).get_subset(asset_selection=chosen)
    where = {"dagster/partition": "acme"}

    single = instance.create_run_for_job(job, tags=where).run_id
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    batch = instance.create_run_for_job(job, tags=where).run_id

    assert rows(conn, PLANNED, (batch,)) == rows(conn, PLANNED, (single,)) != []
    assert value(conn, "SELECT DISTINCT last_run_id FROM asset_keys") == batch
    assert rows(conn, CHECKS, (batch,)) == rows(conn, CHECKS, (single,)) != []
    assert value(conn, TRANSACTIONS, (single,)) > 5
    assert value(conn, TRANSACTIONS, (batch,)) == 1
    assert "Falling back" not in capsys.readouterr().err
