"""Saleor's master data: channels, warehouses, taxes, products, variants, customers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.articles import WAREHOUSES, group_of
from sandbox.saleor.documents import saleor_address
from sandbox.saleor.shapes import global_id
from sandbox.store import Article
from sandbox.times import saleor_time
from sandbox.world import World

JsonObject = dict[str, Any]
Nodes = Callable[[World], list[JsonObject]]


@dataclass(frozen=True, slots=True)
class Root:
    """One root field: its nodes in the server's order, and the permission it asks for."""

    field: str
    nodes: Nodes
    permission: str
    is_list: bool = False


def _channels(world: World) -> list[JsonObject]:
    merchant = world.merchant
    return [
        {
            "id": global_id("Channel", number),
            "name": name,
            "slug": slug,
            "isActive": number == 1,
            "currencyCode": merchant.currency,
        }
        for number, (name, slug) in enumerate(
            ((f"Shop {merchant.country}", merchant.country.lower()), ("Trade fair", "fair")), 1
        )
    ]


def _warehouses(world: World) -> list[JsonObject]:
    del world
    return [
        {
            "id": global_id("Warehouse", _warehouse_key(place)),
            "name": name.upper() if place else name,
            "slug": name.lower(),
            "externalReference": None,
        }
        for place, name in enumerate(WAREHOUSES)
    ]


def _tax_classes(world: World) -> list[JsonObject]:
    merchant = world.merchant
    return [
        {
            "id": global_id("TaxClass", number),
            "name": tax.name,
            "countries": [{"country": {"code": merchant.country}, "rate": tax.rate_bp / 100}],
        }
        for number, tax in enumerate(merchant.taxes, 1)
    ]


def _product_types(world: World) -> list[JsonObject]:
    del world
    return [
        {
            "id": global_id("ProductType", 1),
            "name": "Hardware",
            "slug": "hardware",
            "kind": "NORMAL",
            "hasVariants": True,
        }
    ]


def _categories(world: World) -> list[JsonObject]:
    del world
    top = {"id": global_id("Category", 1), "name": "Everything", "slug": "all", "level": 0}
    return [
        {**top, "description": None, "parent": None},
        {
            "id": global_id("Category", 2),
            "name": "Fencing",
            "slug": "fencing",
            "level": 1,
            "description": None,
            "parent": {"id": top["id"]},
        },
    ]


def _attributes(world: World) -> list[JsonObject]:
    del world
    return [
        {
            "id": global_id("Attribute", 1),
            "name": "Form",
            "slug": "form",
            "type": "PRODUCT_TYPE",
            "inputType": "DROPDOWN",
            "entityType": None,
            "unit": None,
        }
    ]


def _products(world: World) -> list[JsonObject]:
    groups: dict[int, list[Article]] = {}
    for article in world.shop_articles.by_id.values():
        groups.setdefault(group_of(world, article.index), []).append(article)
    return [_product(world, group, groups[group]) for group in sorted(groups)]


def _product(world: World, group: int, articles: list[Article]) -> JsonObject:
    name = world.items[articles[0].index].name
    slug = name.lower().replace(" ", "-")
    channel = global_id("Channel", 1)
    return {
        "id": _product_id(group),
        "name": name,
        "slug": slug,
        "created": saleor_time(min(each.created for each in articles)),
        "updatedAt": saleor_time(max(each.modified for each in articles)),
        "description": None if group % 3 else '{"blocks": []}',
        "seoDescription": None,
        "externalReference": None,
        "category": {"id": global_id("Category", 2 if group % 2 else 1)},
        "productType": {"id": global_id("ProductType", 1)},
        "taxClass": {"id": global_id("TaxClass", 1)},
        "media": [
            {
                "id": global_id("ProductMedia", group * 10 + place),
                "url": f"https://media.example/{slug}-{place}.jpg",
                "type": "IMAGE",
                "sortOrder": 2 - place,
                "alt": "",
            }
            for place in range(2)
        ],
        "attributes": [],
        "metadata": [],
        "channelListings": [
            {
                "id": global_id("ProductChannelListing", group),
                "channel": {"id": channel},
                "isPublished": group != 0,
                "visibleInListings": True,
                "isAvailableForPurchase": True,
                "availableForPurchaseAt": None,
            }
        ],
        "variants": [{"id": _variant_id(each), "sku": each.sku} for each in articles],
    }


