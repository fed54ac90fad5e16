"""What the rows of a product data feed say, and which variants have one."""

import csv
import io
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from assets.published import product_feed
from assets.published.feed_rows import COLUMNS, RICH_TEXT, Item, columns_of, csv_line
from resources.saleor import SALEOR
from schemabase_dagster import read_endpoints, tenancy
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.tenancy import App, Tenant
from tests.support.core_rows import put
from tests.support.rows import rows

BASE: dict[str, Any] = {
    "sku": "sku", "variant_name": "name", "product_name": "Name", "slug": "slug",
    "has_variants": True, "is_published": True, "is_purchasable": True, "is_tracked": True,
    "available": Decimal(5), "price": None, "sale_price": None, "currency": None,
    "description": None, "search_description": None, "variant_pictures": None,
    "product_pictures": [], "gtin": None, "brand": None, "weight_g": None, "attributes": {},
}  # fmt: skip


def columns(link: str = "http://baseurl.com", **changes: Any) -> dict[str, str]:
    return columns_of(Item(**{**BASE, **changes}), link)


def test_row_is_that_of_the_reference_but_for_its_literal_undefined():
    stored = '{"blocks": [{"type": "paragraph", "data": {"text": "Hello world"}}]}'

    row = columns(description=stored, is_purchasable=False)

    assert csv_line([row[name] for name in (*COLUMNS, RICH_TEXT)]) == (
        b"sku,Name (name),Hello world,,,http://baseurl.com/slug,,,new,,,,out of stock,,"
        b"<p>Hello world</p>\n"
    )


def test_product_without_variants_has_its_own_title_and_short_prices():
    row = columns(
        "www.storefront.com/", product_name="Apple Juice", has_variants=False,
        price=Decimal("1.0000"), currency="EUR",
    )  # fmt: skip

    assert (row["title"], row["price"], row["sale_price"]) == ("Apple Juice", "1 EUR", "")
    assert row["link"] == "www.storefront.com/slug"


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        ({"price": Decimal("12.5000"), "currency": "EUR"}, "price", "12.5 EUR"),
        ({"price": Decimal(100), "currency": "JPY"}, "price", "100 JPY"),
        ({"weight_g": Decimal("2000.000")}, "unit_pricing_measure", "2 KG"),
        ({"weight_g": Decimal("250.000")}, "unit_pricing_measure", "0.25 KG"),
        ({"weight_g": Decimal(0)}, "unit_pricing_measure", ""),
        ({"variant_pictures": ["v1", "v2"], "product_pictures": ["p1"]}, "image_link", "v1"),
        ({"variant_pictures": ["v1", "v2"]}, "additional_image_link", "v2"),
        ({"product_pictures": ["p1", "p2"]}, "additional_image_link", "p2"),
        (
            {"has_variants": False, "variant_pictures": ["v1"], "product_pictures": ["p1"]},
            "image_link",
            "p1",
        ),
        ({"brand": "Made", "attributes": {"Brand": "Chosen"}}, "brand", "Chosen"),
        ({"brand": "Made"}, "brand", "Made"),
        (
            {"attributes": {"googleproductcategory": ["Food", "Drink"]}},
            "google_product_category",
            "Food",
        ),
        ({"search_description": "In short"}, "description", "In short"),
        ({"description": '{"blocks": broken', "search_description": "S"}, "description", "S"),
        ({"price": Decimal(1), "currency": "EUR"}, "availability", "in stock"),
        ({"price": Decimal(1), "available": Decimal(0)}, "availability", "out of stock"),
        ({"price": Decimal(1), "available": None}, "availability", "out of stock"),
        ({"price": Decimal(1), "available": None, "is_tracked": False}, "availability", "in stock"),
        ({"price": Decimal(1), "is_purchasable": False}, "availability", "out of stock"),
        ({"price": None}, "availability", "out of stock"),
        ({"variant_name": None}, "title", "Name"),
    ],
)
def test_column(changes: dict[str, Any], column: str, expected: str):
    assert columns(**changes)[column] == expected


