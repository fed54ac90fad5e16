"""What is held is released when its reason is gone, and only then."""

from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from schemabase_dagster import inbox, webhooks
from schemabase_dagster.tenancy import App, Tenant
from tests.schemabase_dagster.inbox.deliveries import add_endpoint, claim, store


def test_released_are_only_those_whose_reason_is_gone(
    conn: Connection[Any], tenant: Tenant, app: App, endpoint_id: str
):
    paused = add_endpoint(conn, app)
    webhooks.pause_endpoint(conn, paused)
    store(conn, paused, b"1", held="paused")
    store(conn, endpoint_id, b"2", held="entitlement")
    assert inbox.release_held(conn, uuid4()) == 0

    assert inbox.release_held(conn, tenant.id) == 1
    assert [row.body for row in claim(conn, app)] == [b"2"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("next_attempt_at = now() + interval '1 hour'", id="waits for its turn"),
        pytest.param("status = 'dead'", id="is dead"),
    ],
)
def test_what_is_not_held_is_not_released(
    conn: Connection[Any], app: App, endpoint_id: str, change: str
):
    store(conn, endpoint_id, b"held", held="entitlement")
    (other,) = store(conn, endpoint_id, b"other", held="entitlement")
    conn.execute(f"UPDATE platform.webhook_inbox SET {change} WHERE id = %s", (other,))

    assert inbox.release_held(conn) == 1
    assert [row.body for row in claim(conn, app)] == [b"held"]


def test_what_an_archived_tenant_was_sent_stays_held(
    conn: Connection[Any], tenant: Tenant, endpoint_id: str
):
    store(conn, endpoint_id, b"1", held="archived")
    conn.execute("UPDATE platform.tenant SET active = false")

    assert inbox.release_held(conn) == 0
