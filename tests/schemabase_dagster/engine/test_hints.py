"""Webhooks to raw: what is read again, what is landed as it came, how each delivery ends."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from psycopg import Connection

from assets import registry
from assets.contacts.saleor import SALEOR_CUSTOMERS
from assets.orders.saleor import SALEOR_ORDERS
from assets.orders.zoho import ZOHO_SALES_ORDERS
from assets.products.saleor import SALEOR_PRODUCTS
from assets.variants.saleor import SALEOR_VARIANTS
from schemabase_dagster import inbox, webhooks
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.hints import HELD_SECONDS, land_webhooks
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.errors import (
    CredentialError,
    ProviderUnavailable,
    RateLimited,
    SchemabaseError,
)
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import NOON, at, saleor_order, zoho_order
from tests.support import deliveries, shops
from tests.support.rows import count, one, rows, value
from tests.support.source import Source


def deliver(conn: Connection[Any], app: App, *bodies: Any) -> list[UUID]:
    """Store deliveries to a new endpoint of the app."""
    options = {"scheme": "path_only", "reason": "a test"}
    endpoint_id = webhooks.create_endpoint(conn, app, options).endpoint_id
    made = [
        deliveries.delivery(endpoint_id, body if isinstance(body, bytes) else orjson.dumps(body))
        for body in bodies
    ]
    return [each.inbox_id for each in inbox.insert_batch(conn, made) if each]


def hint(*ids: str) -> dict[str, Any]:
    return {"orders": [{"id": each} for each in ids]}


def land(source: Source, app: App) -> SyncResult:
    streams = list(registry.streams_of(app.type).values())
    return land_webhooks(source, streams, app, run_id="run", worker="run").result


def status(conn: Connection[Any], inbox_id: UUID) -> tuple[str, str | None]:
    row = one(conn, "SELECT status, last_error FROM platform.webhook_inbox WHERE id = %s",
              (inbox_id,))  # fmt: skip
    return row["status"], row["last_error"]


def test_hinted_records_are_read_again_once_each(conn: Connection[Any], shop: App):
    source = Source(SALEOR_ORDERS, saleor_order("a"), saleor_order("b"))
    stored = deliver(conn, shop, hint("a"), hint("b", "a"), hint("a", "c"))

    result = land(source, shop)

    assert sorted(source.fetched) == ["a", "b", "c"]
    assert set(source.lanes) == {"webhook"}
    assert (result.read, result.changed, result.deleted, result.api_calls) == (2, 2, 0, 3)
    assert 0 < result.seconds < 180
    assert {status(conn, each) for each in stored} == {("processed", None)}
    landed = one(conn, "SELECT via, run_id FROM raw.saleor_orders WHERE external_id = 'a'")
    assert landed == {"via": "webhook", "run_id": "run"}
    assert value(conn, "SELECT DISTINCT run_id FROM platform.webhook_inbox") == "run"


def test_a_hinted_record_that_is_gone_is_marked_deleted(conn: Connection[Any], shop: App, put):
    put(shop, "saleor_orders", saleor_order("a"), saleor_order("b"))
    deliver(conn, shop, hint("a"))

    result = land(Source(SALEOR_ORDERS), shop)

    assert (result.read, result.deleted) == (1, 1)
    gone = rows(conn, "SELECT external_id FROM raw.saleor_orders WHERE deleted_at IS NOT NULL")
    assert [row["external_id"] for row in gone] == ["a"]


def test_a_whole_record_is_landed_without_a_call(conn: Connection[Any], books: App):
    source = Source(ZOHO_SALES_ORDERS)
    (stored,) = deliver(conn, books, {"salesorder": zoho_order("1")})

    result = land(source, books)

    assert (result.changed, result.api_calls, source.fetched) == (1, 0, [])
    assert status(conn, stored) == ("processed", None)
    row = one(conn, "SELECT source_updated_at, read_at FROM raw.zoho_sales_orders")
    received = value(conn, "SELECT received_at FROM platform.webhook_inbox")
    assert row == {"source_updated_at": NOON, "read_at": received}


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["as is", "reversed"])
def test_of_several_deliveries_of_one_record_the_newest_counts(
    conn: Connection[Any], books: App, order: slice
):
    bodies = [{"salesorder": zoho_order("1", total=n, modified=at(n))} for n in (1, 2, 3)]
    deliver(conn, books, *bodies[order])

    result = land(Source(ZOHO_SALES_ORDERS), books)

    assert (result.read, result.changed, result.unchanged) == (3, 1, 2)
    assert value(conn, "SELECT payload->'total' FROM raw.zoho_sales_orders") == 3


def test_a_delivery_that_is_older_than_a_pull_changes_nothing(
    conn: Connection[Any], books: App, put
):
    put(books, "zoho_sales_orders", zoho_order("1", total=2, modified=at(10)))
    queued = count(conn, "platform.todo")
    (stored,) = deliver(conn, books, {"salesorder": zoho_order("1", total=1, modified=at(5))})

    result = land(Source(ZOHO_SALES_ORDERS), books)

    assert (result.read, result.unchanged, result.changed) == (1, 1, 0)
    assert status(conn, stored) == ("processed", None)
    assert value(conn, "SELECT payload->'total' FROM raw.zoho_sales_orders") == 2
    assert count(conn, "platform.todo") == queued


def test_what_concerns_no_stream_is_ignored_with_the_reason(conn: Connection[Any], shop: App):
    ignored, done = deliver(conn, shop, {"page": {"id": "p"}}, hint("a"))

    land(Source(SALEOR_ORDERS, saleor_order("a")), shop)

    assert status(conn, ignored) == ("ignored", "no stream is concerned")
    assert status(conn, done) == ("processed", None)


def test_what_is_no_json_dies_with_the_reason_and_the_rest_is_processed(
    conn: Connection[Any], shop: App
):
    dead, done = deliver(conn, shop, b"{not json", hint("a"))

    result = land(Source(SALEOR_ORDERS, saleor_order("a")), shop)

    assert status(conn, dead) == ("dead", "permanent: the body is not valid JSON")
    assert status(conn, done) == ("processed", None)
    assert result.changed == 1


def test_a_record_that_cannot_be_stored_is_rejected_and_its_delivery_done(
    conn: Connection[Any], books: App
):
    (stored,) = deliver(conn, books, {"salesorder": zoho_order("1", notes="a\0b")})

    result = land(Source(ZOHO_SALES_ORDERS), books)

    assert (result.read, result.rejected) == (1, 1)
    assert status(conn, stored) == ("processed", None)
    assert value(conn, "SELECT code FROM platform.rejects") == "nul_character"


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        pytest.param(CredentialError("acme", "shop", "denied"), HELD_SECONDS, id="credentials"),
        pytest.param(RateLimited("saleor", "get"), HELD_SECONDS, id="limit"),
        pytest.param(RateLimited("saleor", "get", retry_after=7.0), 7.0, id="limit with a time"),
    ],
)
def test_a_fault_that_is_not_theirs_costs_deliveries_no_attempt(
    conn: Connection[Any], shop: App, error: SchemabaseError, wait: float
):
    source = Source(SALEOR_ORDERS)
    source.fails_on, source.error = "a", error
    (stored,) = deliver(conn, shop, hint("a"))

    with pytest.raises(type(error)):
        land(source, shop)

    row = one(conn, "SELECT status, attempts, last_error, next_attempt_at "
                    "FROM platform.webhook_inbox WHERE id = %s", (stored,))  # fmt: skip
    assert (row["status"], row["attempts"]) == ("received", 0)
    assert row["last_error"] == type(error).__name__
    left = row["next_attempt_at"] - utc_now()
    assert timedelta(seconds=wait - 5) < left <= timedelta(seconds=wait)


def test_a_fault_that_may_be_theirs_counts_and_is_tried_again(conn: Connection[Any], shop: App):
    source = Source(SALEOR_ORDERS, saleor_order("b"))
    source.fails_on = "a"
    source.error = ProviderUnavailable("saleor", "get", status=502, retry_after=500.0)
    stored = deliver(conn, shop, hint("b"), hint("a"))

    result = land(source, shop)

    assert (result.partial, result.read, result.api_calls) == (True, 0, 2)
    assert 0 <= result.seconds < 180
    assert count(conn, "raw.saleor_orders") == 0
    found = rows(conn, "SELECT status, attempts, last_error, run_id, next_attempt_at "
                       "FROM platform.webhook_inbox")  # fmt: skip
    assert {(row["status"], row["attempts"], row["run_id"]) for row in found} == {
        ("failed", 1, "run")
    }
    assert "HTTP 502" in found[0]["last_error"]
    assert all(row["next_attempt_at"] - utc_now() > timedelta(seconds=490) for row in found)
    assert len(stored) == 2


def test_all_due_deliveries_are_landed_batch_by_batch(conn: Connection[Any], books: App):
    bodies = [{"salesorder": zoho_order(str(n))} for n in range(205)]
    deliver(conn, books, *bodies)

    result = land(Source(ZOHO_SALES_ORDERS), books)

    assert result.changed == 205
    assert value(conn, "SELECT DISTINCT status FROM platform.webhook_inbox") == "processed"


def test_only_the_apps_own_deliveries_are_landed(conn: Connection[Any], tenant: Tenant, shop: App):
    other = shops.unreachable_saleor(conn, tenant, "shop2")
    (own,) = deliver(conn, shop, hint("a"))
    (foreign,) = deliver(conn, other, hint("b"))

    land(Source(SALEOR_ORDERS, saleor_order("a")), shop)

    assert (status(conn, own)[0], status(conn, foreign)[0]) == ("processed", "received")


def test_without_deliveries_nothing_is_asked(shop: App):
    source = Source(SALEOR_ORDERS)

    assert land(source, shop) == SyncResult()
    assert source.calls == 0


@pytest.mark.parametrize(
    ("stream", "field"),
    [
        (SALEOR_CUSTOMERS, "user"),
        (SALEOR_PRODUCTS, "product"),
        (SALEOR_VARIANTS, "productVariant"),
    ],
    ids=["customer", "product", "variant"],
)
def test_what_a_shop_deleted_is_deleted_here(
    conn: Connection[Any], shop: App, put, stream: Stream, field: str
):
    put(shop, stream.name, {"id": "gone", "updatedAt": NOON.isoformat()})
    stored = tell(conn, shop, f"{field}_deleted", {field: {"id": "gone"}})

    result = land(Source(stream), shop)

    assert (result.deleted, status(conn, stored)) == (1, ("processed", None))


def install(conn: Connection[Any], app: App, installation: str) -> None:
    """Let an app stand for an installation in its shop."""
    options = {"scheme": "path_only", "reason": "a test"}
    endpoint_id = webhooks.create_endpoint(conn, app, options).endpoint_id
    conn.execute(
        """
        INSERT INTO platform.app_install (tenant_id, app_id, kind, external_id, endpoint_id)
        VALUES (%s, %s, 'entitysync', %s, %s)
        """,
        (app.tenant_id, app.id, installation, endpoint_id),
    )


def tell(conn: Connection[Any], app: App, event: str, body: Any) -> UUID:
    """Store a delivery of an event to a new endpoint of the app."""
    (stored,) = deliver(conn, app, body)
    conn.execute("UPDATE platform.webhook_inbox SET event_type = %s WHERE id = %s", (event, stored))
    return stored


def test_an_app_that_its_shop_took_away_is_disabled(conn: Connection[Any], shop: App):
    install(conn, shop, "QXBwOjc=")
    stored = tell(conn, shop, "app_deleted", {"app": {"id": "QXBwOjc="}})

    result = land(Source(SALEOR_ORDERS), shop)

    assert value(conn, "SELECT enabled FROM platform.app WHERE id = %s", (shop.id,)) is False
    assert value(conn, "SELECT removed_at IS NOT NULL FROM platform.app_install") is True
    assert (status(conn, stored), result.api_calls) == (("processed", None), 0)


def test_it_is_disabled_although_its_token_is_void(conn: Connection[Any], shop: App):
    install(conn, shop, "QXBwOjc=")
    hinted = tell(conn, shop, "order_updated", hint("a"))
    stored = tell(conn, shop, "app_deleted", {"app": {"id": "QXBwOjc="}})
    source = Source(SALEOR_ORDERS)
    source.fails_on, source.error = "a", CredentialError("acme", "shop", "PermissionDenied")

    with pytest.raises(CredentialError):
        land(source, shop)

    assert value(conn, "SELECT enabled FROM platform.app WHERE id = %s", (shop.id,)) is False
    assert status(conn, stored)[0] == "processed"
    assert status(conn, hinted)[0] == "received"


def test_news_of_an_older_installation_disables_nothing(conn: Connection[Any], shop: App):
    install(conn, shop, "QXBwOjg=")
    stored = tell(conn, shop, "app_deleted", {"app": {"id": "QXBwOjc="}})

    land(Source(SALEOR_ORDERS), shop)

    assert value(conn, "SELECT enabled FROM platform.app WHERE id = %s", (shop.id,)) is True
    assert status(conn, stored) == ("ignored", "another installation is gone")
