"""Deliveries: what a run that serves a group takes up, also from a run that was killed."""

from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from resources.registry import default_resources
from resources.saleor.resource import SaleorResource
from sandbox.runner import Sandbox
from schemabase_dagster import database, inbox
from schemabase_dagster.engine.hints import land_webhooks
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.tenancy import App, Tenant
from tests.support.deliveries import put_delivery, serve
from tests.support.rows import count, one, rows, value

MERGED = "SELECT external_id FROM core.external_ref WHERE entity = 'order'"
REFERENCES = "SELECT payload ->> 'reference_number' AS reference_number FROM raw.zoho_invoices"
STATUS = "SELECT status, attempts FROM platform.webhook_inbox"


@pytest.fixture
def delivery(conn: Connection[Any], saleor_app: App, sandbox: Sandbox) -> str:
    """One due delivery; the id of the order it speaks of."""
    (order,) = sandbox.control.change_orders("acme", "saleor", 1, kind="note")
    put_delivery(conn, saleor_app, sandbox, order)
    return order


def die_holding_it(app: App, *, lease_seconds: float) -> None:
    """Claim what is due, as a run does that is killed before it settles."""
    with database.transaction() as other:
        inbox.claim(other, app.tenant_id, app.type, worker="dead", lease_seconds=lease_seconds)


def pull(app: App, stream: str) -> None:
    """Land a stream without merging it, as the first asset of a run does."""
    with default_resources()[app.type].open(app) as client:
        sync_stream(client, registry.streams()[stream], app, PullOptions())


def test_a_killed_runs_deliveries_are_taken_up_after_their_lease(
    conn: Connection[Any], saleor_app: App, delivery: str
):
    die_holding_it(saleor_app, lease_seconds=0.0)

    serve("saleor")

    assert one(conn, STATUS) == {"status": "processed", "attempts": 2}
    assert value(conn, "SELECT external_id FROM raw.saleor_orders") == delivery


def test_a_living_runs_deliveries_are_left_to_it(
    conn: Connection[Any], saleor_app: App, delivery: str
):
    die_holding_it(saleor_app, lease_seconds=60.0)

    serve("saleor")

    assert one(conn, STATUS) == {"status": "claimed", "attempts": 1}


def test_what_a_killed_run_landed_without_merging_is_merged_by_the_next(
    conn: Connection[Any], saleor_app: App, delivery: str
):
    streams = list(registry.streams_of("saleor").values())
    with SaleorResource().open(saleor_app) as client:
        land_webhooks(client, streams, saleor_app, run_id=None, worker="dead")
    assert count(conn, "core.orders") == 0

    serve("saleor")

    assert value(conn, MERGED) == delivery


def test_a_delivery_is_merged_before_what_a_pull_has_landed(
    conn: Connection[Any], saleor_app: App, delivery: str
):
    pull(saleor_app, "saleor_orders")
    landed = count(conn, "platform.todo")

    serve("saleor")

    assert value(conn, MERGED) == delivery
    assert count(conn, "platform.todo") == landed - 1


def test_a_vanished_order_is_merged_at_once(
    conn: Connection[Any], saleor_app: App, sandbox: Sandbox, delivery: str
):
    serve("saleor")
    put_delivery(conn, saleor_app, sandbox, delivery)
    sandbox.control.delete_order("acme", "saleor", delivery)

    serve("saleor")

    assert value(conn, "SELECT count(*) FROM core.orders WHERE deleted_at IS NULL") == 0
    assert value(conn, "SELECT via FROM raw.saleor_orders") == "webhook"


def test_what_refers_to_a_delivered_order_is_merged_with_it(
    conn: Connection[Any], tenant: Tenant, saleor_app: App, zoho_app: App, sandbox: Sandbox
):
    pull(zoho_app, "zoho_invoices")
    merge_entity(registry.entities()["invoice"], tenant, registry.streams())
    billed = {row["reference_number"] for row in rows(conn, REFERENCES)}
    order = next(
        row["saleor_id"]
        for row in sandbox.control.truth("acme")
        if "saleor_id" in row and row["number"] in billed
    )
    put_delivery(conn, saleor_app, sandbox, order)

    serve("saleor")

    assert count(conn, "core.orders") == 1
    assert count(conn, "core.invoice_orders") >= 1
    assert count(conn, "platform.todo") == 0
