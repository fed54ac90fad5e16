"""Sync state: what is remembered of a stream of an app between runs."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from psycopg import Connection

from assets.orders.saleor import SALEOR_ORDERS
from assets.orders.zoho import ZOHO_SALES_ORDERS
from schemabase_dagster import database
from schemabase_dagster.engine import state
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.engine.state import Attempt, Scan, SyncState
from schemabase_dagster.tenancy import App
from tests.factories import NOON, at
from tests.support.rows import one, rows, waiters
from tests.support.wait import wait_until


def load(app: App) -> SyncState:
    with database.transaction() as conn:
        return state.load(conn, ZOHO_SALES_ORDERS, app)


def row(conn: Connection[Any]) -> dict[str, Any]:
    return one(conn, "SELECT * FROM platform.sync_state")


def attempt(app: App, *, full: bool = False) -> Attempt:
    return Attempt(ZOHO_SALES_ORDERS, app, "run", "schedule", full, started_at=NOON)


def test_a_stream_that_was_never_synced_has_no_state(books: App):
    assert load(books) == SyncState()


def test_the_watermark_never_goes_back(conn: Connection[Any], books: App):
    state.start(conn, ZOHO_SALES_ORDERS, books)

    seen = []
    for instant in (at(10), at(5), at(20)):
        state.move_watermark(conn, ZOHO_SALES_ORDERS, books, instant)
        seen.append(load(books).watermark)

    assert seen == [at(10), at(10), at(20)]


def test_streams_and_apps_have_states_of_their_own(conn: Connection[Any], books: App, shop: App):
    for stream, app in ((ZOHO_SALES_ORDERS, books), (SALEOR_ORDERS, books), (SALEOR_ORDERS, shop)):
        state.start(conn, stream, app)
    state.move_watermark(conn, SALEOR_ORDERS, books, NOON)
    scan = Scan(started_at=NOON)
    state.save_scan(conn, SALEOR_ORDERS, shop, scan)

    found = rows(conn, "SELECT watermark, cursor <> '{}' AS scans FROM platform.sync_state")
    assert sorted((each["watermark"] is not None, each["scans"]) for each in found) == [
        (False, False), (False, True), (True, False)
    ]  # fmt: skip


def test_an_unfinished_scan_is_found_again(conn: Connection[Any], books: App):
    scan = Scan(at(1), at(-5), {"position": 400}, done=400, total=1000, seconds=8.5, calls=7,
                estimate_seconds=12, waits=True)  # fmt: skip
    state.start(conn, ZOHO_SALES_ORDERS, books)

    state.save_scan(conn, ZOHO_SALES_ORDERS, books, scan)
    assert load(books).scan == scan
    assert row(conn)["estimate_seconds"] == 12

    state.save_scan(conn, ZOHO_SALES_ORDERS, books, None)
    assert load(books).scan is None
    assert row(conn)["estimate_seconds"] is None


def test_a_whole_scan_has_no_since(conn: Connection[Any], books: App):
    state.start(conn, ZOHO_SALES_ORDERS, books)
    state.save_scan(conn, ZOHO_SALES_ORDERS, books, Scan(at(1)))

    assert load(books).scan == Scan(at(1))


@pytest.mark.parametrize(
    ("scan", "seconds_per_call", "estimate"),
    [
        pytest.param(Scan(NOON, done=100, total=400, seconds=10), 0, 30, id="pace so far"),
        pytest.param(Scan(NOON, done=100, total=400, seconds=10, calls=100), 2, 600, id="quota"),
        pytest.param(Scan(NOON, done=100, total=400, seconds=10, calls=1), 2, 30, id="slower one"),
        pytest.param(Scan(NOON, done=100, total=90, seconds=10), 0, 0, id="more than expected"),
        pytest.param(Scan(NOON, done=0, total=400, seconds=10), 1, None, id="nothing done yet"),
        pytest.param(Scan(NOON, done=100, seconds=10), 1, None, id="no total"),
    ],
)
def test_the_rest_is_estimated_by_the_pace_so_far_and_the_quota(
    scan: Scan, seconds_per_call: float, estimate: int | None
):
    assert scan.estimated(lambda calls: calls * seconds_per_call).estimate_seconds == estimate


def test_settings_of_the_apps_stream_come_with_the_state(conn: Connection[Any], books: App):
    conn.execute(
        "UPDATE platform.app_entity SET overlap = '1 hour', initial_lookback = '90 days',"
        """ options = '{"a": 1}' WHERE entity = 'zoho_sales_orders'"""
    )

    found = load(books)

    assert (found.overlap, found.initial_lookback) == (timedelta(hours=1), timedelta(days=90))
    assert found.options == {"a": 1}


def test_a_success_is_recorded_with_its_counts(conn: Connection[Any], books: App):
    state.start(conn, ZOHO_SALES_ORDERS, books)
    attempt(books).ended(conn, SyncResult(read=2, changed=1, unchanged=1, api_calls=4))

    found, run = row(conn), one(conn, "SELECT * FROM platform.sync_run")
    assert (found["last_status"], found["last_error"]) == ("success", None)
    assert found["last_success_at"] is not None
    assert found["last_full_at"] is None
    assert found["last_counts"]["api_calls"] == run["counts"]["api_calls"] == 4
    facts = ("app_id", "stream", "run_id", "trigger", "started_at", "status", "error")
    assert [run[name] for name in facts] == [
        books.id, "zoho_sales_orders", "run", "schedule", NOON, "success", None
    ]  # fmt: skip


def test_only_a_complete_full_sync_is_a_full_one(conn: Connection[Any], books: App):
    state.start(conn, ZOHO_SALES_ORDERS, books)

    attempt(books, full=True).ended(conn, SyncResult(partial=True))
    partial = row(conn)
    attempt(books, full=True).ended(conn, SyncResult())

    assert (partial["last_status"], partial["last_full_at"]) == ("partial", None)
    assert partial["last_success_at"] is None
    assert row(conn)["last_full_at"] is not None


def test_failures_are_counted_until_something_works(conn: Connection[Any], books: App):
    state.start(conn, ZOHO_SALES_ORDERS, books)
    attempt(books).ended(conn, SyncResult(read=1, changed=1))
    success = row(conn)["last_success_at"]

    errors = []
    for _ in range(2):
        attempt(books).failed(conn, "no answer")
        errors.append(row(conn)["consecutive_errors"])
    failed = row(conn)
    attempt(books).ended(conn, SyncResult(partial=True))

    assert errors == [1, 2]
    assert (failed["last_status"], failed["last_error"]) == ("failure", "no answer")
    assert failed["last_success_at"] == success
    assert failed["last_counts"]["read"] == 1, "the latest counts are kept"
    assert (row(conn)["consecutive_errors"], row(conn)["last_error"]) == (0, None)
    statuses = rows(
        conn, "SELECT status, error, counts FROM platform.sync_run ORDER BY finished_at"
    )
    assert [each["status"] for each in statuses] == ["success", "failure", "failure", "partial"]
    assert (statuses[1]["error"], statuses[1]["counts"]) == ("no answer", {})


def test_a_second_run_waits_until_the_first_has_ended(conn: Connection[Any], books: App, shop: App):
    entered = threading.Event()

    def second() -> None:
        with state.exclusive(ZOHO_SALES_ORDERS, books):
            entered.set()

    thread = threading.Thread(target=second)
    with state.exclusive(ZOHO_SALES_ORDERS, books):
        thread.start()
        wait_until(lambda: waiters(conn), what="the second to wait")
        with state.exclusive(SALEOR_ORDERS, shop):
            assert not entered.is_set()
    thread.join()

    assert entered.is_set()
