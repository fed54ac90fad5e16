"""A row with one parent at most: a review and its order, whichever of the two comes first."""

from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from schemabase_dagster import database
from schemabase_dagster.engine.land import mark_deleted
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import at, merchant_review, product_review, saleor_order, zoho_order
from tests.support.rows import count, one, rows, value, versions

PRODUCT, MERCHANT = "reviewsio_product_reviews", "reviewsio_merchant_reviews"
LINKED = "SELECT r.order_id FROM core.reviews AS r WHERE r.order_id IS NOT NULL"


def order_id(conn: Connection[Any], number: str) -> Any:
    return value(conn, "SELECT id FROM core.orders WHERE order_number = %s", (number,))


def test_a_review_waits_for_its_order(
    conn: Connection[Any], tenant: Tenant, store: App, shop: App, put, merge
):
    put(store, PRODUCT, product_review(11, order="7"), product_review(12, order="8"))
    merge(tenant, "review")
    assert rows(conn, LINKED) == []

    put(shop, "saleor_orders", saleor_order("a", "7"))
    merge(tenant, "order")
    result = merge(tenant, "review")

    assert (result.read, result.changed) == (1, 1)
    assert value(conn, LINKED) == order_id(conn, "SHOP-7")


def test_a_review_that_comes_later_is_linked_at_once(
    conn: Connection[Any], tenant: Tenant, store: App, shop: App, put, merge
):
    put(shop, "saleor_orders", saleor_order("a", "7"))
    merge(tenant, "order")

    put(store, MERCHANT, merchant_review(11, "#7"))
    merge(tenant, "review")

    assert value(conn, LINKED) == order_id(conn, "SHOP-7")


@pytest.mark.parametrize("order", ["8", None], ids=["another order", "no order"])
def test_a_link_follows_the_order_that_the_review_names(
    conn: Connection[Any], tenant: Tenant, store: App, shop: App, put, merge, order: str | None
):
    put(shop, "saleor_orders", saleor_order("a", "7"), saleor_order("b", "8"))
    put(store, PRODUCT, product_review(11, order="7"))
    merge(tenant, "order")
    merge(tenant, "review")
    before = one(conn, "SELECT id, updated_at FROM core.reviews")

    put(store, PRODUCT, product_review(11, order=order, written=at(1)))
    merge(tenant, "review")

    after = one(conn, "SELECT id, order_id, updated_at FROM core.reviews")
    assert after["order_id"] == (order_id(conn, "SHOP-8") if order else None)
    assert after["id"] == before["id"]
    assert after["updated_at"] > before["updated_at"]


def test_a_review_lets_go_of_an_order_that_its_shop_deleted(
    conn: Connection[Any], tenant: Tenant, store: App, shop: App, put, merge
):
    put(shop, "saleor_orders", saleor_order("a", "7"))
    put(store, PRODUCT, product_review(11, order="7"))
    merge(tenant, "order")
    merge(tenant, "review")
    assert len(rows(conn, LINKED)) == 1

    with database.transaction() as own:
        stream = registry.streams()["saleor_orders"]
        mark_deleted(own, stream, shop, ["a"], via="pull", run_id=None)
    merge(tenant, "order")
    merge(tenant, "review")

    assert rows(conn, LINKED) == []


def test_a_review_follows_an_order_into_the_row_that_takes_it_up(
    conn: Connection[Any], tenant: Tenant, store: App, shop: App, books: App, put, merge
):
    put(books, "zoho_sales_orders", zoho_order("1", "SO-1"))
    put(shop, "saleor_orders", saleor_order("a", "7"))
    put(store, PRODUCT, product_review(11, order="SO-1"))
    merge(tenant, "order")
    merge(tenant, "review")
    assert value(conn, LINKED) == order_id(conn, "SO-1")

    put(books, "zoho_sales_orders",
        zoho_order("1", "SO-1", reference_number="SHOP-7", modified=at(1)))  # fmt: skip
    merge(tenant, "order")
    merge(tenant, "review")

    assert count(conn, "core.orders") == 1
    assert count(conn, "core.reviews") == 1
    assert value(conn, LINKED) == value(conn, "SELECT id FROM core.orders")


def test_merging_unchanged_reviews_again_writes_nothing(
    conn: Connection[Any], tenant: Tenant, store: App, shop: App, put, merge
):
    put(shop, "saleor_orders", saleor_order("a", "7"))
    put(store, PRODUCT, product_review(11, order="7"), product_review(12, order="8"))
    merge(tenant, "order")
    merge(tenant, "review")
    before = versions(conn, "core.reviews")

    conn.execute(
        "INSERT INTO platform.todo (tenant_id, stream, app_id, external_id) "
        "SELECT tenant_id, 'reviewsio_product_reviews', app_id, external_id "
        "FROM raw.reviewsio_product_reviews"
    )
    result = merge(tenant, "review")

    assert (result.read, result.changed) == (2, 0)
    assert versions(conn, "core.reviews") == before


def test_equal_ids_of_two_kinds_are_two_reviews(
    conn: Connection[Any], tenant: Tenant, store: App, put, merge
):
    put(store, PRODUCT, product_review(11))
    put(store, MERCHANT, merchant_review(11))

    merge(tenant, "review")

    kinds = rows(conn, "SELECT review_type, review_key FROM core.reviews ORDER BY review_type")
    assert [tuple(row.values()) for row in kinds] == [
        ("merchant", "reviewsio:store_review-11"),
        ("product", "reviewsio:product_review-11"),
    ]


def test_a_review_that_is_gone_keeps_its_text(
    conn: Connection[Any], tenant: Tenant, store: App, put, merge
):
    put(store, PRODUCT, product_review(11))
    merge(tenant, "review")

    with database.transaction() as own:
        mark_deleted(own, registry.streams()[PRODUCT], store, ["product_review-11"],
                     via="pull", run_id=None)  # fmt: skip
    merge(tenant, "review")

    row = one(conn, "SELECT body, deleted_at IS NOT NULL AS is_gone FROM core.reviews")
    assert row == {"body": "Does what it should.", "is_gone": True}
    assert count(conn, "analytics.fct_review") == 0
