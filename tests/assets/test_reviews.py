"""Reviews from the stand-in to the view: streams, matching, checks, what Dagster shows."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg import Connection

from assets import metadata, registry
from assets.checking import Verdict
from assets.syncing import Done
from resources.registry import default_resources
from resources.reviewsio import REVIEWSIO
from sandbox.runner import Sandbox
from schemabase_dagster import inbox, webhooks
from schemabase_dagster.engine.hints import land_webhooks
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.tenancy import App, Tenant
from tests.support import deliveries, shops
from tests.support.pulls import pull
from tests.support.rows import count, one, rows, value, versions
from tests.support.shops import Filled

KINDS = [("reviewsio_product_reviews", "product_reviews"),
         ("reviewsio_merchant_reviews", "merchant_reviews")]  # fmt: skip
MERCHANT = "acme"


def merge(tenant: Tenant, *entities: str) -> SyncResult:
    result = SyncResult()
    for entity in entities:
        result += merge_entity(registry.entities()[entity], tenant, registry.streams())
    return result


def check(conn: Connection[Any], tenant: Tenant, name: str) -> Verdict:
    (found,) = [each for each in registry.checks() if each.name == name]
    return found.evaluate(conn, tenant)


@pytest.fixture(scope="module")
def synced(filled: Filled) -> Iterator[str]:
    """A database with all orders and reviews of the merchant in core."""

    def fill(conn: Connection[Any], tenant: Tenant, sandbox: Sandbox) -> None:
        for stream, _ in KINDS:
            pull(shops.add_reviewsio(conn, tenant, sandbox), stream)
        pull(shops.add_saleor(conn, tenant, sandbox), "saleor_orders")
        pull(shops.add_zoho(conn, tenant, sandbox), "zoho_sales_orders")
        merge(tenant, "review", "order", "review")

    with filled(fill) as name:
        yield name


@pytest.fixture
def everything(synced: str, reviewsio_app: App) -> App:
    """All orders and reviews of the merchant in core; the app of the reviews."""
    return reviewsio_app


@pytest.mark.parametrize(("stream", "entity"), KINDS)
def test_every_review_lands_and_a_second_pull_changes_nothing(
    conn: Connection[Any], reviewsio_app: App, sandbox: Sandbox, stream: str, entity: str
):
    first = pull(reviewsio_app, stream)
    before = versions(conn, f"raw.{stream}")
    second = pull(reviewsio_app, stream, full=True)

    expected = len(sandbox.control.ids(MERCHANT, "reviewsio", entity))
    assert (first.changed, first.rejected) == (expected, 0)
    # the second listing is an incremental one and then a whole one
    assert (second.changed, second.deleted) == (0, 0)
    assert versions(conn, f"raw.{stream}") == before


@pytest.mark.parametrize(("stream", "entity"), KINDS)
def test_an_incremental_pull_reads_the_new_reviews_only(
    reviewsio_app: App, sandbox: Sandbox, stream: str, entity: str
):
    pull(reviewsio_app, stream)
    sandbox.control.new_reviews(MERCHANT, entity, 3)

    result = pull(reviewsio_app, stream)

    assert result.changed == 3
    assert result.read < len(sandbox.control.ids(MERCHANT, "reviewsio", entity)) / 2
    assert result.api_calls == 1


@pytest.mark.parametrize(("stream", "entity"), KINDS)
def test_an_edit_of_an_old_review_shows_in_a_full_sync(
    conn: Connection[Any],
    tenant: Tenant,
    reviewsio_app: App,
    sandbox: Sandbox,
    stream: str,
    entity: str,
):
    pull(reviewsio_app, stream)
    merge(tenant, "review")
    (old, *_) = sandbox.control.ids(MERCHANT, "reviewsio", entity)
    sandbox.control.edit_review(MERCHANT, entity, old, rating=2, reply="So sorry!")

    incremental = pull(reviewsio_app, stream)
    full = pull(reviewsio_app, stream, full=True)
    merged = merge(tenant, "review")

    assert (incremental.changed, full.changed, merged.changed) == (0, 1, 1)
    row = one(
        conn,
        "SELECT rating, reply_body FROM core.reviews WHERE review_key LIKE %s",
        (f"%-{old}",),
    )
    assert row == {"rating": 2, "reply_body": "So sorry!"}


@pytest.mark.parametrize(("stream", "entity"), KINDS)
def test_a_removed_review_is_marked_by_a_full_sync(
    conn: Connection[Any],
    tenant: Tenant,
    reviewsio_app: App,
    sandbox: Sandbox,
    stream: str,
    entity: str,
):
    pull(reviewsio_app, stream)
    merge(tenant, "review")
    before = count(conn, "analytics.fct_review")
    (old, *_) = sandbox.control.ids(MERCHANT, "reviewsio", entity)
    sandbox.control.delete_review(MERCHANT, entity, old)

    result = pull(reviewsio_app, stream, full=True)
    merge(tenant, "review")

    assert result.deleted == 1
    assert count(conn, "analytics.fct_review") == before - 1
    assert value(conn, "SELECT review_key FROM core.reviews WHERE deleted_at IS NOT NULL").endswith(
        f"-{old}"
    )


@pytest.mark.parametrize("kind", ["missing_field", "mistyped_field", "no_id", "nul_text"])
def test_one_bad_review_stops_no_other(
    conn: Connection[Any], tenant: Tenant, reviewsio_app: App, sandbox: Sandbox, kind: str
):
    stream, entity = KINDS[0]
    sandbox.control.add_fault(kind, MERCHANT, "reviewsio", path="rating")
    pull(reviewsio_app, stream)
    merge(tenant, "review")

    total = len(sandbox.control.ids(MERCHANT, "reviewsio", entity))
    assert count(conn, "core.reviews") == total - 1
    assert count(conn, "platform.rejects") == 1


def test_ratings_cover_what_is_reviewed_or_sold_and_vanish_with_their_reviews(
    conn: Connection[Any], everything: App, sandbox: Sandbox
):
    first = pull(everything, "reviewsio_product_ratings")
    again = pull(everything, "reviewsio_product_ratings")
    reviews = rows(conn, "SELECT sku, count(*) AS n FROM analytics.fct_review "
                         "WHERE review_type = 'product' GROUP BY sku")  # fmt: skip
    ratings = rows(conn, "SELECT external_id AS sku, (payload ->> 'num_ratings')::int AS n "
                         "FROM raw.reviewsio_product_ratings")  # fmt: skip
    odd = sandbox.control.planted(MERCHANT)["unknown_sku"]
    sandbox.control.delete_review(MERCHANT, "product_reviews", odd["reviewsio"])
    gone = pull(everything, "reviewsio_product_ratings")

    assert first.changed == len(reviews)
    assert (again.changed, again.unchanged) == (0, first.changed)
    assert sorted(map(str, ratings)) == sorted(map(str, reviews))
    assert gone.deleted == 1


def test_reviews_are_linked_to_the_orders_they_follow(conn: Connection[Any], everything: App):
    unlinked = rows(
        conn,
        "SELECT order_number FROM core.reviews WHERE order_number IS NOT NULL AND order_id IS NULL",
    )
    days = value(conn, "SELECT min(days_after_order) FROM analytics.fct_review")

    assert everything.key == "reviews"
    assert [row["order_number"] for row in unlinked] == ["STORE-999999999"]
    assert days >= 0


def test_checks_find_exactly_what_is_planted(
    conn: Connection[Any], tenant: Tenant, everything: App
):
    skus = check(conn, tenant, "unknown_skus")
    orders = check(conn, tenant, "unknown_orders")

    assert everything.key == "reviews"
    assert [row["sku"] for row in skus.rows] == ["OLD-SKU-2019"]
    assert [row["order_number"] for row in orders.rows] == ["STORE-999999999"]
    assert (skus.passed, orders.passed) == (False, False)


def test_checks_pass_without_reviews(conn: Connection[Any], tenant: Tenant):
    assert check(conn, tenant, "unknown_skus").passed
    assert check(conn, tenant, "unknown_orders").passed


def test_samples_name_nobody(conn: Connection[Any], tenant: Tenant, everything: App):
    done = Done(tenant=tenant, result=SyncResult())

    told = metadata.core_metadata(conn, registry.entities()["review"], done, picture=True)

    assert everything.key == "reviews"
    assert set(told["latest_changes"].records[0].data) == {
        "review_key", "reviewed_at", "review_type", "rating", "sku", "order_number",
    }  # fmt: skip
    assert "reviews_per_day" in told


def test_replay_maps_in_place_and_writes_nothing(
    conn: Connection[Any], tenant: Tenant, everything: App
):
    before = versions(conn, "core.reviews")

    queued = replay(tenant, registry.streams_of(everything.type).values())
    result = merge(tenant, "review")

    assert queued == result.read == len(before)
    assert result.changed == 0
    assert versions(conn, "core.reviews") == before


@pytest.mark.parametrize(("stream", "entity"), KINDS)
def test_a_delivery_makes_the_review_be_read_again(
    conn: Connection[Any],
    tenant: Tenant,
    reviewsio_app: App,
    sandbox: Sandbox,
    stream: str,
    entity: str,
):
    pull(reviewsio_app, stream)
    merge(tenant, "review")
    (old, *_) = sandbox.control.ids(MERCHANT, "reviewsio", entity)
    sandbox.control.edit_review(MERCHANT, entity, old, rating=2, reply="So sorry!")
    stale = sandbox.control.prepare_webhook(MERCHANT, "reviewsio", old, entity=entity)
    sandbox.control.edit_review(MERCHANT, entity, old, rating=3, reply="Better?")

    landed = deliver(conn, reviewsio_app, stale["body"].encode())
    merge(tenant, "review")

    assert (landed.changed, landed.rejected, landed.deleted) == (1, 0, 0)
    row = one(conn, "SELECT rating, reply_body FROM core.reviews WHERE review_key LIKE %s",
              (f"%-{old}",))  # fmt: skip
    assert row == {"rating": 3, "reply_body": "Better?"}


def test_a_delivery_about_a_review_that_is_not_shown_deletes_nothing(
    conn: Connection[Any], reviewsio_app: App, sandbox: Sandbox
):
    stream, entity = KINDS[0]
    pull(reviewsio_app, stream)
    (old, *_) = sandbox.control.ids(MERCHANT, "reviewsio", entity)
    body = sandbox.control.prepare_webhook(MERCHANT, "reviewsio", old, entity=entity)["body"]
    sandbox.control.delete_review(MERCHANT, entity, old)

    landed = deliver(conn, reviewsio_app, body.encode())

    assert (landed.changed, landed.deleted) == (0, 0)
    assert value(conn, "SELECT status FROM platform.webhook_inbox") == "processed"


def deliver(conn: Connection[Any], app: App, body: bytes) -> SyncResult:
    """Store a delivery as the gateway does, and land it."""
    verification = dict(REVIEWSIO.verification(None))
    endpoint = webhooks.create_endpoint(conn, app, verification)
    inbox.insert_batch(conn, [deliveries.delivery(endpoint.endpoint_id, body, event_type=None)])
    streams = list(registry.streams_of(app.type).values())
    with default_resources()[app.type].open(app) as client:
        return land_webhooks(client, streams, app, run_id="run", worker="run").result
