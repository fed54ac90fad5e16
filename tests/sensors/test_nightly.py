"""The nightly schedule with its clock moved: once per tenant, system and local date."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from psycopg import Connection

from schemabase_dagster import tags
from sensors.nightly import nightly_requests

DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster instance in memory that knows the tenant."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["acme"])
        yield made


def _tick(instance: dg.DagsterInstance, now: datetime) -> list[dg.RunRequest]:
    """Evaluate one tick and start what it asks for."""
    requests = nightly_requests(instance, now)
    for request in requests:
        create_run_for_test(instance, tags={**request.tags})
    return requests


@pytest.mark.parametrize(
    "start",
    [
        datetime(2026, 3, 28, 12, tzinfo=UTC),
        datetime(2026, 10, 24, 12, tzinfo=UTC),
        datetime(2026, 6, 1, 12, tzinfo=UTC),
    ],
    ids=["gap", "overlap", "ordinary"],
)
def test_every_local_date_runs_once(
    conn: Connection, tenant, saleor_app, instance: dg.DagsterInstance, start: datetime
):
    # 02:30 in Berlin does not exist on 2026-03-29 and comes twice on 2026-10-25
    _tick(instance, start)
    ticks = [start + QUARTER * number for number in range(1, 2 * 96)]

    nights = [request.tags[tags.NIGHTLY] for now in ticks for request in _tick(instance, now)]

    assert len(nights) == len(set(nights)) == 2


def test_daemon_that_slept_through_the_hour_catches_up(
    conn: Connection, tenant, saleor_app, instance: dg.DagsterInstance
):
    evening = datetime(2026, 6, 1, 20, tzinfo=UTC)
    _tick(instance, evening)

    late = _tick(instance, evening + timedelta(hours=14))

    assert [request.tags[tags.NIGHTLY] for request in late] == ["2026-06-02"]
    assert _tick(instance, evening + timedelta(hours=15)) == []


def test_tenant_without_partition_loses_nobody_elses_night(conn: Connection, tenant, saleor_app):
    with dg.DagsterInstance.ephemeral() as unknown:
        assert nightly_requests(unknown, datetime(2026, 6, 1, 12, tzinfo=UTC)) == []
