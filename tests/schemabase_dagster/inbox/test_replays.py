"""A replay does once what it was asked for, whatever stops it, and starves nobody."""

from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from schemabase_dagster import inbox
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.inbox import Selection
from schemabase_dagster.tenancy import App
from tests.schemabase_dagster.inbox.deliveries import claim, state, store
from tests.support.rows import count, value

EVERYTHING = Selection(tenant="acme")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note the pauses of replays instead of making them."""
    pauses: list[float] = []
    monkeypatch.setattr("schemabase_dagster.inbox.replays.time.sleep", pauses.append)
    return pauses


def test_settled_deliveries_are_replayed_as_copies(
    conn: Connection[Any], app: App, endpoint_id: str
):
    store(conn, endpoint_id, b"1", b"2")
    done = claim(conn, app)
    inbox.settle(conn, done, "processed")
    store(conn, endpoint_id, b"waiting")
    chosen = Selection(tenant="acme", provider="saleor", event_type="order_updated")

    assert inbox.replay(conn, chosen).copied == 2
    inbox.settle(conn, claim(conn, app), "processed")
    assert inbox.replay(conn, Selection(ids=tuple(row.id for row in done))).copied == 2

    copies = claim(conn, app)
    assert sorted(row.body for row in copies) == [b"1", b"2"]
    assert {state(conn, row.id)["replay_of"] for row in copies} == {row.id for row in done}
    keys = value(conn, "SELECT count(DISTINCT dedupe_key) FROM platform.webhook_inbox")
    assert keys == count(conn, "platform.webhook_inbox") == 7


def test_failed_and_dead_deliveries_are_due_at_once_in_place(
    conn: Connection[Any], app: App, endpoint_id: str
):
    store(conn, endpoint_id, b"1", b"2", b"3")
    dead, failed, done = claim(conn, app)
    inbox.settle(conn, [dead], "dead", "schema")
    inbox.settle(conn, [failed], "failed", "no")
    inbox.settle(conn, [done], "processed")

    assert inbox.replay(conn, Selection(tenant="globex")).retried == 0
    assert inbox.replay(conn, Selection(status="dead")).retried == 1
    assert inbox.replay(conn, Selection(status="failed")).retried == 2

    claimed = claim(conn, app)
    assert {(row.id, row.attempts) for row in claimed} == {(dead.id, 1), (failed.id, 1)}


def test_what_waits_or_is_held_is_left_alone(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"waits")
    store(conn, endpoint_id, b"held", held="entitlement")

    assert inbox.preview(conn, EVERYTHING) == []
    replayed = inbox.replay(conn, EVERYTHING)

    assert (replayed.copied, replayed.retried) == (0, 0)
    assert [row.body for row in claim(conn, app)] == [b"waits"]


def test_a_dry_run_tells_what_a_replay_does(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"1", b"2", b"3")
    dead, *done = claim(conn, app)
    inbox.settle(conn, [dead], "dead", "schema")
    inbox.settle(conn, done, "processed")

    found = inbox.preview(conn, EVERYTHING)
    replayed = inbox.replay(conn, EVERYTHING)

    told = {each.is_copied: each.count for each in found}
    assert told == {True: replayed.copied, False: replayed.retried} == {True: 2, False: 1}


def test_a_stopped_replay_goes_on_where_it_was(
    conn: Connection[Any], app: App, endpoint_id: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("schemabase_dagster.inbox.replays.CHUNK_ROWS", 2)
    store(conn, endpoint_id, *(b"%d" % number for number in range(5)))
    inbox.settle(conn, claim(conn, app), "processed")
    replay_id = inbox.start_replay(conn, EVERYTHING)

    next(inbox.run_replay(conn, replay_id))
    assert count(conn, "platform.webhook_inbox") == 7
    store(conn, endpoint_id, b"later")
    inbox.settle(conn, claim(conn, app), "processed")
    *_, last = inbox.run_replay(conn, replay_id)

    assert last.copied == 5
    assert [each.copied for each in inbox.run_replay(conn, replay_id)] == [5]
    assert inbox.start_replay(conn, Selection(), replay_id) == replay_id
    copied = "SELECT count(DISTINCT replay_of) FROM platform.webhook_inbox"
    assert value(conn, copied) == 5


def test_a_replay_keeps_to_its_rate(
    conn: Connection[Any], app: App, endpoint_id: str, no_waiting: list[float]
):
    store(conn, endpoint_id, *(b"%d" % number for number in range(5)))
    inbox.settle(conn, claim(conn, app), "processed")

    states = list(inbox.run_replay(conn, inbox.start_replay(conn, EVERYTHING), per_second=2))

    assert [each.copied for each in states] == [2, 4, 5]
    assert all(0.5 < pause <= 1 for pause in no_waiting)


def test_fresh_deliveries_have_their_share_beside_a_replay(
    conn: Connection[Any], app: App, endpoint_id: str
):
    store(conn, endpoint_id, *(b"%d" % number for number in range(20)))
    inbox.settle(conn, claim(conn, app), "processed")
    inbox.replay(conn, EVERYTHING)
    store(conn, endpoint_id, *(b"fresh %d" % number for number in range(20)))

    claimed = claim(conn, app, limit=8)

    assert sum(row.body.startswith(b"fresh") for row in claimed) == 6


def test_an_unknown_replay_is_explained(conn: Connection[Any]):
    with pytest.raises(ConfigurationError, match="There is no replay"):
        next(inbox.run_replay(conn, uuid4()))
