"""Without these, a delivery is stored twice or never."""

from typing import Any

import psycopg
import pytest
from psycopg import Connection
from uuid_utils.compat import uuid7

from schemabase_dagster import database, inbox
from schemabase_dagster.tenancy import App
from tests.schemabase_dagster.inbox.deliveries import add_endpoint, store
from tests.support.deliveries import delivery
from tests.support.rows import count, value


def test_equal_deliveries_in_one_batch_are_one_row(conn: Connection[Any], endpoint_id: str):
    twins = [delivery(endpoint_id, b"1"), delivery(endpoint_id, b"2"), delivery(endpoint_id, b"1")]

    first, other, copy = inbox.insert_batch(conn, twins)

    assert first
    assert other
    assert copy
    assert (first.is_new, other.is_new, copy.is_new) == (True, True, False)
    assert copy.inbox_id == first.inbox_id != other.inbox_id
    assert count(conn, "platform.webhook_inbox") == 2
    seen = "SELECT seen_count FROM platform.webhook_dedupe WHERE inbox_id = %s"
    assert value(conn, seen, (first.inbox_id,)) == 2


def test_another_body_under_a_known_key_is_marked(conn: Connection[Any], endpoint_id: str):
    one_key = {"dedupe_key": b"k"}
    changed = [delivery(endpoint_id, b"1", **one_key), delivery(endpoint_id, b"2", **one_key)]

    (first,) = inbox.insert_batch(conn, changed[:1])
    (second,) = inbox.insert_batch(conn, changed[1:])
    both = inbox.insert_batch(
        conn, [delivery(endpoint_id, body, dedupe_key=b"x") for body in (b"1", b"2")]
    )

    assert first
    assert second
    assert (first.body_conflict, second.body_conflict) == (False, True)
    assert second.inbox_id == first.inbox_id
    assert all(each and each.body_conflict for each in both)
    assert count(conn, "platform.webhook_inbox") == 2


def test_the_key_of_yesterday_counts(conn: Connection[Any], endpoint_id: str):
    store(conn, endpoint_id, b"1", dedupe_key=b"monday")
    tuesday = delivery(endpoint_id, b"1", dedupe_key=b"tuesday", earlier_key=b"monday")
    wednesday = delivery(endpoint_id, b"1", dedupe_key=b"wednesday", earlier_key=b"tuesday")

    (repeated,) = inbox.insert_batch(conn, [tuesday])
    (new,) = inbox.insert_batch(conn, [wednesday])

    assert repeated
    assert new
    assert not repeated.is_new
    assert new.is_new


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_a_batch_over_midnight_holds_one_fact(
    conn: Connection[Any], endpoint_id: str, order: slice
):
    monday = delivery(endpoint_id, b"1", dedupe_key=b"monday", earlier_key=b"sunday")
    tuesday = delivery(endpoint_id, b"1", dedupe_key=b"tuesday", earlier_key=b"monday")

    answers = inbox.insert_batch(conn, [monday, tuesday][order])
    again = [inbox.insert_batch(conn, [each._replace(id=uuid7())])[0] for each in (tuesday, monday)]

    assert [each.is_new for each in [*answers, *again] if each] == [True, False, False, False]


def test_equal_keys_of_two_endpoints_are_two_facts(
    conn: Connection[Any], app: App, endpoint_id: str
):
    other = add_endpoint(conn, app)

    stored = store(conn, endpoint_id, b"1") + store(conn, other, b"1")

    assert len(set(stored)) == 2


def test_a_missing_endpoint_stores_nothing(conn: Connection[Any], endpoint_id: str):
    gone = delivery("wh_" + "z" * 26, b"1")

    assert inbox.insert_batch(conn, [gone, delivery(endpoint_id, b"2")])[0] is None
    assert count(conn, "platform.webhook_inbox") == 1
    assert count(conn, "platform.webhook_dedupe") == 1


def test_two_transactions_with_equal_keys_store_one(
    conn: Connection[Any], postgres: str, endpoint_id: str
):
    with database.connect(url=postgres) as first:
        inbox.insert_batch(first, [delivery(endpoint_id, b"1")])
        conn.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            store(conn, endpoint_id, b"1")
        first.rollback()

    (stored,) = inbox.insert_batch(conn, [delivery(endpoint_id, b"1")])
    assert stored
    assert stored.is_new


def test_an_empty_batch_is_answered_without_a_statement(conn: Connection[Any]):
    assert inbox.insert_batch(conn, []) == []
