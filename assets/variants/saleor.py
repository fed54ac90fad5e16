"""raw/saleor_variants: variants of a Saleor shop, and what they say about a canonical variant."""

from collections.abc import Mapping
from typing import Any

from resources.saleor import GTIN_KEY, SALEOR, connection
from resources.saleor.hints import hinted
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.article import Picture, addresses, chosen, grams, noted
from schemabase_dagster.normalise.fields import Amount, SourceModel, Text
from schemabase_dagster.normalise.text import sku
from schemabase_dagster.streams import Stream


class _Weight(SourceModel):
    unit: str
    value: Amount


class _Id(SourceModel):
    id: str


class _Product(SourceModel):
    id: str
    taxClass: _Id | None = None


class _Variant(SourceModel):
    id: str
    sku: Text = None
    name: Text = None
    trackInventory: bool | None = None
    weight: _Weight | None = None
    product: _Product
    metadata: tuple[Mapping[str, Any], ...] | None = None
    attributes: tuple[Mapping[str, Any], ...] | None = None
    media: tuple[Picture, ...] | None = None


def map_variant(record: SourceRecord) -> Candidate:
    """Map a variant of the shop; one without SKU is a row of its own."""
    variant = record.read(_Variant)
    known = sku(variant.sku) or None
    weight, kind = variant.weight, variant.product.taxClass
    return Candidate(
        match_key=known,
        number=variant.sku,
        values={
            "sku": known,
            "name": variant.name,
            "is_tracked": variant.trackInventory,
            "gtin": noted(variant.metadata, GTIN_KEY),
            "weight_g": grams(weight.value, weight.unit) if weight else None,
            "attributes": chosen(variant.attributes) or None,
            "media_urls": addresses(variant.media) or None,
        },
        parents={
            "product": [f"#{variant.id}", f"#{variant.product.id}"],
            **({"tax_class": [f"#{kind.id}"]} if kind else {}),
        },
    )


SALEOR_VARIANTS = Stream(
    name="saleor_variants",
    system=SALEOR,
    group="products",
    entity="variant",
    description=(
        "Variants of a Saleor shop with stock levels and channel prices. Saleor dates neither of "
        "these, so all are listed on every pull, 100 in a call."
    ),
    source=connection(
        "productVariants",
        "ProductVariant",
        "id sku name updatedAt trackInventory externalReference product { id taxClass { id } } "
        "weight { unit value } metadata { key value } "
        "attributes { attribute { id slug inputType } "
        "values { id slug name boolean plainText reference } } "
        "stocks { id quantity quantityAllocated warehouse { id name } } "
        "channelListings { id channel { id slug } price { amount currency } "
        "costPrice { amount currency } } media { url sortOrder }",
        ids="ids: $ids",
    ),
    id_field="id",
    webhook=hinted("productVariant"),
    mapper=map_variant,
)