def _variants(world: World) -> list[JsonObject]:
    articles = world.shop_articles.by_id.values()
    return [_variant(world, each) for each in sorted(articles, key=lambda each: each.index)]


def _variant(world: World, article: Article) -> JsonObject:
    item, merchant = world.items[article.index], world.merchant
    value = {"id": global_id("AttributeValue", article.index), "slug": "x", "name": item.form}
    more = {"boolean": None, "plainText": None, "reference": None}
    price = {"amount": article.price_minor / 100, "currency": merchant.currency}
    cost = {"amount": article.price_minor * 6 // 10 / 100, "currency": merchant.currency}
    return {
        "id": _variant_id(article),
        "sku": article.sku or None,
        "name": item.form,
        "updatedAt": saleor_time(article.modified),
        "trackInventory": True,
        "externalReference": None,
        "product": {
            "id": _product_id(group_of(world, article.index)),
            "taxClass": {"id": global_id("TaxClass", item.tax_index + 1)},
        },
        "weight": {"unit": "KG", "value": 0.25} if article.index % 2 else None,
        "media": [],
        "metadata": [{"key": "EAN", "value": f"40{article.index:011d}"}],
        "attributes": [
            {
                "attribute": {
                    "id": global_id("Attribute", 1),
                    "slug": "form",
                    "inputType": "DROPDOWN",
                },
                "values": [{**value, **more}],
            }
        ],
        "stocks": [
            {
                "id": global_id("Stock", article.index * 10 + place),
                "quantity": max(there, 0),
                "quantityAllocated": max(promised, 0),
                "warehouse": {"id": global_id("Warehouse", _warehouse_key(place)), "name": name},
            }
            for place, (name, (there, promised)) in enumerate(
                zip(WAREHOUSES, article.levels, strict=True)
            )
        ],
        "channelListings": [
            {
                "id": global_id("ProductVariantChannelListing", article.index * 10 + number),
                "channel": {"id": global_id("Channel", number), "slug": "x"},
                "price": price if number == 1 or article.index % 2 else None,
                "costPrice": cost if number == 1 else None,
            }
            for number in (1, 2)
        ],
    }


def _customers(world: World) -> list[JsonObject]:
    people = (world.customer(index) for index in range(world.customers))
    return [
        {
            "id": global_id("User", each.index + 1),
            "email": each.email,
            "firstName": each.first_name,
            "lastName": each.last_name,
            "isActive": True,
            "languageCode": world.merchant.language.upper(),
            "dateJoined": saleor_time(world.now - each.index * 1_000_000),
            "updatedAt": saleor_time(world.now - (world.customers - each.index) * 1_000_000),
            "externalReference": None,
            "metadata": (
                [{"key": "customerCode", "value": f"C-{each.index:05d}"}] if each.index % 3 else []
            ),
            "addresses": [
                {
                    "id": global_id("Address", each.index + 1),
                    **saleor_address(each.address),
                    "isDefaultBillingAddress": True,
                    "isDefaultShippingAddress": True,
                }
            ],
        }
        for each in people
        if each.has_account and each.email and not each.is_vendor
    ]


def _product_id(group: int) -> str:
    return global_id("Product", group + 1)


def _variant_id(article: Article) -> str:
    return global_id("ProductVariant", article.id)


def _warehouse_key(place: int) -> str:
    return f"00000000-0000-4000-8000-{place + 1:012d}"


ROOTS: Mapping[str, Root] = {
    root.field: root
    for root in (
        Root("channels", _channels, "", is_list=True),
        Root("warehouses", _warehouses, "MANAGE_PRODUCTS"),
        Root("taxClasses", _tax_classes, ""),
        Root("productTypes", _product_types, ""),
        Root("categories", _categories, ""),
        Root("attributes", _attributes, ""),
        Root("products", _products, "MANAGE_PRODUCTS"),
        Root("productVariants", _variants, "MANAGE_PRODUCTS"),
        Root("customers", _customers, "MANAGE_USERS"),
    )
}
