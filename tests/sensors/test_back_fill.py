"""Back-fills: which go on at once, which wait for calls, and what is seen meanwhile."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from assets import registry, syncing
from assets.syncing import SyncRequest
from resources.registry import default_resources
from resources.zoho.resource import ZohoResource
from sandbox.runner import Sandbox
from schemabase_dagster import operations, tags
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.pull import Pace
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.tenancy import App, Tenant
from sensors.due_syncs import due_requests
from tests.support import shops
from tests.support.rows import count, one, value

ENDED = datetime(2036, 6, 1, 12, 2, tzinfo=UTC)
"""Soon after a quarter of an hour, so that the cron asks for nothing in the next minutes, and long
after the credentials were set."""

ORDERS = "zoho_sales_orders"

STATE = """
INSERT INTO platform.sync_state (
    app_id, stream, cursor, last_status, requested_at, last_started_at, updated_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster instance in memory that knows the tenant."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["acme"])
        yield made


@pytest.fixture
def books(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> App:
    """Zoho app that pulls sales orders only."""
    return shops.add_zoho(conn, tenant, sandbox, streams=[ORDERS])


def _ended(
    conn: Connection[Any],
    app: App,
    status: str,
    *,
    waits: bool | None,
    minutes: float = 1,
    stream: str = ORDERS,
) -> None:
    """Write what a run leaves that started some minutes before it ended."""
    cursor = {} if waits is None else {"scan": {"waits": waits}}
    began = ENDED - timedelta(minutes=minutes)
    conn.execute(STATE, (app.id, stream, Jsonb(cursor), status, began, began, ENDED))


def _is_due(instance: dg.DagsterInstance, after: timedelta) -> bool:
    return bool(due_requests(instance, ENDED + after, print))


def test_a_back_fill_that_ran_out_of_time_goes_on_at_once(conn, books: App, instance):
    _ended(conn, books, "partial", waits=False)

    assert _is_due(instance, timedelta(seconds=1))
    assert not _is_due(instance, timedelta(seconds=31))


def test_a_back_fill_that_ran_out_of_quota_is_tried_after_four_minutes(conn, books: App, instance):
    _ended(conn, books, "partial", waits=True)

    assert not _is_due(instance, timedelta(minutes=2, seconds=59))
    assert _is_due(instance, timedelta(minutes=3))


def test_a_patient_back_fill_that_ran_out_of_quota_waits_for_its_cron(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, instance
):
    app = shops.add_zoho(conn, tenant, sandbox, streams=["zoho_contact_details"])
    _ended(conn, app, "partial", waits=True, stream="zoho_contact_details")

    assert not _is_due(instance, timedelta(minutes=12, seconds=59))
    assert _is_due(instance, timedelta(minutes=13))


@pytest.mark.parametrize(
    ("status", "waits"),
    [("success", None), ("partial", None), ("failure", True)],
    ids=["done", "changes-only", "failed"],
)
def test_whatever_is_no_unfinished_back_fill_waits_for_its_cron(
    conn, books: App, instance, status: str, waits: bool | None
):
    _ended(conn, books, status, waits=waits)

    assert not _is_due(instance, timedelta(minutes=12, seconds=59))
    assert _is_due(instance, timedelta(minutes=13))


def test_what_landed_is_in_core_before_a_long_listing_ends(
    conn: Connection[Any], books: App, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("schemabase_dagster.engine.batches.BATCH_RECORDS", 50)
    request = SyncRequest("acme", tags.TRIGGER_SCHEDULE, pace=Pace(head_seconds=-1))

    done = syncing.pull(registry.stream(ORDERS), ZohoResource().open, request)

    # nobody merged but the pull itself
    assert done.result.read >= 200
    assert count(conn, "core.orders") == 200


def test_a_pull_without_calls_is_green_partial_and_tells_when_it_will_end(
    conn: Connection[Any],
    tenant: Tenant,
    sandbox: Sandbox,
    instance,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("schemabase_dagster.engine.batches.BATCH_RECORDS", 20)
    shops.add_zoho(conn, tenant, sandbox, streams=[ORDERS], calls_per_day=100)

    synced = operations.sync_one("acme", assets=[ORDERS], instance=instance)

    (told,) = [each.counts for each in synced.assets if each.asset == f"raw/{ORDERS}"]
    assert told["partial"]
    assert told["out_of_quota"]
    # 60 calls in a day for the back-fill, the page and the count of the rows among them
    assert told["estimate_minutes"] > 2 * 24 * 60
    assert 40 <= count(conn, "core.orders") < 60
    state = one(conn, "SELECT last_status, estimate_seconds, last_error FROM platform.sync_state")
    assert state["last_status"] == "partial"
    assert state["estimate_seconds"] == pytest.approx(told["estimate_minutes"] * 60, abs=60)
    assert state["last_error"] is None


def test_the_providers_own_end_of_the_day_is_partial_too(
    conn: Connection[Any], books: App, sandbox: Sandbox
):
    sandbox.control.set_limits("acme", per_day=50)
    request = SyncRequest("acme", tags.TRIGGER_SCHEDULE)
    stream = registry.stream(ORDERS)

    first = syncing.pull(stream, default_resources()["zoho"].open, request)
    calls = sandbox.control.calls()["acme"]["zoho"]["total"]
    second = syncing.pull(stream, default_resources()["zoho"].open, request)

    assert first.result.out_of_quota
    assert 40 <= first.result.changed <= 50
    # everybody leaves the account alone for an hour
    assert second.result == replace(SyncResult(), partial=True, out_of_quota=True,
                                    seconds=second.result.seconds,
                                    estimate_seconds=second.result.estimate_seconds,
                                    cursor_from=first.result.cursor_to,
                                    cursor_to=first.result.cursor_to)  # fmt: skip
    assert sandbox.control.calls()["acme"]["zoho"]["total"] == calls
    assert value(conn, "SELECT last_status FROM platform.sync_state") == "partial"


def test_a_stream_that_comes_late_in_its_run_leaves_the_rest_to_the_next_one(
    conn: Connection[Any], books: App, instance, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("schemabase_dagster.engine.batches.BATCH_RECORDS", 20)
    monkeypatch.setattr("assets.factory.utc_now", lambda: utc_now() + timedelta(minutes=10))

    synced = operations.sync_one("acme", assets=[ORDERS], instance=instance)

    (told,) = [each.counts for each in synced.assets if each.asset == f"raw/{ORDERS}"]
    assert told["partial"]
    assert count(conn, "core.orders") == 20
