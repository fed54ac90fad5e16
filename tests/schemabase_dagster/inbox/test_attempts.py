"""Attempts are counted where they are settled, and an endpoint that mostly fails is found."""

from typing import Any, Literal

import pytest
from psycopg import Connection

from schemabase_dagster import inbox, webhooks
from schemabase_dagster.tenancy import App
from tests.schemabase_dagster.inbox.deliveries import add_endpoint, claim, hurry, store
from tests.support.rows import count


def test_totals_count_every_attempt_by_outcome(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"1", b"2", b"3")
    first, second, third = claim(conn, app)
    inbox.settle(conn, [first, second], "failed", "no")
    inbox.settle(conn, [third], "processed")
    hurry(conn)
    inbox.settle(conn, claim(conn, app), "ignored", "old")

    assert _totals(conn) == {"failed": 2, "processed": 1, "ignored": 2}


def test_a_lost_lease_is_not_counted(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"1")
    held = claim(conn, app)
    hurry(conn)
    claim(conn, app, worker="other")

    inbox.settle(conn, held, "processed")

    assert _totals(conn) == {}


def test_latency_is_counted_in_its_span(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"1")
    conn.execute("UPDATE platform.webhook_inbox SET received_at = now() - interval '20 seconds'")
    inbox.settle(conn, claim(conn, app), "processed")

    (total,) = inbox.attempt_totals(conn)

    assert 20 <= total.seconds < 60
    assert total.latency_bucket == 4  # between 10 and 30 seconds


def test_sums_survive_folding(conn: Connection[Any], app: App, endpoint_id: str):
    for body in (b"1", b"2"):
        store(conn, endpoint_id, body)
        inbox.settle(conn, claim(conn, app), "processed")
        conn.execute(
            "UPDATE platform.webhook_attempts SET minute_at = minute_at - interval '2 hours'"
            " WHERE minute_at > '-infinity'"
        )
        inbox.fold_attempts(conn)

    assert count(conn, "platform.webhook_attempts") == 1
    assert _totals(conn) == {"processed": 2}


@pytest.mark.parametrize(
    ("good", "bad", "is_found"),
    [
        pytest.param(9, 11, True, id="most of twenty"),
        pytest.param(10, 10, False, id="half of twenty"),
        pytest.param(0, 19, False, id="too few"),
    ],
)
def test_an_endpoint_is_failing_when_most_of_its_attempts_fail(
    conn: Connection[Any], app: App, endpoint_id: str, good: int, bad: int, *, is_found: bool
):
    _attempt(conn, app, endpoint_id, "processed", good)
    _attempt(conn, app, endpoint_id, "failed", bad)
    _attempt(conn, app, add_endpoint(conn, app), "processed", 30)

    found = inbox.find_failing(conn)

    assert [(each.endpoint_id, each.attempts, each.failed) for each in found] == (
        [(endpoint_id, good + bad, bad)] if is_found else []
    )


def test_faults_that_pass_by_themselves_trip_nothing(
    conn: Connection[Any], app: App, endpoint_id: str
):
    store(conn, endpoint_id, *(b"%d" % number for number in range(30)))
    inbox.settle(conn, claim(conn, app), "failed", "503", passing=True)

    assert inbox.find_failing(conn) == []
    assert _totals(conn) == {"unavailable": 30}


def test_a_resumed_endpoint_starts_afresh(conn: Connection[Any], app: App, endpoint_id: str):
    _attempt(conn, app, endpoint_id, "failed", 30)
    webhooks.pause_endpoint(conn, endpoint_id, "a test")
    assert inbox.find_failing(conn) == []

    webhooks.resume_endpoint(conn, endpoint_id)

    assert inbox.find_failing(conn) == []


def _attempt(
    conn: Connection[Any],
    app: App,
    endpoint_id: str,
    outcome: Literal["processed", "failed"],
    number: int,
) -> None:
    store(
        conn, endpoint_id, *(f"{outcome} {each} {endpoint_id}".encode() for each in range(number))
    )
    inbox.settle(conn, claim(conn, app), outcome, None if outcome == "processed" else "no")


def _totals(conn: Connection[Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for each in inbox.attempt_totals(conn):
        found[each.outcome] = found.get(each.outcome, 0) + each.attempts
    return found
