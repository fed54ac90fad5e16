"""Fulfilments inside a Saleor order, with what only the order knows of their articles."""

from collections.abc import Collection
from typing import Final

from schemabase_dagster.normalise.fields import SourceModel, Text
from schemabase_dagster.normalise.text import sku
from schemabase_dagster.source_json import objects
from schemabase_dagster.streams import JsonObject

_KEYS: Final[tuple[str, ...]] = (
    "id", "productName", "variantName", "productSku", "sku", "variant",
)  # fmt: skip


def fulfillments(order: JsonObject, statuses: Collection[str]) -> list[JsonObject]:
    """Return the fulfilments of an order in some statuses, each line with its article."""
    articles = {
        str(line.get("id")): {key: line[key] for key in _KEYS if key in line}
        for line in objects(order.get("lines"))
    }
    return [
        {**each, "lines": [_line_of(line, articles) for line in objects(each.get("lines"))]}
        for each in objects(order.get("fulfillments"))
        if each.get("status") in statuses
    ]


def _line_of(line: JsonObject, articles: dict[str, JsonObject]) -> JsonObject:
    named = line.get("orderLine")
    known = articles.get(str(named.get("id"))) if isinstance(named, dict) else None
    return {**line, "orderLine": known or named}


class _Variant(SourceModel):
    sku: Text = None


class Article(SourceModel):
    """What a line of an order says about its article."""

    productName: Text = None
    variantName: Text = None
    productSku: Text = None
    sku: Text = None
    variant: _Variant | None = None

    @property
    def best_sku(self) -> str:
        """The variant's SKU, else the one of the order's line; empty when there is none."""
        return sku((self.variant.sku if self.variant else None) or self.sku or self.productSku)

    @property
    def description(self) -> str | None:
        """Names of product and variant."""
        return " - ".join(name for name in (self.productName, self.variantName) if name) or None
