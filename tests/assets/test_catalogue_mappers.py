"""What single records of the catalogues say: the odd cases of both systems."""

from decimal import Decimal
from typing import Any

import pytest

from assets.bills_of_material.zoho import map_composite
from assets.prices.saleor import map_listing, split_listings
from assets.prices.zoho import map_price, split_price
from assets.products.saleor import map_category, map_membership, map_product, split_memberships
from assets.products.zoho import map_item as map_product_of_item
from assets.registry import streams
from assets.reviews.reviewsio import map_rating
from assets.stock.saleor import map_stock as map_shop_stock
from assets.stock.zoho import map_stock, split_stock
from assets.taxes.saleor import map_rate, split_rates
from assets.taxes.zoho import map_tax
from assets.variants.saleor import map_variant
from assets.variants.zoho import map_item
from resources.saleor import SaleorConfig
from resources.zoho import ZohoConfig
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.article import chosen, grams, split_name
from schemabase_dagster.source_json import dumps
from schemabase_dagster.streams import Mapper

SHOP = SaleorConfig(api_url="https://shop.example/graphql/", order_prefix="STORE")
BOOKS = ZohoConfig(organization_id="20011122233")


def mapped(mapper: Mapper | None, config: Any, **record: Any) -> Candidate:
    assert mapper is not None
    return mapper(SourceRecord("1", dumps(record).decode(), config, None))


def item(**fields: Any) -> Candidate:
    return mapped(map_item, BOOKS, item_id="7", **fields)


@pytest.mark.parametrize(
    ("fields", "column", "expected"),
    [
        pytest.param({"sku": " A  b "}, "sku", "A b", id="blanks of a SKU"),
        pytest.param({"sku": ""}, "sku", None, id="no SKU"),
        pytest.param({"name": "Post - 2 m - red"}, "name", "red", id="the last dash parts"),
        pytest.param({"name": "Post-it"}, "name", None, id="a dash without blanks does not"),
        pytest.param({"status": "inactive"}, "active", False, id="inactive"),
        pytest.param({"status": "active"}, "active", True, id="active"),
        pytest.param({"stock_on_hand": 0}, "is_tracked", True, id="tracked, nothing there"),
        pytest.param({}, "is_tracked", False, id="not tracked"),
        pytest.param({"weight": "", "weight_unit": "kg"}, "weight_g", None, id="no weight"),
        pytest.param({"weight": 0.25, "weight_unit": "kg"}, "weight_g", Decimal(250), id="kg"),
        pytest.param({"weight": "3", "weight_unit": "g"}, "weight_g", Decimal(3), id="g, as text"),
        pytest.param({"weight": 1, "weight_unit": "st"}, "weight_g", None, id="unknown unit"),
        pytest.param({"ean": "", "upc": "12"}, "gtin", "12", id="UPC where there is no EAN"),
        pytest.param(
            {"attribute_name1": "Form", "attribute_option_name1": "XL"},
            "attributes",
            {"Form": "XL"},
            id="options of a group",
        ),
    ],
)
def test_item_of_zoho(fields: dict[str, Any], column: str, expected: object):
    assert item(**fields).values[column] == expected


def test_an_item_without_sku_matches_nothing():
    assert item(name="Post").match_key is None


@pytest.mark.parametrize(
    ("fields", "keys", "name"),
    [
        pytest.param(
            {"sku": "A", "group_id": "9", "group_name": "Post", "name": "Post - 1 m"},
            ("sku:A", "zoho-group:9"),
            "Post",
            id="of a group",
        ),
        pytest.param({"sku": "A", "name": "Post - 1 m"}, ("sku:A", None), "Post", id="alone"),
        pytest.param({"sku": "", "name": "Post"}, (None, None), "Post", id="without SKU"),
    ],
)
def test_product_of_an_item(fields: dict[str, Any], keys: tuple[Any, Any], name: str):
    found = mapped(map_product_of_item, BOOKS, item_id="7", **fields)

    assert (found.match_key, found.other_key) == keys
    assert found.values["name"] == name
    assert found.values["match_key"]


def test_products_of_two_shops_never_share_a_key():
    keys = {
        mapped(map_product, config, id="UHJvZHVjdDox", name="Post").other_key
        for config in (SHOP, SHOP.model_copy(update={"order_prefix": "OTHER"}))
    }

    assert len(keys) == 2