def test_only_cells_that_need_it_are_quoted():
    assert csv_line(["a,b", 'say "hi"', "two\nlines", "plain", ""]) == (
        b'"a,b","say ""hi""","two\nlines",plain,\n'
    )


# The rows that the database makes of core


@pytest.fixture
def shop(conn: Connection[Any], tenant: Tenant) -> App:
    """App ``shop`` of ``acme``; nobody answers at its address."""
    config = {"api_url": "http://localhost:9/graphql/"}
    return tenancy.add_app(conn, tenant, SALEOR, "shop", config, {"token": "t" * 30})


@pytest.fixture
def channel(conn: Connection[Any], tenant: Tenant) -> UUID:
    """The only sales channel."""
    return put(conn, "core.sales_channels", tenant, name="Main", normalized_name="main")


def add_product(conn: Connection[Any], tenant: Tenant, key: str, **changes: Any) -> UUID:
    usual = {"match_key": key, "name": key, "slug": key}
    return put(conn, "core.products", tenant, **{**usual, **changes})


def add_variant(
    conn: Connection[Any], app: App, tenant: Tenant, product_id: UUID, sku: str | None,
    **changes: Any,
) -> UUID:  # fmt: skip
    variant_id = put(
        conn, "core.variants", tenant, product_id=product_id, sku=sku, **{"name": sku, **changes}
    )
    conn.execute(
        "INSERT INTO core.external_ref (tenant_id, app_id, entity, external_id, core_id, stream) "
        "VALUES (%s, %s, 'variant', %s, %s, 'saleor_variants')",
        (tenant.id, app.id, str(variant_id), variant_id),
    )
    return variant_id


def add_price(
    conn: Connection[Any], app: App, tenant: Tenant, variant_id: UUID, amount: str, **changes: Any
) -> None:
    put(
        conn, "core.prices", tenant,
        **{"variant_id": variant_id, "owner_app_id": app.id, "currency": "EUR", "amount": amount,
           **changes},
    )  # fmt: skip


def made(conn: Connection[Any], tenant: Tenant) -> list[dict[str, str]]:
    with conn.transaction():
        product_feed.publish(conn, tenant)
    parts = rows(
        conn,
        "SELECT p.body FROM platform.product_feed_part AS p "
        "JOIN platform.product_feed AS f USING (endpoint_id, variant, version) "
        "WHERE variant = 'facebookcommerce' ORDER BY part_no",
    )
    text = b"".join(part["body"] for part in parts).decode()
    return list(csv.DictReader(io.StringIO(text)))


def test_every_published_variant_of_the_shop_has_a_row(
    conn: Connection[Any], tenant: Tenant, shop: App
):
    product_id = add_product(conn, tenant, "juice")
    for number in range(150):
        add_variant(conn, shop, tenant, product_id, f"sku-{number:03}")
    hidden = add_product(conn, tenant, "hidden", active=False)
    add_variant(conn, shop, tenant, hidden, "hidden")
    add_variant(conn, shop, tenant, product_id, None)
    outlet = {"api_url": "http://localhost:11/graphql/", "order_prefix": "OUTLET"}
    other = tenancy.add_app(conn, tenant, SALEOR, "outlet", outlet, {"token": "u" * 30})
    add_variant(conn, other, tenant, product_id, "of the outlet only")
    put(conn, "core.variants", tenant, product_id=product_id, sku="of the books only")
    read_endpoints.create_feed(conn, shop, "https://shop.example")

    found = made(conn, tenant)

    assert [row["id"] for row in found] == [f"sku-{number:03}" for number in range(150)]


def test_what_is_left_out_is_counted(conn: Connection[Any], tenant: Tenant, shop: App):
    product_id = add_product(conn, tenant, "juice")
    add_variant(conn, shop, tenant, product_id, "sku")
    add_variant(conn, shop, tenant, product_id, None)
    add_variant(conn, shop, tenant, add_product(conn, tenant, "h", active=False), "hidden")
    add_variant(conn, shop, tenant, add_product(conn, tenant, "s", slug=None), "no page")
    read_endpoints.create_feed(conn, shop, "https://shop.example")

    with conn.transaction():
        counts = product_feed.publish(conn, tenant)

    assert counts == {
        "feeds": 1, "changed": 2, "rows": 1, "without_sku": 1, "not_published": 1,
        "without_name_or_slug": 1,
    }  # fmt: skip


