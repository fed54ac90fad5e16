"""Without these, what a shop could not deliver is found hours later, or never."""

from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from assets.deliveries import Server
from resources.saleor.resource import SaleorResource
from sandbox.runner import Sandbox
from sandbox.saleor.installed import InstalledApp
from schemabase_dagster import webhooks
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.errors import ProviderRejected
from schemabase_dagster.tenancy import App
from tests.support.rows import count, one, rows, value, versions

NOWHERE = "http://127.0.0.1:9/v1/webhooks/saleor/x"
HOOK = {"targetUrl": NOWHERE, "asyncEvents": ["ORDER_UPDATED"], "query": "subscription"}


@pytest.fixture
def missed(sandbox: Sandbox) -> str:
    """An order whose event the shop of ``acme`` gave up to deliver."""
    account = sandbox.state.accounts["acme"]
    manifest = {"name": "Schemabase", "webhooks": [HOOK]}
    account.shop.apps.append(InstalledApp(1, manifest, account.world.merchant.shop_token))
    (order,) = sandbox.control.change_orders("acme", "saleor", 1, kind="note")
    (outcome,) = sandbox.control.tell_apps("acme", [order], retry_seconds=(0.0,))
    assert outcome["statuses"] == [0, 0]
    return order


def look(app: App) -> SyncResult:
    """Ask the shop for what it could not deliver."""
    stream = registry.streams()["saleor_missed_deliveries"]
    with SaleorResource(attempts=1).open(app) as client:
        return sync_stream(client, stream, app, PullOptions())


def test_what_was_missed_is_read_again(conn: Connection[Any], saleor_app: App, missed: str):
    made = webhooks.create_endpoint(conn, saleor_app, {"scheme": "path_only", "reason": "test"})

    look(saleor_app)

    row = one(conn, "SELECT endpoint_id, event_type, verify_scheme FROM platform.webhook_inbox")
    assert row == {
        "endpoint_id": made.endpoint_id,
        "event_type": "order_updated",
        "verify_scheme": "read_from_source",
    }
    list(Server("acme", "saleor", SaleorResource().open, "run", linger_seconds=0.0).serve())
    assert value(conn, "SELECT external_id FROM raw.saleor_orders") == missed


def test_it_is_taken_up_once(conn: Connection[Any], saleor_app: App, missed: str):
    webhooks.create_endpoint(conn, saleor_app, {"scheme": "path_only", "reason": "test"})
    first = look(saleor_app)
    written = versions(conn, "platform.webhook_dedupe")

    second = look(saleor_app)

    assert (first.changed, second.changed, second.unchanged) == (1, 0, 1)
    assert versions(conn, "platform.webhook_dedupe") == written
    assert count(conn, "platform.webhook_inbox") == 1


def test_without_an_endpoint_it_is_only_shown(conn: Connection[Any], saleor_app: App, missed: str):
    look(saleor_app)

    (row,) = rows(conn, "SELECT payload FROM raw.saleor_missed_deliveries")
    assert row["payload"]["eventType"] == "ORDER_UPDATED"
    assert count(conn, "platform.webhook_inbox") == 0


def test_an_app_without_webhooks_missed_nothing(conn: Connection[Any], saleor_app: App):
    assert look(saleor_app).read == 0


def test_a_refusal_does_not_say_that_the_token_is_bad(
    conn: Connection[Any], saleor_app: App, sandbox: Sandbox
):
    sandbox.control.add_fault("expired_token", "acme", "saleor", match="MissedDeliveries")

    with pytest.raises(ProviderRejected):
        look(saleor_app)
