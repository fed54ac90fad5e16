"""Tracking of parcels against the stand-ins: what is asked for, in which order, until when."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg import Connection, sql

from assets import registry
from resources.dhl.resource import DhlResource
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import Pace, PullOptions, sync_stream
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.errors import CredentialError
from schemabase_dagster.tenancy import App, Tenant
from tests.support import shops
from tests.support.pulls import pull
from tests.support.rows import count, rows, value, versions
from tests.support.shops import Filled

Pull = Callable[..., SyncResult]

UNDER_WAY = """
SELECT count(*) FROM core.packages
WHERE carrier = %s AND state <> 'delivered' AND active
  AND coalesce(shipped_at, packed_at) > now() - interval '30 days'
"""
ASKED = "SELECT external_id FROM platform.asked WHERE is_known ORDER BY external_id"


@pytest.fixture
def dhl(conn: Connection[Any], sandbox: Sandbox, tenant: Tenant) -> App:
    return shops.add_dhl(conn, tenant, sandbox)


@pytest.fixture
def ups(conn: Connection[Any], sandbox: Sandbox, tenant: Tenant) -> App:
    return shops.add_ups(conn, tenant, sandbox)


def merge(tenant: Tenant) -> None:
    for entity in registry.entities().values():
        merge_entity(entity, tenant, registry.streams())


@pytest.fixture(scope="module")
def synced(filled: Filled) -> Iterator[str]:
    """A database with orders and packages in core."""

    def fill(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> None:
        zoho_app = shops.add_zoho(conn, tenant, sandbox)
        saleor_app = shops.add_saleor(conn, tenant, sandbox)
        for app, stream in ((saleor_app, "saleor_orders"), (saleor_app, "saleor_fulfillments"),
                            (zoho_app, "zoho_sales_orders"),
                            (zoho_app, "zoho_packages")):  # fmt: skip
            pull(app, stream)
        merge(tenant)

    with filled(fill) as name:
        yield name


@pytest.mark.parametrize("system", ["dhl", "ups"])
def test_every_parcel_under_way_is_asked_for_once(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, synced: str, dhl: App, ups: App,
    system: str,
):  # fmt: skip
    app = {"dhl": dhl, "ups": ups}[system]
    wanted = value(conn, UNDER_WAY, (system,))
    assert wanted > 0

    result = pull(app, f"{system}_tracking")
    merge(tenant)

    assert result.read == wanted
    assert sandbox.control.calls()["acme"][system]["detail"] == wanted
    assert count(conn, f"raw.{system}_tracking") == value(
        conn, "SELECT count(*) FROM platform.asked WHERE is_known"
    )
    unlinked = "SELECT count(*) FROM core.package_events WHERE package_id IS NULL"
    assert value(conn, unlinked) == 0
    assert count(conn, "core.package_events") > 0


def test_a_parcel_is_not_asked_for_again_before_its_time(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, synced: str, dhl: App
):
    pull(dhl, "dhl_tracking")
    merge(tenant)
    before = {table: versions(conn, table) for table in ("core.package_events", "core.packages")}

    again = pull(dhl, "dhl_tracking")
    full = pull(dhl, "dhl_tracking", full=True)
    merge(tenant)

    assert (again.read, again.api_calls) == (0, 0)
    assert full.read == full.unchanged > 0
    assert {table: versions(conn, table) for table in before} == before


def test_events_come_as_time_goes_on(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, synced: str, dhl: App
):
    pull(dhl, "dhl_tracking")
    merge(tenant)
    before = count(conn, "core.package_events")
    open_before = value(conn, UNDER_WAY, ("dhl",))
    assert open_before > 0

    sandbox.control.pass_time(5 * 86_400)
    pull(dhl, "dhl_tracking", full=True)
    merge(tenant)

    assert count(conn, "core.package_events") > before
    ended = "SELECT DISTINCT state FROM core.packages WHERE carrier = 'dhl'"
    assert {"delivered"} <= {row["state"] for row in rows(conn, ended)}


def test_the_days_quota_goes_to_the_most_stale_and_the_rest_comes_next_time(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, synced: str
):
    wanted = value(conn, UNDER_WAY, ("dhl",))
    app = shops.add_dhl(conn, tenant, sandbox, calls_per_day=wanted - 1)

    first = pull(app, "dhl_tracking")
    stale = "SELECT external_id FROM platform.asked ORDER BY asked_at LIMIT 1"

    assert (first.read, first.partial, first.out_of_quota) == (wanted - 1, True, True)
    assert first.unasked == 1
    assert sandbox.control.calls()["acme"]["dhl"]["detail"] == wanted - 1
    asked = {row["external_id"] for row in rows(conn, "SELECT external_id FROM platform.asked")}

    conn.execute("DELETE FROM platform.rate_window")
    conn.execute("UPDATE platform.asked SET asked_at = asked_at - interval '1 day'")
    oldest = value(conn, stale)
    second = pull(app, "dhl_tracking", full=True)

    assert second.out_of_quota
    last = "SELECT external_id FROM platform.asked ORDER BY asked_at DESC, external_id"
    now_asked = {row["external_id"] for row in rows(conn, last)}
    assert now_asked > asked, "the one that was left comes first"
    assert oldest in now_asked


def test_a_run_ends_in_time_and_the_next_goes_on(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, synced: str, dhl: App
):
    wanted = value(conn, UNDER_WAY, ("dhl",))

    first = pull(dhl, "dhl_tracking", pace=Pace(budget_seconds=0))
    second = pull(dhl, "dhl_tracking")

    assert (first.read, first.partial) == (1, True)
    assert (second.read, second.partial) == (wanted - 1, False)


def test_two_refusals_end_the_pull_without_an_error(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, synced: str, dhl: App
):
    sandbox.control.add_fault(kind="rate_limited", merchant="acme", system="dhl", times=2, after=1)

    with DhlResource(clock_scale=1000, backoff_seconds=0.001).open(dhl) as client:
        stream = registry.streams()["dhl_tracking"]
        result = sync_stream(client, stream, dhl, PullOptions())

    assert (result.read, result.partial, result.out_of_quota) == (1, True, True)
    assert count(conn, "raw.dhl_tracking") == 1


def test_a_number_that_is_not_known_yet_stays_wanted(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, synced: str, dhl: App
):
    conn.execute("UPDATE core.packages SET tracking_id = 'NEW-1' WHERE id = ("
                 "SELECT id FROM core.packages WHERE carrier = 'dhl' AND state <> 'delivered' "
                 "ORDER BY packed_at DESC LIMIT 1)")  # fmt: skip

    first = pull(dhl, "dhl_tracking")
    again = pull(dhl, "dhl_tracking", full=True)

    query = "SELECT is_known FROM platform.asked WHERE external_id = 'NEW-1'"
    assert (first.read, again.deleted) == (again.read, 0)
    assert value(conn, query) is False


def test_a_refused_key_asks_for_a_new_one(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, synced: str, dhl: App
):
    tenancy.set_credentials(conn, dhl, registry.streams()["dhl_tracking"].system,
                            {"api_key": "x" * 30})  # fmt: skip

    with pytest.raises(CredentialError, match="401"):
        pull(dhl, "dhl_tracking")


def test_a_token_that_ended_is_renewed_once(
    conn: Connection[Any], sandbox: Sandbox, tenant: Tenant, synced: str, ups: App
):
    sandbox.control.add_fault(kind="expired_token", merchant="acme", system="ups", times=1)

    result = pull(ups, "ups_tracking")

    calls = sandbox.control.calls()["acme"]["ups"]
    assert calls["token"] == 2
    assert calls["detail"] == result.read + 1


def test_people_are_not_kept(
    conn: Connection[Any], tenant: Tenant, synced: str, dhl: App, ups: App
):
    pull(dhl, "dhl_tracking")
    pull(ups, "ups_tracking")

    for table in ("dhl_tracking", "ups_tracking"):
        held = sql.SQL("SELECT count(*) FROM raw.{} WHERE payload::text ILIKE '%beispiel%'")
        assert conn.execute(held.format(sql.Identifier(table))).fetchone() == (0,)
