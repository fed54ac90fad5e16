"""Bodies are read, and deliveries listed."""

import gzip
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from schemabase_dagster import inbox
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.inbox import Selection
from schemabase_dagster.tenancy import App
from tests.schemabase_dagster.inbox.deliveries import claim, store


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


def test_all_parts_of_a_packed_body_are_read(conn: Connection[Any], app: App, endpoint_id: str):
    packed = {"headers": '{"content-encoding": "gzip"}'}
    whole = gzip.compress(b'{"a": ') + gzip.compress(b"1}")
    store(conn, endpoint_id, whole, **packed)
    store(conn, endpoint_id, whole[:-4], **packed)
    store(conn, endpoint_id, gzip.compress(b"{}") + b"canary", **packed)
    good, cut, spoilt = claim(conn, app)

    assert inbox.payload(good) == {"a": 1}
    for row in (cut, spoilt):
        with pytest.raises(RecordRejected):
            inbox.payload(row)


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