def test_price_is_that_of_the_channel_and_shop_and_a_sale_only_while_it_lasts(
    conn: Connection[Any], tenant: Tenant, shop: App, channel: UUID
):
    variant_id = add_variant(conn, shop, tenant, add_product(conn, tenant, "juice"), "sku")
    add_price(conn, shop, tenant, variant_id, "1")
    add_price(conn, shop, tenant, variant_id, "10", sales_channel_id=channel)
    for amount, begin, end in (
        ("8", "2020-01-01Z", "2100-01-01Z"), ("7", "2020-01-01Z", "2021-01-01Z"),
        ("6", "2099-01-01Z", "2100-01-01Z"),
    ):  # fmt: skip
        add_price(
            conn, shop, tenant, variant_id, amount, sales_channel_id=channel, valid_from=begin,
            valid_until=end,
        )  # fmt: skip
    add_price(conn, shop, tenant, variant_id, "5", sales_channel_id=channel, min_quantity=10)
    read_endpoints.create_feed(conn, shop, "https://shop.example")

    (row,) = made(conn, tenant)

    assert (row["price"], row["sale_price"]) == ("10 EUR", "8 EUR")


def test_shop_with_prices_in_two_channels_must_be_told_which(
    conn: Connection[Any], tenant: Tenant, shop: App, channel: UUID
):
    variant_id = add_variant(conn, shop, tenant, add_product(conn, tenant, "juice"), "sku")
    other = put(conn, "core.sales_channels", tenant, name="Fair", normalized_name="fair")
    for each in (channel, other):
        add_price(conn, shop, tenant, variant_id, "10", sales_channel_id=each)

    with pytest.raises(ConfigurationError, match="Fair, Main"):
        read_endpoints.create_feed(conn, shop, "https://shop.example")

    read_endpoints.create_feed(conn, shop, "https://shop.example", channel="Main")


def test_stock_of_all_warehouses_counts(conn: Connection[Any], tenant: Tenant, shop: App):
    product_id = add_product(conn, tenant, "juice", attributes=Jsonb({"brand": "Best"}))
    sold_out, there = (
        add_variant(conn, shop, tenant, product_id, sku) for sku in ("sold-out", "there")
    )
    for name in ("a", "b"):
        warehouse = put(conn, "core.warehouses", tenant, name=name, normalized_name=name)
        for variant_id, available in ((sold_out, 0), (there, "0.5")):
            put(
                conn, "core.stock", tenant, warehouse_id=warehouse, variant_id=variant_id,
                owner_app_id=shop.id, available=available,
            )  # fmt: skip
    for variant_id in (sold_out, there):
        add_price(conn, shop, tenant, variant_id, "10")
    read_endpoints.create_feed(conn, shop, "https://shop.example")

    found = {row["id"]: row["availability"] for row in made(conn, tenant)}

    assert found == {"sold-out": "out of stock", "there": "in stock"}


def test_feed_of_one_tenant_shows_nothing_of_another(
    conn: Connection[Any], tenant: Tenant, shop: App
):
    foreign = tenancy.add_tenant(conn, "globex", "Globex")
    tenancy.grant(conn, foreign, "*")
    config = {"api_url": "http://localhost:10/graphql/"}
    theirs = tenancy.add_app(conn, foreign, SALEOR, "shop", config, {"token": "t" * 30})
    for owner, app in ((tenant, shop), (foreign, theirs)):
        product_id = add_product(conn, owner, "juice", name=f"of {owner.slug}")
        variant_id = add_variant(conn, app, owner, product_id, f"sku-{owner.slug}")
        add_price(conn, app, owner, variant_id, "10")
        read_endpoints.create_feed(conn, app, "https://shop.example")

    found = made(conn, tenant)

    assert [row["id"] for row in found] == ["sku-acme"]
    assert rows(conn, "SELECT DISTINCT tenant_id FROM platform.product_feed") == [
        {"tenant_id": tenant.id}
    ]
