"""Rows of a product data feed: from a variant as core knows it to the columns that are served.

The columns, their order and their form are those of the reference's feed (saleor.md 27); its
defects are mended (28.20): sold-out variants stay, pictures are addresses, cells are empty instead
of ``undefined``, and there is a sale price only when there is a sale.
"""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from schemabase_dagster.normalise.rich_text import as_html, as_text

COLUMNS: Final = (
    "id",
    "title",
    "description",
    "image_link",
    "additional_image_link",
    "link",
    "price",
    "sale_price",
    "condition",
    "gtin",
    "brand",
    "unit_pricing_measure",
    "availability",
    "google_product_category",
)
RICH_TEXT: Final = "rich_text_description"
"""Further column of the format for Facebook."""

GRAMS_IN_KG: Final = 1000
_BLANKS = re.compile(r"\s+")
_NOT_SIMPLE = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True, slots=True)
class Item:
    """A variant of the shop as core knows it; what it lacks is None."""

    sku: str | None
    variant_name: str | None
    product_name: str | None
    slug: str | None
    has_variants: bool
    is_published: bool
    is_purchasable: bool
    is_tracked: bool | None
    available: Decimal | None
    price: Decimal | None
    sale_price: Decimal | None
    currency: str | None
    description: str | None
    search_description: str | None
    variant_pictures: list[str] | None
    product_pictures: list[str]
    gtin: str | None
    brand: str | None
    weight_g: Decimal | None
    attributes: Mapping[str, Any]


def why_left_out(item: Item) -> str | None:
    """Return why a variant has no row, or None when it has one."""
    if not item.is_published:
        return "not_published"
    if not item.sku:
        return "without_sku"
    if not item.product_name or not item.slug:
        return "without_name_or_slug"
    return None


def columns_of(item: Item, link_prefix: str) -> dict[str, str]:
    """Return the columns of a variant, that of the format for Facebook too."""
    markup, plain = _texts(item.description)
    pictures = [*((item.has_variants and item.variant_pictures) or item.product_pictures), "", ""]
    attributes = _by_simple_name(item.attributes)
    return {
        "id": item.sku or "",
        "title": _title(item),
        "description": plain or item.search_description or "",
        "image_link": pictures[0],
        "additional_image_link": pictures[1],
        "link": f"{link_prefix}{'' if link_prefix.endswith('/') else '/'}{item.slug}",
        "price": _money(item.price, item.currency),
        "sale_price": _money(item.sale_price, item.currency),
        "condition": "new",
        "gtin": item.gtin or "",
        "brand": attributes.get("brand") or item.brand or "",
        "unit_pricing_measure": _weight(item.weight_g),
        "availability": "in stock" if _is_available(item) else "out of stock",
        "google_product_category": attributes.get("googleproductcategory") or "",
        RICH_TEXT: markup,
    }


def csv_line(cells: list[str]) -> bytes:
    """Return a line: commas, quotes only where they are needed, a line feed at the end."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerow(cells)
    return written.getvalue().encode()


def _title(item: Item) -> str:
    name = _BLANKS.sub(" ", item.product_name or "").strip()
    variant = _BLANKS.sub(" ", item.variant_name or "").strip()
    return f"{name} ({variant})" if item.has_variants and variant else name


def _money(amount: Decimal | None, currency: str | None) -> str:
    return f"{_plain(amount)} {currency}" if amount is not None and currency else ""


def _weight(grams: Decimal | None) -> str:
    return f"{_plain(grams / GRAMS_IN_KG)} KG" if grams else ""


def _plain(number: Decimal) -> str:
    # as JSON writes it: no zeros at the end, no exponent
    return f"{number.normalize():f}"


def _is_available(item: Item) -> bool:
    if not item.is_purchasable or item.price is None:
        return False
    return item.is_tracked is False or (item.available or 0) >= 1


def _by_simple_name(attributes: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, value in attributes.items():
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, str):
            found[_NOT_SIMPLE.sub("", name.lower())] = first
    return found


@lru_cache(64)  # the variants of a product come together
def _texts(description: str | None) -> tuple[str, str]:
    markup = as_html(description)
    return markup, as_text(markup)
