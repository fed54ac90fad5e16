"""core/package_events: events in any order, twice, before their package; and what follows."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from assets import registry
from schemabase_dagster import database
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.incoming import prepare
from schemabase_dagster.engine.land import land
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.settings import forget_settings
from schemabase_dagster.streams import JsonObject
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import zoho_order, zoho_package
from tests.support import shops
from tests.support.parcels import dhl_event, dhl_parcel
from tests.support.rows import count, one, rows, value, versions

TRACKING, PACKAGES, ORDERS = "dhl_tracking", "zoho_packages", "zoho_sales_orders"
NUMBER = "00340434100000000017"
STORY = (
    dhl_event("2025-03-01T08:00:00", "VA", "pre-transit"),
    dhl_event("2025-03-01T18:00:00", "ES"),
    dhl_event("2025-03-03T07:00:00", "PO"),
    dhl_event("2025-03-03T13:00:00", "ZN"),
    dhl_event("2025-03-04T11:00:00", "ZU", "delivered"),
)
EVENTS = """
SELECT e.source_status, e.previous_state, e.state, e.state_changed, e.event_no
FROM core.package_events AS e ORDER BY e.event_at, e.event_no
"""
STATE = "SELECT state, delivered_at FROM core.packages"
LINKED = """
SELECT DISTINCT k.package_number
FROM core.package_events AS e
LEFT JOIN core.packages AS k ON k.id = e.package_id
"""
TABLES = ("core.package_events", "core.packages", "core.orders", "core.external_ref")

Put = Callable[..., None]


@pytest.fixture
def books(conn: Connection[Any], tenant: Tenant) -> App:
    return shops.unreachable_zoho(conn, tenant)


@pytest.fixture
def dhl(conn: Connection[Any], tenant: Tenant) -> App:
    return shops.unreachable_dhl(conn, tenant)


@pytest.fixture
def put(postgres: str) -> Put:
    def run(app: App, stream: str, *records: JsonObject) -> None:
        described = registry.streams()[stream]
        with database.transaction() as conn:
            incoming = [prepare(described, record, utc_now()) for record in records]
            land(conn, described, app, incoming, via="pull", run_id=None)

    return run


def merge(tenant: Tenant) -> None:
    for entity in registry.entities().values():
        merge_entity(entity, tenant, registry.streams())


def package(tracking: str = NUMBER, **fields: Any) -> JsonObject:
    given = {"delivery_method": "DHL", "status": "shipped", "tracking_number": tracking}
    return zoho_package("5", salesorder_id="1", **(given | fields))


def parcel(*events: JsonObject, **fields: Any) -> JsonObject:
    return dhl_parcel(NUMBER, *events, **fields)


def told(conn: Connection[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in rows(conn, EVENTS)]


def test_events_give_the_packages_state_along_the_edges(
    conn: Connection[Any], tenant: Tenant, books: App, dhl: App, put: Put
):
    put(books, PACKAGES, package())
    put(dhl, TRACKING, parcel(*reversed(STORY)))

    merge(tenant)

    assert told(conn) == [
        ("VA", "init", "information_received", True, 1),
        ("ES", "information_received", "in_transit", True, 2),
        ("PO", "in_transit", "out_for_delivery", True, 3),
        ("ZN", "out_for_delivery", "failed_attempt", True, 4),
        ("ZU", "failed_attempt", "delivered", True, 5),
    ]
    assert one(conn, STATE)["state"] == "delivered"
    assert one(conn, STATE)["delivered_at"].isoformat() == "2025-03-04T10:00:00+00:00"
    assert value(conn, "SELECT count(*) FROM core.package_events WHERE package_id IS NULL") == 0


@pytest.mark.parametrize("first", list(permutations(range(3))))
def test_packages_orders_and_events_may_come_in_any_order(
    conn: Connection[Any], tenant: Tenant, books: App, dhl: App, put: Put, first: Sequence[int]
):
    steps = [
        (books, ORDERS, zoho_order("1")),
        (books, PACKAGES, package()),
        (dhl, TRACKING, parcel(*STORY)),
    ]
    for place in first:
        put(*steps[place])
        merge(tenant)

    assert one(conn, STATE)["state"] == "delivered"
    assert value(conn, "SELECT shipment_status FROM core.orders") == "delivered"
    assert value(conn, LINKED) == "LS-2207"


def test_an_event_that_comes_late_takes_its_place(
    conn: Connection[Any], tenant: Tenant, books: App, dhl: App, put: Put
):
    put(books, PACKAGES, package())
    put(dhl, TRACKING, parcel(STORY[0], STORY[4]))
    merge(tenant)
    assert one(conn, STATE)["state"] == "delivered"

    put(dhl, TRACKING, parcel(STORY[1], STORY[2]))
    merge(tenant)

    assert [row[0] for row in told(conn)] == ["VA", "ES", "PO", "ZU"]
    assert [row[3] for row in told(conn)] == [True] * 4
    assert one(conn, STATE)["state"] == "delivered"


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.permutations(range(len(STORY))),
    cuts=st.sets(st.integers(1, len(STORY))),
    at=st.integers(0, len(STORY)),
)
def test_any_order_and_any_batches_give_the_same_package(
    conn: Connection[Any], tenant: Tenant, books: App, dhl: App, put: Put, order: Sequence[int],
    cuts: set[int], at: int,
):  # fmt: skip
    number = f"N-{count(conn, 'core.packages')}"
    record = {**package(number), "package_id": number, "package_number": number}
    for place, event in enumerate(order):
        if place == at:
            put(books, PACKAGES, record)
        put(dhl, TRACKING, dhl_parcel(number, STORY[event]))
        if place in cuts:
            merge(tenant)
    if at == len(STORY):
        put(books, PACKAGES, record)
    merge(tenant)

    query = """
        SELECT e.source_status, e.previous_state, e.state_changed, e.event_no, k.state
        FROM core.package_events AS e JOIN core.packages AS k ON k.id = e.package_id
        WHERE e.tracking_id = %s ORDER BY e.event_no
    """
    assert [tuple(row.values()) for row in rows(conn, query, (number,))] == [
        ("VA", "init", True, 1, "delivered"),
        ("ES", "information_received", True, 2, "delivered"),
        ("PO", "in_transit", True, 3, "delivered"),
        ("ZN", "out_for_delivery", True, 4, "delivered"),
        ("ZU", "failed_attempt", True, 5, "delivered"),
    ]


def test_what_is_told_again_in_any_batch_writes_no_row(
    conn: Connection[Any], tenant: Tenant, books: App, dhl: App, put: Put
):
    put(books, ORDERS, zoho_order("1"))
    put(books, PACKAGES, package())
    put(dhl, TRACKING, parcel(*STORY))
    merge(tenant)
    before = [versions(conn, table) for table in TABLES]

    put(dhl, TRACKING, parcel(*STORY, STORY[0]))
    replay(tenant, registry.streams().values())
    merge(tenant)

    assert [versions(conn, table) for table in TABLES] == before


def test_one_event_told_by_two_keys_is_one_row(
    conn: Connection[Any], tenant: Tenant, dhl: App, put: Put
):
    second = shops.unreachable_dhl(conn, tenant, "second")
    put(dhl, TRACKING, parcel(STORY[0]))
    put(second, TRACKING, parcel(STORY[0]))

    merge(tenant)

    assert count(conn, "core.package_events") == 1


def test_carriers_decide_before_the_books_and_without_them_the_books_do(
    conn: Connection[Any], tenant: Tenant, books: App, dhl: App, put: Put
):
    put(books, PACKAGES, package(status="delivered"))
    merge(tenant)
    assert one(conn, STATE)["state"] == "delivered"

    put(dhl, TRACKING, parcel(*STORY[:3]))
    merge(tenant)

    assert one(conn, STATE) == {"state": "out_for_delivery", "delivered_at": None}


def test_a_new_tracking_number_brings_its_own_state(
    conn: Connection[Any], tenant: Tenant, books: App, dhl: App, put: Put
):
    put(books, PACKAGES, package())
    put(dhl, TRACKING, parcel(*STORY))
    merge(tenant)

    put(books, PACKAGES, package("T-2", last_modified_time="2024-03-11T09:00:00+0100"))
    merge(tenant)

    assert one(conn, STATE) == {"state": "information_received", "delivered_at": None}
    assert value(conn, "SELECT count(*) FROM core.package_events WHERE package_id IS NULL") == 5


def test_packages_that_share_a_number_share_its_state(
    conn: Connection[Any], tenant: Tenant, books: App, dhl: App, put: Put
):
    put(dhl, TRACKING, parcel(*STORY))
    merge(tenant)
    shared: dict[str, Any] = {"associated_packages_count": 2}
    put(books, PACKAGES, package(**shared), {
        **package(**shared), "package_id": "6", "package_number": "LS-2208"})  # fmt: skip

    merge(tenant)

    assert [row["state"] for row in rows(conn, STATE)] == ["delivered", "delivered"]


def test_every_piece_of_a_package_has_its_own_state_and_the_order_waits_for_all(
    conn: Connection[Any], tenant: Tenant, books: App, dhl: App, put: Put
):
    put(books, ORDERS, zoho_order("1"))
    put(books, PACKAGES, package("B+A"))
    put(dhl, TRACKING, dhl_parcel("A", *STORY))
    merge(tenant)

    query = "SELECT package_number, tracking_id, state FROM core.packages WHERE deleted_at IS NULL"
    assert [tuple(row.values()) for row in rows(conn, f"{query} ORDER BY 1")] == [
        ("LS-2207", "A", "delivered"), ("LS-2207-2", "B", "information_received"),
    ]  # fmt: skip
    assert value(conn, "SELECT shipment_status FROM core.orders") == "shipped"

    put(dhl, TRACKING, dhl_parcel("B", *STORY))
    merge(tenant)
    assert value(conn, "SELECT shipment_status FROM core.orders") == "delivered"

    put(books, PACKAGES, package("A", last_modified_time="2024-03-11T09:00:00+0100"))
    merge(tenant)
    assert [row["tracking_id"] for row in rows(conn, query)] == ["A"]


def test_what_happened_before_the_carrier_was_connected_is_history(
    conn: Connection[Any], tenant: Tenant, dhl: App, put: Put
):
    new = utc_now() + timedelta(minutes=1)
    put(dhl, TRACKING, parcel(STORY[0], dhl_event(new.isoformat(), "ES")))

    merge(tenant)

    query = "SELECT source_status, is_history FROM core.package_events ORDER BY event_at"
    assert [tuple(row.values()) for row in rows(conn, query)] == [("VA", True), ("ES", False)]


@pytest.mark.parametrize(
    ("setting", "story", "without", "with_it"),
    [
        (
            "SCHEMABASE_PACKAGE_LEAVES_PICKUP",
            (STORY[1], dhl_event("2025-03-03T12:00:00", "ZF"), STORY[4]),
            "available_for_pickup",
            "delivered",
        ),
        (
            "SCHEMABASE_PACKAGE_LEAVES_EXCEPTION",
            (STORY[1], dhl_event("2025-03-02T12:00:00", "BV", "failure"), *STORY[2:]),
            "exception",
            "delivered",
        ),
    ],
)
def test_both_extensions_of_the_edges_can_be_switched_off(
    conn: Connection[Any], tenant: Tenant, books: App, dhl: App, put: Put,
    monkeypatch: pytest.MonkeyPatch, setting: str, story: Sequence[JsonObject], without: str,
    with_it: str,
):  # fmt: skip
    put(books, PACKAGES, package())
    put(dhl, TRACKING, parcel(*story))
    merge(tenant)
    assert one(conn, STATE)["state"] == with_it

    monkeypatch.setenv(setting, "false")
    forget_settings()
    replay(tenant, [registry.streams()["dhl_events"]])
    merge(tenant)

    forget_settings()
    assert one(conn, STATE)["state"] == without


def test_carriers_are_measured_by_month(conn: Connection[Any], tenant: Tenant, dhl: App, put: Put):
    def sent(number: str, *events: JsonObject) -> JsonObject:
        return dhl_parcel(number, *events)

    first, second = "2025-03-01T08:00:00", "2025-03-01T20:00:00"
    put(dhl, TRACKING,
        sent("A", dhl_event(first, "ES"), dhl_event(second, "ZU", "delivered")),
        sent("B", dhl_event(first, "ES"), dhl_event("2025-03-02T08:00:00", "ZN"),
             dhl_event("2025-03-03T08:00:00", "ZU", "delivered")),
        sent("C", dhl_event(first, "ES"), dhl_event(second, "BV", "failure")),
        sent("D", dhl_event(first, "VA", "pre-transit")))  # fmt: skip

    merge(tenant)

    query = "SELECT * FROM analytics.carrier_performance"
    row = {name: str(given) for name, given in one(conn, query).items()}
    assert row == {
        "tenant": "acme", "carrier": "dhl", "month": "2025-03-01", "parcels": "3",
        "delivered": "2", "hours_p50": "30.0", "hours_p90": "44.4",
        "failed_attempt_rate": "0.3333", "pickup_rate": "0.0000", "exception_rate": "0.3333",
        "delay_rate": "0.0000",
    }  # fmt: skip
    assert count(conn, "analytics.fct_package_event") == 8


def failed(conn: Connection[Any], tenant: Tenant, name: str) -> list[dict[str, Any]]:
    """Rows that a check found, none when it passed."""
    (check,) = (each for each in registry.checks() if each.name == name)
    verdict = check.evaluate(conn, tenant)
    assert verdict.passed == (not verdict.rows)
    return [dict(row) for row in verdict.rows]


def test_parcels_that_no_system_knows_are_found_after_a_day(
    conn: Connection[Any], tenant: Tenant, books: App, dhl: App, put: Put
):
    put(dhl, TRACKING, parcel(*STORY), dhl_parcel("LOST-1", STORY[0]))
    put(books, PACKAGES, package())
    merge(tenant)
    assert failed(conn, tenant, "events_have_packages") == []

    conn.execute("UPDATE core.package_events SET created_at = now() - interval '2 days'")

    assert [row["tracking_id"] for row in failed(conn, tenant, "events_have_packages")] == [
        "LOST-1"
    ]


@pytest.mark.parametrize(
    ("days", "code", "is_stuck"), [(3, "ES", False), (8, "ES", True), (3, "PO", True)]
)
def test_packages_that_rest_too_long_in_a_state_are_found(
    conn: Connection[Any], tenant: Tenant, books: App, dhl: App, put: Put, days: int, code: str,
    is_stuck: bool,
):  # fmt: skip
    put(books, PACKAGES, package())
    at = (utc_now() - timedelta(days=days)).isoformat()
    put(dhl, TRACKING, parcel(dhl_event(at, code)))
    merge(tenant)

    assert bool(failed(conn, tenant, "packages_leave_states")) == is_stuck


def test_packages_of_an_unknown_carrier_are_found(
    conn: Connection[Any], tenant: Tenant, books: App, put: Put
):
    put(books, PACKAGES, package(delivery_method="Bike", created_time=utc_now().isoformat()))
    merge(tenant)

    (row,) = failed(conn, tenant, "packages_have_carriers")
    assert row["tracking_id"] == NUMBER


def test_lines_of_a_package_show_the_lines_of_their_order(
    conn: Connection[Any], tenant: Tenant, books: App, put: Put
):
    put(books, ORDERS, zoho_order("1"))
    put(books, PACKAGES, package())
    merge(tenant)

    query = """
        SELECT v.sku, v.quantity::int AS packed, v.ordered_quantity::int AS ordered,
            v.order_line_id = l.id AS is_same
        FROM analytics.fct_package_line AS v CROSS JOIN core.order_lines AS l
    """
    assert one(conn, query) == {"sku": "A-1", "packed": 2, "ordered": 1, "is_same": True}
