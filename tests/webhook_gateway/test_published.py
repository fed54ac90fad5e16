"""Without these, a shop's advertisements go stale or vanish, or a screen shows old numbers."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from psycopg import Connection

from assets.published import logistics_numbers, product_feed
from schemabase_dagster import read_endpoints, tenancy
from schemabase_dagster.tenancy import App, Tenant
from tests.support.core_rows import put, put_order
from tests.support.rows import value
from tests.webhook_gateway.conftest import Start

PREFIX = "https://shop.example/p"


@pytest.fixture
def sold(conn: Connection[Any], tenant: Tenant, app: App) -> None:
    """Three variants of the shop."""
    product_id = put(conn, "core.products", tenant, match_key="p", name="Juice", slug="juice")
    for number in range(3):
        add_variant(conn, tenant, app, product_id, f"sku-{number}")


def add_variant(conn: Connection[Any], tenant: Tenant, app: App, product_id: Any, sku: str) -> None:
    variant_id = put(conn, "core.variants", tenant, sku=sku, product_id=product_id)
    conn.execute(
        "INSERT INTO core.external_ref (tenant_id, app_id, entity, external_id, core_id, stream) "
        "VALUES (%s, %s, 'variant', %s, %s, 'saleor_variants')",
        (tenant.id, app.id, sku, variant_id),
    )


@pytest.fixture
def feed(conn: Connection[Any], tenant: Tenant, app: App, sold: None) -> str:
    """Endpoint of a feed that was made."""
    endpoint_id = read_endpoints.create_feed(conn, app, PREFIX)
    publish(conn, tenant)
    return endpoint_id


def publish(conn: Connection[Any], tenant: Tenant) -> dict[str, int]:
    with conn.transaction():
        return product_feed.publish(conn, tenant)


def path(endpoint_id: str, variant: str = "googlemerchant") -> str:
    return f"/v1/feeds/{variant}/{endpoint_id}"


def test_feed_is_served_as_the_reference_serves_it(gateway: httpx.Client, feed: str):
    answer = gateway.get(path(feed))

    md5 = answer.headers["etag"].strip('"')
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv"
    assert answer.headers["content-disposition"] == (
        f"attachment; filename=productdatafeed-{md5}.csv"
    )
    assert answer.headers["cache-control"] == "s-maxage=1, stale-while-revalidate"
    assert answer.headers["content-length"] == str(len(answer.content))
    lines = answer.text.splitlines()
    assert [line.split(",")[0] for line in lines] == ["id", "sku-0", "sku-1", "sku-2"]


def test_format_for_facebook_has_one_more_column(gateway: httpx.Client, feed: str):
    google = gateway.get(path(feed)).text.splitlines()[0]
    facebook = gateway.get(path(feed, "facebookcommerce")).text.splitlines()[0]

    assert facebook == f"{google},rich_text_description"


def test_who_has_the_present_text_is_told_so(
    gateway: httpx.Client, feed: str, conn: Connection[Any], tenant: Tenant
):
    first = gateway.get(path(feed))
    known = [
        {"If-None-Match": first.headers["etag"]},
        {"If-None-Match": f'"other", W/{first.headers["etag"]}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": first.headers["last-modified"]},
    ]

    answers = [gateway.get(path(feed), headers=headers) for headers in known]

    assert [answer.status_code for answer in answers] == [304] * 4
    assert {answer.content for answer in answers} == {b""}
    assert {answer.headers["etag"] for answer in answers} == {first.headers["etag"]}


def test_who_has_an_older_text_gets_the_new_one(
    gateway: httpx.Client, feed: str, conn: Connection[Any], tenant: Tenant
):
    old = gateway.get(path(feed)).headers["etag"]
    conn.execute("UPDATE core.products SET name = 'Cider'")
    publish(conn, tenant)

    headers = {"If-None-Match": old, "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    answer = gateway.get(path(feed), headers=headers)

    assert answer.status_code == 200
    assert "Cider" in answer.text
    odd = {"If-Modified-Since": "yesterday"}
    assert gateway.get(path(feed), headers=odd).status_code == 200


def test_unchanged_feed_keeps_its_tag_and_time_and_writes_no_text(
    gateway: httpx.Client, feed: str, conn: Connection[Any], tenant: Tenant
):
    before = gateway.get(path(feed)).headers
    parts = "SELECT string_agg(xmin::text, ',' ORDER BY part_no) FROM platform.product_feed_part"
    written = value(conn, parts)

    counts = publish(conn, tenant)

    assert counts["changed"] == 0
    assert value(conn, parts) == written
    after = gateway.get(path(feed)).headers
    for name in ("etag", "last-modified"):
        assert after[name] == before[name]


def test_large_feed_comes_whole_although_it_changes_meanwhile(
    gateway: httpx.Client, feed: str, conn: Connection[Any], tenant: Tenant
):
    conn.execute("UPDATE core.products SET description = repeat('<p>word word</p>', 60000)")
    publish(conn, tenant)
    assert (
        value(conn, "SELECT part_count FROM platform.product_feed WHERE variant = 'googlemerchant'")
        > 4
    )

    with gateway.stream("GET", path(feed)) as answer:
        chunks = answer.iter_bytes()
        text = next(chunks)
        conn.execute("UPDATE core.products SET name = 'Cider'")
        publish(conn, tenant)
        text += b"".join(chunks)

    assert len(text) == int(answer.headers["content-length"])
    assert b"Juice" in text
    assert b"Cider" not in text


def test_text_before_the_present_one_is_kept_for_who_reads_it(
    feed: str, conn: Connection[Any], tenant: Tenant
):
    for name in ("Cider", "Wine"):
        conn.execute("UPDATE core.products SET name = %s", (name,))
        publish(conn, tenant)

    kept = "SELECT array_agg(DISTINCT version) FROM platform.product_feed_part"
    assert value(conn, kept) == [2, 3]


def test_feed_without_products_is_empty(
    gateway: httpx.Client, conn: Connection[Any], tenant: Tenant, app: App
):
    endpoint_id = read_endpoints.create_feed(conn, app, PREFIX)
    publish(conn, tenant)

    answer = gateway.get(path(endpoint_id))

    assert (answer.status_code, answer.content) == (200, b"")


def test_feed_that_was_never_made_is_to_be_asked_for_later(
    gateway: httpx.Client, conn: Connection[Any], app: App
):
    endpoint_id = read_endpoints.create_feed(conn, app, PREFIX)

    answer = gateway.get(path(endpoint_id))

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


def test_feed_of_another_variant_is_not_there(gateway: httpx.Client, feed: str):
    assert gateway.get(path(feed, "nothing")).status_code == 404


@pytest.mark.parametrize("how", ["switched off", "archived", "unpaid"])
def test_closed_endpoint_is_refused(
    gateway: httpx.Client, feed: str, conn: Connection[Any], tenant: Tenant, how: str
):
    if how == "switched off":
        read_endpoints.switch(conn, feed, is_on=False)
    elif how == "archived":
        tenancy.deactivate_tenant(conn, tenant.slug)
    else:
        tenancy.revoke(conn, tenant, "*")

    answer = gateway.get(path(feed))

    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


def test_last_reader_is_noted(gateway: httpx.Client, feed: str, conn: Connection[Any]):
    gateway.get(path(feed))

    assert value(conn, "SELECT last_read_at FROM platform.read_endpoint") is not None


def test_other_methods_are_refused(gateway: httpx.Client, feed: str):
    answer = gateway.post(path(feed))

    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


def test_old_address_of_a_feed_is_served_where_that_is_switched_on(
    conn: Connection[Any], tenant: Tenant, app: App, sold: None, start: Start
):
    read_endpoints.create_feed(conn, app, PREFIX, former_id="wh_old")
    publish(conn, tenant)
    client = start(legacy_routes=True)

    served = client.get("/api/product-data-feed/v1/facebookcommerce/wh_old")
    unknown = client.get("/api/product-data-feed/v1/facebookcommerce/wh_other")

    assert (served.status_code, served.text.count("sku-")) == (200, 3)
    assert (unknown.status_code, unknown.json()["error"]) == (404, "Something went wrong")
    assert start().get("/api/product-data-feed/v1/facebookcommerce/wh_old").status_code == 404


def test_old_address_of_numbers_is_served_to_any_page(
    conn: Connection[Any], tenant: Tenant, start: Start
):
    read_endpoints.create_logistics(conn, tenant, former_id="pk_old")
    logistics_numbers.publish(conn, tenant)
    client = start(legacy_routes=True)

    answer = client.get("/api/zoho/logistics/v1/pk_old")

    assert answer.json()["orders"]["total"] == {"current": 0, "next_five_days": 0}
    assert answer.headers["access-control-allow-origin"] == "*"
    assert client.options("/api/zoho/logistics/v1/pk_old").status_code == 200


@pytest.fixture
def stats(conn: Connection[Any], tenant: Tenant) -> str:
    """Path of logistics numbers that were counted at 9:15 of a day: one order is ready."""
    put_order(conn, tenant, "STORE-1", ready_to_fulfill=True)
    endpoint_id = read_endpoints.create_logistics(conn, tenant)
    logistics_numbers.publish(conn, tenant)
    conn.execute("UPDATE platform.logistics_numbers SET made_at = '2026-01-05T09:15Z'")
    return f"/v1/stats/logistics/{endpoint_id}"


def test_logistics_numbers_have_the_shape_of_the_reference(gateway: httpx.Client, stats: str):
    answer = gateway.get(stats)

    assert answer.json() == {
        "orders": {
            "ready_to_fulfill": {"current": 1, "next_five_days": 0},
            "bulk_orders": {"current": 0, "next_five_days": 0},
            "total": {"current": 1, "next_five_days": 0},
        },
        "creation_time": "Mon, 05 Jan 2026 09:15:00 GMT",
    }
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET, OPTIONS"


def test_any_page_may_ask_for_logistics_numbers(gateway: httpx.Client, stats: str):
    answer = gateway.options(stats)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["access-control-allow-methods"] == "GET, OPTIONS"


@pytest.mark.parametrize(
    ("utc_hour", "seconds"), [(2, 3600), (3, 900), (12, 900), (13, 3600)], ids=str
)
def test_numbers_are_kept_longer_outside_of_the_tenants_working_hours(
    gateway: httpx.Client, stats: str, conn: Connection[Any], monkeypatch: pytest.MonkeyPatch,
    utc_hour: int, seconds: int,
):  # fmt: skip
    conn.execute("UPDATE platform.tenant SET timezone = 'Etc/GMT-5'")  # five hours before UTC
    now = datetime(2026, 1, 5, utc_hour, tzinfo=UTC)
    monkeypatch.setattr("webhook_gateway.api.published.utc_now", lambda: now)

    kept = gateway.get(stats).headers["cache-control"]

    assert kept == f"s-maxage={seconds}, stale-while-revalidate"
