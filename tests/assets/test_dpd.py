"""raw/dpd_tracking: scans from the inbox to package states, in any order, known parcel or not."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import pytest
from psycopg import Connection

from assets import registry
from resources.dpd import DPD
from resources.dpd.resource import DpdResource
from schemabase_dagster import database, tenancy
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.hints import land_webhooks
from schemabase_dagster.engine.incoming import prepare
from schemabase_dagster.engine.land import land
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import zoho_package
from tests.support import shops
from tests.support.deliveries import put_delivery
from tests.support.rows import count, one, value

PARCEL = "05212345678901"
FORM = "application/x-www-form-urlencoded"
SCANS = (
    ("pickup_depot", "05012026081500"),
    ("delivery_nab", "06012026101500"),
    ("delivery_customer", "07012026111500"),
)


@pytest.fixture
def dpd(conn: Connection[Any], tenant: Tenant) -> App:
    return tenancy.add_app(conn, tenant, DPD, "dpd", {}, {}, ["dpd_tracking"])


def push(conn: Connection[Any], app: App, status: str, at: str, push_id: str = "1") -> None:
    facts = {"pushid": push_id, "pnr": PARCEL, "depot": "0112", "status": status, "statusdate": at}
    put_delivery(conn, app, None, body=urlencode(facts).encode(), content_type=FORM)


def take(app: App, tenant: Tenant) -> None:
    with DpdResource().open(app) as client:
        streams = list(registry.streams_of("dpd").values())
        land_webhooks(client, streams, app, run_id=None, worker="test")
    for entity in registry.entities().values():
        merge_entity(entity, tenant, registry.streams())


def add_package(conn: Connection[Any], tenant: Tenant) -> None:
    books = shops.unreachable_zoho(conn, tenant)
    stream = registry.streams()["zoho_packages"]
    record = zoho_package(tracking_number=PARCEL, status="shipped", delivery_method="DPD Classic")
    with database.transaction() as own:
        land(own, stream, books, [prepare(stream, record, utc_now())], via="pull", run_id=None)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_scans_in_any_order_before_their_package_give_its_state(
    conn: Connection[Any], tenant: Tenant, dpd: App, order: Sequence[int]
):
    for place in order:
        push(conn, dpd, *SCANS[place])
        take(dpd, tenant)
    assert value(conn, "SELECT count(*) FROM core.package_events WHERE package_id IS NULL") == 3

    add_package(conn, tenant)
    take(dpd, tenant)

    assert one(conn, "SELECT state, carrier FROM core.packages") == {
        "state": "delivered", "carrier": "dpd",
    }  # fmt: skip
    assert value(conn, "SELECT count(*) FROM core.package_events WHERE package_id IS NULL") == 0


def test_a_repeat_under_another_push_id_changes_nothing(
    conn: Connection[Any], tenant: Tenant, dpd: App
):
    push(conn, dpd, *SCANS[0])
    take(dpd, tenant)

    push(conn, dpd, *SCANS[0], push_id="2")
    take(dpd, tenant)

    assert count(conn, "core.package_events") == 1
    assert value(conn, "SELECT change_count FROM raw.dpd_tracking") == 0


def test_a_status_that_is_not_known_is_an_event_without_state(
    conn: Connection[Any], tenant: Tenant, dpd: App
):
    push(conn, dpd, "brand_new", SCANS[0][1])

    take(dpd, tenant)

    row = one(conn, "SELECT source_status, state, state_changed FROM core.package_events")
    assert row == {"source_status": "brand_new", "state": None, "state_changed": False}


def test_an_impossible_time_waits_as_a_reject(conn: Connection[Any], tenant: Tenant, dpd: App):
    push(conn, dpd, "pickup_depot", "31022026000000")

    take(dpd, tenant)

    assert count(conn, "core.package_events") == 0
    assert value(conn, "SELECT path FROM platform.rejects") == "statusdate"


def test_a_pull_asks_nobody(conn: Connection[Any], dpd: App):
    with DpdResource().open(dpd) as client:
        result = sync_stream(client, registry.streams()["dpd_tracking"], dpd, PullOptions())

    assert (result.read, result.api_calls, result.partial) == (0, 0, False)
