"""What the tests of the inbox share: an endpoint, deliveries to it, claims and states."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from psycopg import Connection

from resources.saleor import SALEOR
from schemabase_dagster import inbox, tenancy, webhooks
from schemabase_dagster.inbox import Delivery, InboxRow
from schemabase_dagster.tenancy import App, Tenant
from tests.support.deliveries import delivery
from tests.support.rows import one

Make = Callable[..., Delivery]


def add_shop(conn: Connection[Any], tenant: Tenant, key: str) -> App:
    config = {"api_url": f"http://localhost:9/{key}/graphql/", "domain": f"{tenant.slug}-{key}"}
    config["order_prefix"] = key.upper()
    return tenancy.add_app(conn, tenant, SALEOR, key, config, {"token": "t" * 30})


def add_endpoint(conn: Connection[Any], app: App) -> str:
    options = {"scheme": "path_only", "reason": "a test"}
    return webhooks.create_endpoint(conn, app, options).endpoint_id


def store(conn: Connection[Any], endpoint_id: str, *bodies: bytes, **changes: Any) -> list[UUID]:
    made = [delivery(endpoint_id, body, **changes) for body in bodies]
    return [each.inbox_id for each in inbox.insert_batch(conn, made) if each]


def claim(conn: Connection[Any], app: App, limit: int = 200, worker: str = "w") -> list[InboxRow]:
    return inbox.claim(conn, app.tenant_id, app.type, limit, worker=worker)


def state(conn: Connection[Any], inbox_id: UUID) -> dict[str, Any]:
    return one(conn, "SELECT * FROM platform.webhook_inbox WHERE id = %s", (inbox_id,))


def hurry(conn: Connection[Any]) -> None:
    """Let all waiting times and leases be over."""
    conn.execute(
        "UPDATE platform.webhook_inbox SET next_attempt_at = now(),"
        " claimed_until = claimed_until - interval '1 day'"
    )
