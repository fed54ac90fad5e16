"""raw/generic_events: what a sender without a module posts, once and as it came."""

from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from resources.generic import GENERIC, GenericConfig
from resources.generic.resource import GenericResource
from resources.generic.system import VERIFICATION
from schemabase_dagster import schemes, tenancy
from schemabase_dagster.engine.hints import land_webhooks
from schemabase_dagster.tenancy import App, Tenant
from tests.support.deliveries import put_delivery
from tests.support.rows import rows
from webhook_gateway.providers import provider, providers


@pytest.fixture
def other(conn: Connection[Any], tenant: Tenant) -> App:
    return tenancy.add_app(conn, tenant, GENERIC, "other", {}, {}, ["generic_events"])


def test_different_events_are_rows_and_bodies_that_are_no_json_dead(
    conn: Connection[Any], other: App
):
    for body in (b'{"a":1}', b'{ "a": 1 }', b"[2]", b"{"):
        put_delivery(conn, other, None, body=body, content_type="application/json")

    with GenericResource().open(other) as client:
        streams = list(registry.streams_of("generic").values())
        land_webhooks(client, streams, other, run_id=None, worker="test")

    assert rows(conn, "SELECT payload - 'id' AS event FROM raw.generic_events ORDER BY 1") == [
        {"event": {"event_type": "order_updated", "payload": payload}}
        for payload in ([2], {"a": 1})
    ]
    statuses = rows(conn, "SELECT status FROM platform.webhook_inbox ORDER BY received_at")
    assert [row["status"] for row in statuses] == ["processed"] * 3 + ["dead"]


@pytest.mark.parametrize("sender", VERIFICATION)
def test_every_sender_is_verified_and_has_rules(sender: Any):
    verification = dict(GENERIC.verification(GenericConfig(sender=sender)))

    schemes.resolve(verification)

    rules = verification.get("sender")
    assert rules is None or rules in providers()
    assert provider("generic", rules).name == "generic"
