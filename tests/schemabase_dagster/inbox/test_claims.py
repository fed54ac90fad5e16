"""Without these, a delivery is processed twice, never, or by two workers at once."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from schemabase_dagster import database, inbox
from schemabase_dagster.inbox import InboxRow
from schemabase_dagster.tenancy import App, Tenant
from tests.schemabase_dagster.inbox.deliveries import (
    add_endpoint,
    add_shop,
    claim,
    hurry,
    state,
    store,
)
from tests.support.rows import value


def test_a_claim_takes_due_rows_in_order_and_once(
    conn: Connection[Any], app: App, endpoint_id: str
):
    for body in (b"1", b"2", b"3"):
        store(conn, endpoint_id, body)

    rows = claim(conn, app)

    assert [row.body for row in rows] == [b"1", b"2", b"3"]
    assert {(row.attempts, row.claimed_by, row.app_id) for row in rows} == {(1, "w", app.id)}
    assert rows[0].headers == {"a": "b"}
    assert claim(conn, app) == []


def test_two_workers_share_the_rows(
    conn: Connection[Any], postgres: str, app: App, endpoint_id: str
):
    store(conn, endpoint_id, *(b"%d" % number for number in range(20)))

    conn.execute("SET lock_timeout = '2s'")
    with database.connect(url=postgres) as other:
        first = claim(other, app, limit=12, worker="a")
        second = claim(conn, app, worker="b")
        other.commit()

    assert first
    assert second
    assert {row.id for row in first} & {row.id for row in second} == set()
    assert len(first) + len(second) == 20


def test_a_claim_names_its_app(conn: Connection[Any], tenant: Tenant, app: App, endpoint_id: str):
    other = add_shop(conn, tenant, "outlet")
    store(conn, endpoint_id, b"1")
    store(conn, add_endpoint(conn, other), b"2")

    rows = inbox.claim(conn, tenant.id, "saleor", worker="w", app_id=other.id)

    assert [row.body for row in rows] == [b"2"]
    assert inbox.claim(conn, tenant.id, "zoho", worker="w") == []
    assert inbox.claim(conn, uuid4(), "saleor", worker="w") == []


def test_the_lease_of_a_dead_worker_ends(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"1")
    (lost,) = claim(conn, app, worker="dead")
    assert claim(conn, app) == []
    hurry(conn)
    assert [group.count for group in inbox.due_groups(conn)] == [1]

    (again,) = claim(conn, app, worker="alive")

    assert (again.id, again.attempts, again.claimed_by) == (lost.id, 2, "alive")
    assert inbox.settle(conn, [lost], "failed", "too late") == 0
    assert state(conn, again.id)["status"] == "claimed"
    assert inbox.settle(conn, [again], "processed") == 1
    assert inbox.settle(conn, [again], "failed", "twice") == 0
    assert state(conn, again.id)["status"] == "processed"


def give_back(conn: Connection[Any], rows: list[InboxRow]) -> int:
    return inbox.give_back(conn, rows, 0, "quota")


def settle(conn: Connection[Any], rows: list[InboxRow]) -> int:
    return inbox.settle(conn, rows, "processed")


@pytest.mark.parametrize("end", [settle, give_back])
def test_the_same_worker_cannot_end_an_earlier_claim(
    conn: Connection[Any], app: App, endpoint_id: str, end: Callable[..., int]
):
    store(conn, endpoint_id, b"1")
    (first,) = claim(conn, app)
    hurry(conn)
    (second,) = claim(conn, app)

    assert end(conn, [first]) == 0
    assert end(conn, [second]) == 1


@pytest.mark.parametrize("end", [settle, give_back])
def test_who_gave_a_row_back_cannot_end_the_claim_of_another(
    conn: Connection[Any], app: App, endpoint_id: str, end: Callable[..., int]
):
    store(conn, endpoint_id, b"1")
    before = claim(conn, app, worker="a")
    give_back(conn, before)
    now = claim(conn, app, worker="b")
    assert [row.attempts for row in before] == [row.attempts for row in now]

    assert end(conn, before) == 0
    assert end(conn, now) == 1


def test_a_row_that_kills_its_workers_dies(conn: Connection[Any], app: App, endpoint_id: str):
    (poison,) = store(conn, endpoint_id, b"1")
    claims = []
    for _ in range(9):
        claims.append(claim(conn, app))
        hurry(conn)
    assert [len(rows) for rows in claims] == [1] * 9

    assert claim(conn, app) == []
    assert inbox.settle(conn, claims[-1], "processed") == 0
    assert inbox.give_back(conn, claims[-1], 0, "quota") == 0
    row = state(conn, poison)
    assert row["status"] == "dead"
    assert row["last_error"].startswith("permanent: the worker died 9 times")


def test_a_worker_at_its_last_attempt_may_finish(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"1")
    for _ in range(8):
        claim(conn, app)
        hurry(conn)
    (last,) = claim(conn, app)

    assert claim(conn, app) == []
    assert inbox.settle(conn, [last], "processed") == 1


def test_only_the_claimed_tenants_and_systems_poison_is_buried(
    conn: Connection[Any], app: App, endpoint_id: str
):
    (poison,) = store(conn, endpoint_id, b"1")
    for _ in range(9):
        claim(conn, app)
        hurry(conn)

    inbox.claim(conn, uuid4(), app.type, worker="w")
    inbox.claim(conn, app.tenant_id, "zoho", worker="w")

    assert state(conn, poison)["status"] == "claimed"


@pytest.mark.parametrize(
    ("outcome", "reason", "stored_reason"),
    [
        ("processed", None, None),
        ("ignored", "filtered", "filtered"),
        ("dead", "not_json", "permanent: not_json"),
        ("dead", "permanent: schema", "permanent: schema"),
    ],
)
def test_a_settled_row_is_never_claimed_again(
    conn: Connection[Any],
    app: App,
    endpoint_id: str,
    outcome: Any,
    reason: str | None,
    stored_reason: str | None,
):
    (inbox_id,) = store(conn, endpoint_id, b"1")

    assert inbox.settle(conn, claim(conn, app), outcome, reason, run_id="run") == 1

    row = state(conn, inbox_id)
    assert (row["status"], row["last_error"], row["run_id"]) == (outcome, stored_reason, "run")
    assert row["processed_at"] is not None
    hurry(conn)
    assert claim(conn, app) == []
    assert inbox.due_groups(conn) == []


def test_settling_is_part_of_the_callers_transaction(
    conn: Connection[Any], postgres: str, app: App, endpoint_id: str
):
    (inbox_id,) = store(conn, endpoint_id, b"1")
    rows = claim(conn, app)

    with database.connect(url=postgres) as landing:
        inbox.settle(landing, rows, "processed")
        landing.rollback()

    assert state(conn, inbox_id)["status"] == "claimed"


def test_failures_back_off_and_end_dead(conn: Connection[Any], app: App, endpoint_id: str):
    (inbox_id,) = store(conn, endpoint_id, b"1")
    waits = []
    for _ in range(8):
        inbox.settle(conn, claim(conn, app), "failed", "HTTP 500")
        row = state(conn, inbox_id)
        assert (row["status"], row["processed_at"]) == ("failed", None)
        wait = "SELECT extract(epoch FROM next_attempt_at - now()) FROM platform.webhook_inbox"
        waits.append(float(value(conn, wait)))
        assert claim(conn, app) == []
        hurry(conn)
    inbox.settle(conn, claim(conn, app), "failed", "HTTP 500")

    expected = (10, 60, 300, 1800, 7200, 21600, 43200, 86400)
    for found, seconds in zip(waits, expected, strict=True):
        assert 0.79 * seconds < found < 1.21 * seconds
    row = state(conn, inbox_id)
    assert (row["status"], row["attempts"]) == ("dead", 9)


def test_a_failure_waits_at_least_as_long_as_it_was_told(
    conn: Connection[Any], app: App, endpoint_id: str
):
    store(conn, endpoint_id, b"1")

    inbox.settle(conn, claim(conn, app), "failed", "429", retry_after_seconds=500)

    wait = "SELECT extract(epoch FROM next_attempt_at - now()) FROM platform.webhook_inbox"
    assert 490 < value(conn, wait) <= 500


def test_a_row_given_back_counts_no_attempt(conn: Connection[Any], app: App, endpoint_id: str):
    (inbox_id,) = store(conn, endpoint_id, b"1")
    rows = claim(conn, app)

    assert inbox.give_back(conn, rows, 60, "quota") == 1
    assert inbox.give_back(conn, rows, 60, "quota") == 0

    row = state(conn, inbox_id)
    assert (row["status"], row["attempts"], row["last_error"]) == ("received", 0, "quota")
    assert claim(conn, app) == []
    hurry(conn)
    assert [row.attempts for row in claim(conn, app)] == [1]


def test_retries_do_not_starve_fresh_deliveries(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, *(b"old %d" % number for number in range(50)))
    while rows := claim(conn, app):
        inbox.settle(conn, rows, "failed", "x")
    hurry(conn)
    store(conn, endpoint_id, *(b"new %d" % number for number in range(10)))

    rows = claim(conn, app, limit=16)

    assert sum(row.body.startswith(b"new") for row in rows) == 10
