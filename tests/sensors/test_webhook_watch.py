"""Without the watch nobody learns of senders that fell silent, or of deliveries that all fail."""

from typing import Any

import pytest
from psycopg import Connection

from schemabase_dagster import inbox, webhooks
from schemabase_dagster.tenancy import App
from sensors.webhook_watch import watch
from tests.support.deliveries import delivery
from tests.support.rows import count, one


@pytest.fixture
def endpoint_id(conn: Connection[Any], saleor_app: App) -> str:
    """An endpoint of the shop."""
    options = {"scheme": "path_only", "reason": "a test"}
    return webhooks.create_endpoint(conn, saleor_app, options).endpoint_id


def test_nothing_is_told_while_all_is_well(conn: Connection[Any], endpoint_id: str):
    inbox.insert_batch(conn, [delivery(endpoint_id, b"1")])

    assert watch() == []
    assert count(conn, "platform.alert") == 0


def test_an_endpoint_that_mostly_fails_is_paused_until_a_person_resumes_it(
    conn: Connection[Any], saleor_app: App, endpoint_id: str
):
    inbox.insert_batch(conn, [delivery(endpoint_id, b"%d" % number) for number in range(25)])
    claimed = inbox.claim(conn, saleor_app.tenant_id, "saleor", worker="w")
    inbox.settle(conn, claimed, "failed", "no")

    (told,) = watch()

    assert told.key == f"breaker/{endpoint_id}"
    found = webhooks.get_endpoint(conn, endpoint_id)
    assert found.paused_at is not None
    assert found.paused_reason == "25 of 25 attempts failed within ten minutes"
    held = "SELECT count(*) AS held FROM platform.webhook_inbox WHERE next_attempt_at = 'infinity'"
    assert one(conn, held) == {"held": 25}
    assert watch() == []

    assert webhooks.resume_endpoint(conn, endpoint_id) == 25
    assert watch() == []
    assert len(inbox.claim(conn, saleor_app.tenant_id, "saleor", worker="w")) == 25


def test_a_silent_sender_is_told_once_an_hour(conn: Connection[Any], endpoint_id: str):
    conn.execute(
        "INSERT INTO platform.webhook_activity SELECT %s, current_date - n, 9,"
        " now() - interval '2 days', 60 FROM generate_series(2, 6) AS n",
        (endpoint_id,),
    )

    assert [each.key for each in watch()] == [f"silence/{endpoint_id}"]
    watch()

    told = one(conn, "SELECT message, count FROM platform.alert")
    assert told["count"] == 2
    assert "saleor has sent 'acme' no webhook for 48.0 hours" in told["message"]


def test_deliveries_that_wait_for_long_are_told(conn: Connection[Any], endpoint_id: str):
    inbox.insert_batch(conn, [delivery(endpoint_id, b"1")])
    conn.execute(
        "UPDATE platform.webhook_inbox SET next_attempt_at = now() - interval '11 minutes'"
    )

    assert [each.key for each in watch()] == ["inbox/saleor"]


def test_a_retry_that_is_just_due_has_not_waited(conn: Connection[Any], endpoint_id: str):
    inbox.insert_batch(conn, [delivery(endpoint_id, b"1")])
    conn.execute("UPDATE platform.webhook_inbox SET received_at = now() - interval '1 hour'")

    assert watch() == []


def test_a_missing_partition_is_told(conn: Connection[Any], endpoint_id: str):
    inbox.insert_batch(conn, [delivery(endpoint_id, b"1")])
    conn.execute("UPDATE platform.webhook_inbox SET received_at = now() + interval '20 days'")

    assert [each.key for each in watch()] == ["inbox/partitions"]