def test_product_of_the_shop():
    found = mapped(
        map_product, SHOP, id="p", name="Post", slug="post", category={"id": "c"},
        productType={"id": "t"}, media=[{"url": "b", "sortOrder": 2}, {"url": "a", "sortOrder": 1}],
        channelListings=[{"isPublished": False}, {"isPublished": True}],
    )  # fmt: skip

    assert found.values["media_urls"] == ["a", "b"]
    assert found.values["active"] is True
    assert found.parents == {"category": ["#c"], "product_type": ["#t"]}


def test_memberships_name_their_product_by_sku_and_by_id():
    product = {"id": "p", "variants": [{"id": "v", "sku": " A"}, {"id": "w", "sku": None}, None]}

    found = [mapped(map_membership, SHOP, **each) for each in split_memberships(product)]

    assert [(each.match_key, each.other_key) for each in found] == [
        ("sku:A", "STORE:p"), (None, "STORE:p")
    ]  # fmt: skip


def test_variant_of_the_shop():
    found = mapped(
        map_variant, SHOP, id="v", sku=None, name="red", trackInventory=False,
        weight={"unit": "OZ", "value": 2}, metadata=[{"key": "EAN", "value": " 400 "}],
        product={"id": "p", "taxClass": {"id": "t"}},
        attributes=[{"attribute": {"slug": "form"}, "values": [{"name": "XL"}, {"name": "L"}]}],
    )  # fmt: skip

    assert found.match_key is None
    assert found.values["weight_g"] == Decimal("56.699")
    assert (found.values["gtin"], found.values["is_tracked"]) == ("400", False)
    assert found.values["attributes"] == {"form": ["XL", "L"]}
    assert found.parents == {"product": ["#v", "#p"], "tax_class": ["#t"]}


@pytest.mark.parametrize("kind", ["warehouse", "location"])
def test_stock_of_zoho_is_the_physical_one_in_both_spellings(kind: str):
    level = {
        f"{kind}_id": "3", f"{kind}_available_stock": 99, f"{kind}_actual_available_stock": "2",
        f"{kind}_actual_committed_stock": 5, f"{kind}_actual_available_for_sale_stock": -3,
    }  # fmt: skip

    (part,) = split_stock({"item_id": "7", f"{kind}s": [level, "odd", {}]})
    found = mapped(map_stock, BOOKS, **part)

    assert part["id"] == "7/3"
    assert found.values == {"on_hand": 2, "committed": 5, "available": -3}
    assert found.parents == {"variant": ["#7"], "warehouse": ["#3"]}


def test_an_item_that_is_not_tracked_has_no_stock():
    assert list(split_stock({"item_id": "7"})) == []


def test_stock_of_the_shop_counts_what_is_allocated():
    found = mapped(
        map_shop_stock, SHOP, id="s", quantity=5, quantityAllocated=7, warehouse={"id": "w"},
        variant={"id": "v"},
    )  # fmt: skip

    assert found.values == {"on_hand": 5, "committed": 7, "available": -2}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({"rate": 10.5, "purchase_rate": 0}, (Decimal("10.5"), None), id="no cost"),
        pytest.param({"rate": "10", "purchase_rate": "6"}, (10, 6), id="as texts"),
        pytest.param({"rate": 0}, (0, None), id="for nothing"),
    ],
)
def test_price_of_zoho(fields: dict[str, Any], expected: tuple[Any, Any]):
    (part,) = split_price({"item_id": "7", **fields})

    found = mapped(map_price, BOOKS, **part)

    assert (found.values["amount"], found.values["cost_amount"]) == expected


def test_an_item_that_is_only_bought_has_no_price():
    assert list(split_price({"item_id": "7", "rate": ""})) == []


def test_a_listing_without_a_price_is_none():
    priced = {"id": "l", "channel": {"id": "c"}, "price": {"amount": 9.9, "currency": "EUR"}}
    parts = list(
        split_listings({"id": "v", "channelListings": [priced, {"id": "m", "price": None}]})
    )

    (found,) = [mapped(map_listing, SHOP, **part) for part in parts]

    assert (found.values["amount"], found.values["currency"]) == (Decimal("9.9"), "EUR")
    assert found.parents == {"variant": ["#v"], "sales_channel": ["#c"]}


