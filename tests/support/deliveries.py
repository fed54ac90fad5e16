"""Deliveries as the gateway stores them."""

import hashlib
from typing import Any, LiteralString
from uuid import uuid4

from psycopg import Connection
from uuid_utils.compat import uuid7

from assets.deliveries import Server
from resources.registry import default_resources
from sandbox.runner import Sandbox
from schemabase_dagster import webhooks
from schemabase_dagster.inbox import Delivery
from schemabase_dagster.tenancy import App

_INSERT: LiteralString = """
INSERT INTO platform.webhook_inbox (
    id, endpoint_id, tenant_id, app_id, provider, event_type, dedupe_key, method, headers, body,
    content_type, verify_scheme, trace_id)
VALUES (%s, %s, %s, %s, %s, 'order_updated', %s, 'POST', '{}', %s, %s, 'path_only', 'trace')
"""


def delivery(endpoint_id: str, body: bytes, **changes: Any) -> Delivery:
    """Return a verified delivery that is ready to be stored; its key is the body's hash."""
    digest = hashlib.sha256(body).digest()
    made = Delivery(
        uuid7(), endpoint_id, "order_updated", digest, None, digest, "POST", None, '{"a": "b"}',
        "application/json", body, "path_only", "127.0.0.1", "tr_1", None,
    )  # fmt: skip
    return made._replace(**changes)


def put_delivery(
    conn: Connection[Any],
    app: App,
    sandbox: Sandbox | None,
    order: str = "",
    *,
    body: bytes | None = None,
    content_type: str | None = None,
) -> None:
    """Store a due delivery: ``body``, or one that speaks of an order of ``acme``'s shop."""
    made = webhooks.create_endpoint(conn, app, {"scheme": "path_only", "reason": "test"})
    if body is None and sandbox is not None:
        body = sandbox.control.prepare_webhook("acme", "saleor", order)["body"].encode()
    values = (uuid7(), made.endpoint_id, app.tenant_id, app.id, app.type, uuid4().bytes, body,
              content_type)  # fmt: skip
    conn.execute(_INSERT, values)


def serve(system: str) -> None:
    """Process what is due of a system of ``acme``, as a run does that waits for nothing more."""
    opened = default_resources()[system].open
    list(Server("acme", system, opened, "run", linger_seconds=0.0).serve())
