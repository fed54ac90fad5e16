"""Deliveries: what a run that serves a group takes up, also from a run that was killed."""

from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from assets.deliveries import Server
from resources.saleor.resource import SaleorResource
from sandbox.runner import Sandbox
from schemabase_dagster import database, inbox, webhooks
from schemabase_dagster.engine.hints import land_webhooks
from schemabase_dagster.tenancy import App
from tests.support.rows import count, one, value

STATUS = "SELECT status, attempts FROM platform.webhook_inbox"

INSERT = """
INSERT INTO platform.webhook_inbox (
    endpoint_id, tenant_id, app_id, provider, event_type, dedupe_key, method, headers, body,
    verify_scheme, trace_id)
VALUES (%s, %s, %s, 'saleor', 'order_updated', 'key', 'POST', '{}', %s, 'path_only', 'trace')
"""


@pytest.fixture
def delivery(conn: Connection[Any], saleor_app: App, sandbox: Sandbox) -> str:
    """One due delivery; the id of the order it speaks of."""
    made = webhooks.create_endpoint(conn, saleor_app, {"scheme": "path_only", "reason": "test"})
    (order,) = sandbox.control.change_orders("acme", "saleor", 1, kind="note")
    body = sandbox.control.prepare_webhook("acme", "saleor", order)["body"].encode()
    conn.execute(INSERT, (made.endpoint_id, saleor_app.tenant_id, saleor_app.id, body))
    return order


def die_holding_it(app: App, *, lease_seconds: float) -> None:
    """Claim what is due, as a run does that is killed before it settles."""
    with database.transaction() as other:
        inbox.claim(other, app.tenant_id, app.type, worker="dead", lease_seconds=lease_seconds)


def serve() -> None:
    """Serve the group until nothing is due."""
    list(Server("acme", "saleor", SaleorResource().open, "run", linger_seconds=0.0).serve())


def test_a_killed_runs_deliveries_are_taken_up_after_their_lease(
    conn: Connection[Any], saleor_app: App, delivery: str
):
    die_holding_it(saleor_app, lease_seconds=0.0)

    serve()

    assert one(conn, STATUS) == {"status": "processed", "attempts": 2}
    assert value(conn, "SELECT external_id FROM raw.saleor_orders") == delivery


def test_a_living_runs_deliveries_are_left_to_it(
    conn: Connection[Any], saleor_app: App, delivery: str
):
    die_holding_it(saleor_app, lease_seconds=60.0)

    serve()

    assert one(conn, STATUS) == {"status": "claimed", "attempts": 1}


def test_what_a_killed_run_landed_without_merging_is_merged_by_the_next(
    conn: Connection[Any], saleor_app: App, delivery: str
):
    streams = list(registry.streams_of("saleor").values())
    with SaleorResource().open(saleor_app) as client:
        land_webhooks(client, streams, saleor_app, run_id=None, worker="dead")
    assert count(conn, "core.orders") == 0

    serve()

    assert value(conn, "SELECT external_id FROM core.external_ref WHERE entity = 'order'") == (
        delivery
    )
