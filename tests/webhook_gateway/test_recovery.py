"""Without these, an acknowledged event is lost when the database goes, or it stays down."""

import threading
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from psycopg import Connection

from schemabase_dagster.webhooks import Created
from tests.support.rows import count, waiters
from tests.support.wait import wait_until
from tests.webhook_gateway.conftest import Start
from tests.webhook_gateway.servers import Link
from tests.webhook_gateway.test_intake import BODY, post


@pytest.fixture
def linked(start: Start, link: Link, postgres: str) -> httpx.Client:
    """A gateway that keeps endpoints in memory and reaches its database over the link."""
    parts = urlsplit(postgres)
    netloc = parts.netloc.replace(f":{parts.port}", f":{link.port}")
    address = parts._replace(netloc=netloc).geturl()
    client = start(address=address, cache_seconds=60, connect_seconds=3, statement_seconds=3)
    wait_until(lambda: client.get("/readyz").status_code == 200, what="readiness")
    return client


def test_without_database_503_and_it_recovers_by_itself(
    linked: httpx.Client, link: Link, endpoint: Created, conn: Connection[Any]
):
    assert post(linked, endpoint, b"before").status_code == 200

    link.cut()
    answers = [post(linked, endpoint, b"during %d" % number) for number in range(3)]

    assert {answer.status_code for answer in answers} == {503}
    assert answers[0].json()["error"] == "overloaded"
    assert int(answers[0].headers["retry-after"]) >= 1

    link.mend()
    wait_until(
        lambda: post(linked, endpoint, b"after").status_code == 200, what="the gateway to recover"
    )
    repeated = [post(linked, endpoint, b"during %d" % number) for number in range(3)]
    assert {answer.json()["status"] for answer in repeated} == {"accepted"}
    assert count(conn, "platform.webhook_inbox") == 5


def test_it_starts_without_database(linked: httpx.Client, link: Link, endpoint: Created):
    link.cut()

    assert post(linked, endpoint).status_code == 503
    assert linked.get("/healthz").status_code == 200
    assert linked.get("/readyz").json() == {
        "status": "unavailable",
        "failed": ["database", "migrations"],
    }

    link.mend()
    wait_until(lambda: linked.get("/readyz").status_code == 200, what="readiness")
    assert post(linked, endpoint).status_code == 200


def test_a_lost_answer_of_the_database_makes_a_duplicate_not_a_second_row(
    linked: httpx.Client, link: Link, endpoint: Created, conn: Connection[Any]
):
    assert post(linked, endpoint, b"before").status_code == 200
    link.is_losing_answers = True

    assert post(linked, endpoint).status_code == 503
    assert count(conn, "platform.webhook_inbox") == 2

    link.is_losing_answers = False
    again = wait_until(
        lambda: (answer := post(linked, endpoint)).status_code == 200 and answer,
        what="the gateway to recover",
    )
    assert again
    assert again.json()["status"] == "duplicate"
    assert count(conn, "platform.webhook_inbox") == 2


def test_a_blocked_database_is_503_within_the_statement_time(
    start: Start, endpoint: Created, conn: Connection[Any]
):
    client = start(statement_seconds=3, cache_seconds=60)
    assert post(client, endpoint, b"before").status_code == 200

    with conn.transaction():
        conn.execute("LOCK TABLE platform.webhook_dedupe IN ACCESS EXCLUSIVE MODE")
        assert post(client, endpoint).status_code == 503

    assert post(client, endpoint).json()["status"] == "accepted"


def test_one_delivery_that_cannot_be_stored_does_not_take_others_along(
    start: Start, endpoint: Created, conn: Connection[Any]
):
    """All wait behind a lock, so that they come into one batch."""
    conn.execute(
        "ALTER TABLE platform.webhook_inbox"
        " ADD CONSTRAINT refused CHECK (body <> convert_to('bad', 'UTF8'))"
    )
    client = start(cache_seconds=60)
    assert post(client, endpoint, b"first").status_code == 200
    bodies = [b"1", b"bad", b"2", b"3"]
    found: dict[bytes, int] = {}

    def deliver(body: bytes) -> None:
        found[body] = post(client, endpoint, body).status_code

    threads = [threading.Thread(target=deliver, args=(body,)) for body in [b"0", *bodies]]
    with conn.transaction():
        conn.execute("LOCK TABLE platform.webhook_dedupe IN ACCESS EXCLUSIVE MODE")
        for thread in threads:
            thread.start()
        wait_until(lambda: waiters(conn), what="the first batch to wait")
    for thread in threads:
        thread.join()

    assert found == {b"0": 200, b"1": 200, b"bad": 503, b"2": 200, b"3": 200}


def test_a_vanished_endpoint_is_not_acknowledged(
    start: Start, endpoint: Created, conn: Connection[Any]
):
    client = start(cache_seconds=60)
    assert post(client, endpoint, b"first").status_code == 200
    conn.execute("DELETE FROM platform.webhook_endpoint")

    assert post(client, endpoint, BODY).status_code == 503
    assert count(conn, "platform.webhook_inbox") == 1
