"""Zoho's way to show what is sold: items, composite items, warehouses."""

from typing import Any

from sandbox.articles import COMPOSITES, WAREHOUSES, group_of
from sandbox.merchants import Merchant
from sandbox.store import Article
from sandbox.times import zoho_time
from sandbox.world import KIND_ITEM, World
from sandbox.zoho.parties import amount, percentage

JsonObject = dict[str, Any]
KIND_GROUP, KIND_WAREHOUSE = 8, 7


def item_row(world: World, article: Article) -> JsonObject:
    """A row of ``GET /items``; stock fields are absent where stock is not counted."""
    item, zone = world.items[article.index], world.merchant.timezone
    tax = world.merchant.taxes[item.tax_index]
    name = f"{item.name} - {item.form}"
    return {
        "item_id": article.id,
        "name": name,
        "item_name": name,
        **_group(world, article),
        "unit": "pcs",
        "status": "active" if article.is_active else "inactive",
        "source": "api",
        "is_combo_product": article.index in COMPOSITES,
        "description": "",
        "brand": "Own" if article.index % 3 else "",
        "manufacturer": "",
        "rate": amount(article.price_minor),
        "tax_id": tax.tax_id,
        "tax_name": tax.name,
        "tax_percentage": percentage(tax.rate_bp),
        "purchase_rate": amount(article.price_minor * 6 // 10) if article.index % 6 else 0,
        "item_type": "inventory" if article.levels else "sales",
        "product_type": "goods",
        **_totals(article),
        "sku": article.sku,
        "upc": "",
        "ean": f"40{article.index:011d}" if article.index % 2 else "",
        "isbn": "",
        "created_time": zoho_time(article.created, zone),
        "last_modified_time": zoho_time(article.modified, zone),
        "weight": "" if article.index % 7 == 0 else 250 + article.index,
        "weight_unit": "g" if article.index % 2 else "kg",
        "cf_hs_code": "7326",
    }


def item_detail(world: World, article: Article) -> JsonObject:
    """The answer of ``GET /items/{id}``; its numbers of stock come as text now and then."""
    row = item_row(world, article)
    if not article.levels:
        return row
    return {
        **row,
        "warehouses": [
            {
                "warehouse_id": warehouse_id(world.merchant, place),
                "warehouse_name": name,
                "status": "active",
                "is_primary": place == 0,
                "warehouse_stock_on_hand": there,
                "warehouse_available_stock": there,
                "warehouse_actual_available_stock": str(there) if place else there,
                "warehouse_actual_committed_stock": promised,
                "warehouse_actual_available_for_sale_stock": there - promised,
            }
            for place, (name, (there, promised)) in enumerate(
                zip(WAREHOUSES, article.levels, strict=True)
            )
        ],
    }


def composite_row(world: World, article: Article) -> JsonObject:
    """A row of ``GET /compositeitems``."""
    row = item_row(world, article)
    return {"composite_item_id": row.pop("item_id"), **row, "combo_type": "kit"}


def composite_detail(world: World, article: Article) -> JsonObject:
    """The answer of ``GET /compositeitems/{id}``."""
    merchant = world.merchant
    return {
        **composite_row(world, article),
        "mapped_items": [
            {
                "mapped_item_id": f"{article.id}{order}",
                "item_id": merchant.zoho_id(KIND_ITEM, part * 10),
                "item_order": order,
                "name": world.items[part].name,
                "sku": world.items[part].sku,
                "quantity": count,
                "unit": "pcs",
            }
            for order, (part, count) in enumerate(COMPOSITES[article.index])
        ],
    }


def warehouse_rows(merchant: Merchant) -> list[JsonObject]:
    """The rows of ``GET /settings/warehouses``: one is out of use."""
    places = [*WAREHOUSES, "Old barn"]
    return [
        {
            "warehouse_id": warehouse_id(merchant, place),
            "warehouse_name": name,
            "is_primary": place == 0,
            "status": "active" if name in WAREHOUSES else "inactive",
        }
        for place, name in enumerate(places)
    ]


def warehouse_id(merchant: Merchant, place: int) -> str:
    """Id of a warehouse; lines of orders name the first."""
    return merchant.zoho_id(KIND_WAREHOUSE, place + 1)


def _group(world: World, article: Article) -> JsonObject:
    """Every other name is a group of items; the others stand alone."""
    group = group_of(world, article.index)
    if group % 2:
        return {}
    item = world.items[article.index]
    return {
        "group_id": world.merchant.zoho_id(KIND_GROUP, group),
        "group_name": item.name,
        "attribute_name1": "Form",
        "attribute_option_name1": item.form,
    }


def _totals(article: Article) -> JsonObject:
    if not article.levels:
        return {}
    there = sum(level for level, _ in article.levels)
    free = there - sum(promised for _, promised in article.levels)
    return {"stock_on_hand": there, "available_stock": there, "actual_available_stock": free}
