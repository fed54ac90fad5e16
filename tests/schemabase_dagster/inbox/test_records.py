"""Bodies are read, and deliveries listed, replayed and revived."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from schemabase_dagster import inbox
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.inbox import Selection
from schemabase_dagster.tenancy import App
from tests.schemabase_dagster.inbox.deliveries import claim, state, store
from tests.support.rows import count, value


@pytest.mark.parametrize("body", [b"", b'{"canary"', b"\xffcanary", b'{"a": 1} canary'])
def test_a_body_that_is_not_json_is_rejected_without_its_text(
    conn: Connection[Any], app: App, endpoint_id: str, body: bytes
):
    store(conn, endpoint_id, body)
    (row,) = claim(conn, app)

    with pytest.raises(RecordRejected) as caught:
        inbox.payload(row)

    assert caught.value.code == "not_json"
    assert caught.value.__cause__ is None
    assert "canary" not in repr(row) + str(caught.value)


def test_forms_are_read(conn: Connection[Any], app: App, endpoint_id: str):
    form = {"content_type": "application/x-www-form-urlencoded;charset=UTF-8"}
    store(conn, endpoint_id, b"JSONString=%7B%22a%22%3A1%7D&x=2", **form)
    store(conn, endpoint_id, b"a=1&b=%20", **form)

    assert [inbox.payload(row) for row in claim(conn, app)] == [{"a": 1}, {"a": "1", "b": " "}]


def test_settled_deliveries_are_replayed_as_copies(
    conn: Connection[Any], app: App, endpoint_id: str
):
    store(conn, endpoint_id, b"1", b"2")
    done = claim(conn, app)
    inbox.settle(conn, done, "processed")
    store(conn, endpoint_id, b"waiting")
    chosen = Selection(tenant="acme", provider="saleor", event_type="order_updated")

    assert inbox.count_selected(conn, chosen) == 3
    assert inbox.replay(conn, chosen) == 2
    inbox.settle(conn, claim(conn, app), "processed")
    assert inbox.replay(conn, Selection(ids=tuple(row.id for row in done))) == 2

    copies = claim(conn, app)
    assert sorted(row.body for row in copies) == [b"1", b"2"]
    assert {state(conn, row.id)["replay_of"] for row in copies} == {row.id for row in done}
    keys = value(conn, "SELECT count(DISTINCT dedupe_key) FROM platform.webhook_inbox")
    assert keys == count(conn, "platform.webhook_inbox") == 7


def test_replay_works_in_chunks(
    conn: Connection[Any], app: App, endpoint_id: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("schemabase_dagster.inbox.replays.CHUNK_ROWS", 2)
    store(conn, endpoint_id, *(b"%d" % number for number in range(5)))
    inbox.settle(conn, claim(conn, app), "processed")

    assert inbox.replay(conn, Selection(tenant="acme")) == 5
    commits = "SELECT count(DISTINCT xmin::text) FROM platform.webhook_inbox WHERE replay_of <> id"
    assert value(conn, commits) == 3
    assert len(claim(conn, app)) == 5


def test_dead_deliveries_are_revived_in_place(conn: Connection[Any], app: App, endpoint_id: str):
    store(conn, endpoint_id, b"1", b"2")
    dead, done = claim(conn, app)
    inbox.settle(conn, [dead], "dead", "schema")
    inbox.settle(conn, [done], "processed")

    assert inbox.revive_dead(conn, Selection(tenant="globex")) == 0
    assert inbox.revive_dead(conn, Selection()) == 1

    (revived,) = claim(conn, app)
    assert (revived.id, revived.attempts) == (dead.id, 1)


def test_rows_are_listed_without_bodies_and_shown_with_them(
    conn: Connection[Any], endpoint_id: str
):
    first, second = *store(conn, endpoint_id, b"1"), *store(conn, endpoint_id, b"22")
    conn.execute("UPDATE platform.webhook_inbox SET next_attempt_at = 'infinity'")

    listed = inbox.list_rows(conn, Selection(status="received"))
    shown = inbox.show(conn, second)

    assert [row.id for row in listed] == [second, first]
    assert {row.body for row in listed} == {None}
    assert [row.body_bytes for row in listed] == [2, 1]
    assert listed[0].next_attempt_at is None
    assert shown
    assert shown.body == b"22"
    assert inbox.show(conn, uuid4()) is None
    received_at = listed[0].received_at
    later = Selection(since=received_at + timedelta(hours=1))
    assert inbox.list_rows(conn, later) == []
    assert len(inbox.list_rows(conn, Selection(until=received_at + timedelta(hours=1)))) == 2