@pytest.mark.parametrize(
    ("percentage", "key"),
    [
        pytest.param(19, "19/*", id="whole"),
        pytest.param("7.0", "7/*", id="text"),
        pytest.param(8.875, "8.875/*", id="three places"),
        pytest.param(0, "0/*", id="exempt"),
        pytest.param(100, "100/*", id="a hundred"),
    ],
)
def test_tax_of_zoho(percentage: object, key: str):
    found = mapped(map_tax, BOOKS, tax_id="1", tax_name="VAT", tax_percentage=percentage)

    assert found.match_key == found.values["rate_key"] == key


@pytest.mark.parametrize("percentage", ["", "much", -1, 101, None])
def test_a_tax_without_a_percentage_is_rejected(percentage: object):
    with pytest.raises(RecordRejected):
        mapped(map_tax, BOOKS, tax_id="1", tax_percentage=percentage)


def test_rates_of_a_tax_class_are_one_for_each_country():
    kind = {"id": "t", "name": "Reduced", "countries": [
        {"country": {"code": "DE"}, "rate": 7}, {"country": None, "rate": 1}, None
    ]}  # fmt: skip

    (part,) = split_rates(kind)
    found = mapped(map_rate, SHOP, **part)

    assert (found.match_key, found.values["country_code"]) == ("7/DE", "DE")
    assert found.parents == {"tax_class": ["#t"]}


def test_parts_of_a_bundle_in_their_order_also_without_sku():
    found = mapped(
        map_composite, BOOKS, composite_item_id="7", combo_type="kit", status="active",
        mapped_items=[
            {"item_id": "2", "sku": "B", "quantity": "1", "item_order": 1},
            {"item_id": "1", "sku": "", "quantity": 2, "item_order": 0},
        ],
    )  # fmt: skip

    lines = [(line["sku"], line["quantity"], line["line_no"]) for line in found.children["lines"]]
    assert lines == [("#1", 2, 1), ("B", 1, 2)]
    assert found.parents == {"variant": ["#7"]}


def test_categories_of_one_name_differ_by_slug():
    found = mapped(
        map_category, SHOP, id="c", name="More", slug="more-2", level=1, parent={"id": "b"}
    )

    assert found.match_key == "more-2"
    assert found.parents == {"category": ["#b"]}


@pytest.mark.parametrize(
    ("stream", "record", "key", "values"),
    [
        pytest.param(
            "zoho_warehouses",
            {"warehouse_name": "Main  Hall", "status": "inactive"},
            "mainhall",
            {"name": "Main  Hall", "active": False},
            id="warehouse of Zoho",
        ),
        pytest.param(
            "saleor_channels",
            {"name": "Germany", "slug": "de", "currencyCode": "EUR"},
            "de",
            {"name": "Germany", "currency": "EUR"},
            id="channel: orders name it by its slug",
        ),
        pytest.param(
            "saleor_tax_classes",
            {"name": "Größe"},
            "grösse",
            {"name": "Größe"},
            id="tax class",
        ),
    ],
)
def test_things_that_are_little_more_than_a_name(
    stream: str, record: dict[str, Any], key: str, values: dict[str, Any]
):
    found = mapped(streams()[stream].mapper, SHOP, **record)

    assert found.match_key == found.values["normalized_name"] == key
    assert {column: found.values[column] for column in values} == values


def test_a_thing_without_a_name_is_rejected():
    with pytest.raises(RecordRejected):
        mapped(streams()["zoho_warehouses"].mapper, BOOKS, warehouse_name=" ")


def test_rating_of_a_sku():
    found = mapped(map_rating, None, sku=" A  1", average_rating="4.5000", num_ratings=4)

    assert found.values == {"sku": "A 1", "average": Decimal("4.5"), "rating_count": 4}
    assert found.parents == {"variant": ["A 1"]}


def test_weights_names_and_attributes():
    assert grams(Decimal(1), "lb") == Decimal("453.592")
    assert split_name(None) == (None, None)
    assert chosen([{"attribute": {"slug": "a"}, "values": [{"boolean": False}]}]) == {"a": False}
    assert chosen(None) == {}
