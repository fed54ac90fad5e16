"""raw/easypost_events: pushes with a parcel's whole history become its events, each once."""

from typing import Any

import orjson
import pytest
from psycopg import Connection

from assets import registry
from assets.package_events.easypost import carrier_code, webhook_details
from resources.easypost import EASYPOST
from resources.easypost.resource import EasyPostResource
from sandbox.senders import easypost_event
from schemabase_dagster import tenancy
from schemabase_dagster.engine.hints import land_webhooks
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.tenancy import App, Tenant
from tests.support.deliveries import put_delivery
from tests.support.rows import count, rows, value

EVENTS = "SELECT carrier, tracking_id, state, location, country_code FROM core.package_events"


@pytest.fixture
def easypost(conn: Connection[Any], tenant: Tenant) -> App:
    return tenancy.add_app(conn, tenant, EASYPOST, "parcels", {}, {}, ["easypost_events"])


def push(conn: Connection[Any], app: App, event: dict[str, Any]) -> None:
    put_delivery(conn, app, None, body=orjson.dumps(event), content_type="application/json")
    conn.execute("UPDATE platform.webhook_inbox SET event_type = %s", (event["description"],))


def take(app: App, tenant: Tenant) -> None:
    with EasyPostResource().open(app) as client:
        streams = list(registry.streams_of("easypost").values())
        land_webhooks(client, streams, app, run_id=None, worker="test")
    for entity in registry.entities().values():
        merge_entity(entity, tenant, registry.streams())


def test_every_item_of_the_history_is_an_event(
    conn: Connection[Any], tenant: Tenant, easypost: App
):
    push(conn, easypost, easypost_event())

    take(easypost, tenant)

    assert rows(conn, f"{EVENTS} ORDER BY event_at") == [
        {
            "carrier": "usps",
            "tracking_id": "EZ1000000001",
            "state": state,
            "location": place,
            "country_code": "US",
        }
        for state, place in (("information_received", None), ("in_transit", "DAYTON"))
    ]


def test_a_later_push_adds_only_what_is_new(conn: Connection[Any], tenant: Tenant, easypost: App):
    first: Any = easypost_event()
    push(conn, easypost, first)
    take(easypost, tenant)
    arrived = {**first["result"]["tracking_details"][1], "status": "delivered"}
    later = [*first["result"]["tracking_details"], {**arrived, "datetime": "2026-01-06T08:00:00Z"}]

    push(conn, easypost, easypost_event(2, tracking_details=later))
    take(easypost, tenant)

    assert count(conn, "core.package_events") == 3
    assert value(conn, "SELECT max(change_count) FROM raw.easypost_events") == 0


def test_an_event_without_a_time_waits_as_a_reject_and_holds_up_no_other(
    conn: Connection[Any], tenant: Tenant, easypost: App
):
    event: Any = easypost_event()
    event["result"]["tracking_details"][0]["datetime"] = None
    push(conn, easypost, event)

    take(easypost, tenant)

    assert count(conn, "core.package_events") == 1
    assert value(conn, "SELECT path FROM platform.rejects") == "at"


@pytest.mark.parametrize(
    ("event_type", "payload"),
    [
        ("batch.updated", easypost_event()),
        ("tracker.updated", {"result": None}),
        ("tracker.updated", {"result": {"tracking_details": {"a": 1}}}),
        ("tracker.updated", {"result": {"tracking_details": [None, 1]}}),
        ("tracker.updated", []),
    ],
)
def test_what_is_no_history_is_ignored(event_type: str, payload: Any):
    assert webhook_details(event_type, payload) == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("UPSDAP", "ups"),
        ("USPS", "usps"),
        ("DHLExpress", "dhl"),
        ("FedEx", "fedex"),
        ("Asendia", "unknown"),
    ],
)
def test_carriers_bear_our_codes(name: str, code: str):
    assert carrier_code(name) == code
