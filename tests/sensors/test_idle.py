"""Streams that list nothing start a run only while something waits to be asked for."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection

from assets import registry
from assets.checks import check_freshness
from resources.dpd import DPD
from sandbox.runner import Sandbox
from schemabase_dagster import tags, tenancy
from schemabase_dagster.clock import utc_now
from schemabase_dagster.tenancy import App, Tenant
from sensors.due_syncs import due_requests
from tests.support import shops
from tests.support.rows import one, rows

TRACKING, EVENTS = "dhl_tracking", "dhl_events"

PARCEL = """
INSERT INTO core.packages (id, tenant_id, package_number, carrier, tracking_id, state, packed_at)
VALUES (gen_random_uuid(), %s, 'PK-1', 'dhl', 'T1', %s, now())
"""
ASKED = """
INSERT INTO platform.asked (app_id, stream, external_id, asked_at) VALUES (%s, %s, 'T1', %s)
"""
REFUSED = """
INSERT INTO platform.rejects (
    tenant_id, app_id, stream, stage, payload, payload_sha256, code, path, reason)
VALUES (%s, %s, %s, 'land', '{}', '', 'type', 'trackingNumber', 'It is missing.')
"""
FAILED = """
INSERT INTO platform.sync_state (
    app_id, stream, last_status, last_success_at, consecutive_errors, last_error, last_started_at)
VALUES (%s, %s, 'failure', now() - interval '3 days', 7, 'Not there.', now() - interval '1 day')
"""
STATES = """
SELECT stream, last_status, last_success_at FROM analytics.sync_freshness ORDER BY stream
"""


@pytest.fixture
def instance(tenant: Tenant) -> Iterator[dg.DagsterInstance]:
    """Dagster instance in memory that knows the tenant."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["acme"])
        yield made


@pytest.fixture
def carrier(conn: Connection[Any], tenant: Tenant) -> App:
    """DHL app that was never asked for anything."""
    return shops.unreachable_dhl(conn, tenant)


def asked_for(instance: dg.DagsterInstance, now: datetime | None = None) -> set[str]:
    requests = due_requests(instance, now or utc_now(), print)
    keys = [key for request in requests for key in request.asset_selection or ()]
    return {key.path[1] for key in keys if key.path[0] == "raw"}


def test_without_a_parcel_no_carrier_has_a_run_and_none_is_late(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox, carrier: App, instance
):
    shops.add(DPD, conn, tenant, sandbox, key="dpd", streams=["dpd_tracking"])
    now = utc_now()

    assert asked_for(instance, now) == set()

    states = rows(conn, STATES)
    assert {row["stream"] for row in states} == {TRACKING, EVENTS, "dpd_tracking"}
    assert all((row["last_status"], row["last_success_at"]) == ("success", now) for row in states)
    for name in (TRACKING, EVENTS, "dpd_tracking"):
        assert check_freshness(conn, tenant, registry.stream(name)).passed


def test_a_parcel_under_way_is_asked_for_at_the_next_time_of_the_cron(
    conn: Connection[Any], tenant: Tenant, carrier: App, instance
):
    now = datetime.fromisoformat("2036-06-01T12:02:00Z")
    assert asked_for(instance, now) == set()

    conn.execute(PARCEL, (tenant.id, "in_transit"))

    assert asked_for(instance, now + timedelta(minutes=4, seconds=59)) == set()
    assert asked_for(instance, now + timedelta(minutes=5)) == {TRACKING, EVENTS}


@pytest.mark.parametrize(("hours", "runs"), [(3, set()), (5, {TRACKING, EVENTS})])
def test_a_parcel_is_worth_a_run_when_it_is_worth_a_call(
    conn: Connection[Any], tenant: Tenant, carrier: App, instance, hours: int, runs: set[str]
):
    conn.execute(PARCEL, (tenant.id, "in_transit"))
    conn.execute(ASKED, (carrier.id, TRACKING, utc_now() - timedelta(hours=hours)))

    assert asked_for(instance) == runs


def test_what_arrived_is_not_asked_for(
    conn: Connection[Any], tenant: Tenant, carrier: App, instance
):
    conn.execute(PARCEL, (tenant.id, "delivered"))

    assert asked_for(instance) == set()


def test_a_parcel_of_another_tenant_is_not_asked_for(conn: Connection[Any], carrier: App, instance):
    other = tenancy.add_tenant(conn, "globex", "Globex")
    conn.execute(PARCEL, (other.id, "in_transit"))

    assert asked_for(instance) == set()


def test_what_was_refused_is_tried_again(
    conn: Connection[Any], tenant: Tenant, carrier: App, instance
):
    conn.execute(REFUSED, (tenant.id, carrier.id, TRACKING))

    assert TRACKING in asked_for(instance)


def test_parts_of_records_that_landed_before_the_stream_was_there_have_a_run(
    conn: Connection[Any], carrier: App, instance
):
    conn.execute(FAILED, (carrier.id, TRACKING))

    assert asked_for(instance) == {EVENTS}


def test_an_error_is_over_when_nothing_is_left_to_ask_for(
    conn: Connection[Any], carrier: App, instance
):
    for name in (TRACKING, EVENTS):
        conn.execute(FAILED, (carrier.id, name))

    assert asked_for(instance) == set()

    state = one(conn, "SELECT * FROM platform.sync_state WHERE stream = %s", (TRACKING,))
    assert (state["last_status"], state["consecutive_errors"], state["last_error"]) == (
        "success", 0, None)  # fmt: skip
