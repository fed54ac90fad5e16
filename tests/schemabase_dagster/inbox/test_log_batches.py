"""Delivered log batches go soon; what was left out stays as long as other deliveries."""

from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from resources.elasticsearch import ELASTICSEARCH
from resources.vercel import VERCEL
from schemabase_dagster import inbox, tenancy
from schemabase_dagster.inbox import log_batches
from schemabase_dagster.inbox.log_batches import DeadDocument, Reject
from schemabase_dagster.tenancy import App, Tenant
from tests.schemabase_dagster.inbox.deliveries import add_endpoint, add_shop, claim, store
from tests.support.rows import count, rows

AGE = "UPDATE platform.webhook_inbox SET received_at = received_at - %s::interval"
BODIES = "SELECT convert_from(body, 'UTF8') AS body FROM platform.webhook_inbox ORDER BY 1"


@pytest.fixture
def site(conn: Connection[Any], tenant: Tenant) -> App:
    """App ``site`` of ``acme``: its log drain."""
    return tenancy.add_app(conn, tenant, VERCEL, "site", {}, {})


def bodies(conn: Connection[Any]) -> list[str]:
    return [row["body"] for row in rows(conn, BODIES)]


@pytest.mark.parametrize(("age", "kept"), [("47 hours", True), ("49 hours", False)])
def test_a_delivered_batch_is_kept_for_two_days(
    conn: Connection[Any], tenant: Tenant, site: App, age: str, kept: bool
):
    shop = add_shop(conn, tenant, "shop")
    for app in (site, shop):
        store(conn, add_endpoint(conn, app), app.key.encode())
        inbox.settle(conn, claim(conn, app), "processed")
    conn.execute(AGE, (age,))

    inbox.purge(conn)

    assert bodies(conn) == (["shop", "site"] if kept else ["shop"])


def test_a_batch_that_waits_or_died_is_kept(conn: Connection[Any], site: App):
    endpoint = add_endpoint(conn, site)
    store(conn, endpoint, b"dead")
    inbox.settle(conn, claim(conn, site), "dead", "broken")
    store(conn, endpoint, b"waits")
    conn.execute(AGE, ("3 days",))

    inbox.purge(conn)

    assert bodies(conn) == ["dead", "waits"]


@pytest.mark.parametrize(("age", "kept"), [("29 days", 1), ("31 days", 0)])
def test_what_was_left_out_is_kept_for_a_month(
    conn: Connection[Any], tenant: Tenant, site: App, age: str, kept: int
):
    config = {"url": "http://localhost:9"}
    sink = tenancy.add_app(conn, tenant, ELASTICSEARCH, "search", config, {"api_key": "canary-key"})
    dead = DeadDocument("id", uuid4(), b"{}", 400, "code", "", "")
    log_batches.keep_dead(conn, sink, [dead])
    log_batches.count_rejects(conn, site, [Reject("missing", "id", 1, b"", uuid4())])
    log_batches.note_delivered(conn, sink, [uuid4()])
    for table, column in (
        ("log_dead_document", "first_at"),
        ("log_reject", "last_at"),
        ("log_delivery", "delivered_at"),
    ):
        conn.execute(f"UPDATE platform.{table} SET {column} = now() - %s::interval", (age,))

    inbox.purge(conn)

    tables = ("log_dead_document", "log_reject", "log_delivery")
    assert [count(conn, f"platform.{table}") for table in tables] == [kept] * 3
