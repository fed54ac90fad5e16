"""raw/saleor_products and what is inside; product types and categories of a Saleor shop."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assets.named import named_mapper
from assets.products.keys import sku_key
from resources.saleor import GTIN_KEY, SALEOR, connection
from resources.saleor.hints import hinted
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.article import Picture, addresses, chosen, noted
from schemabase_dagster.normalise.fields import SourceModel, Text
from schemabase_dagster.streams import JsonObject, Part, Stream


class _Id(SourceModel):
    id: str


class _Category(SourceModel):
    id: str
    name: str
    slug: str
    level: int | None = None
    parent: _Id | None = None


class _Listing(SourceModel):
    isPublished: bool = False
    isAvailableForPurchase: bool | None = None


class _Product(SourceModel):
    id: str
    name: Text = None
    slug: Text = None
    description: Text = None
    seoDescription: Text = None
    category: _Id | None = None
    productType: _Id | None = None
    media: tuple[Picture, ...] | None = None
    attributes: tuple[Mapping[str, Any], ...] | None = None
    metadata: tuple[Mapping[str, Any], ...] | None = None
    channelListings: tuple[_Listing, ...] | None = None


class _Membership(SourceModel):
    id: str
    sku: Text = None
    product: _Id


def product_key(config: Any, product_id: str) -> str:
    """Return the key that a product's records share; shops count their products alike."""
    return f"{config.order_prefix}:{product_id}"


def map_category(record: SourceRecord) -> Candidate:
    """Map a category; two of one name differ by their slugs."""
    category = record.read(_Category)
    return Candidate(
        match_key=category.slug,
        number=category.name,
        values={"slug": category.slug, "name": category.name, "level": category.level},
        parents={"category": [f"#{category.parent.id}"]} if category.parent else {},
    )


def map_product(record: SourceRecord) -> Candidate:
    """Map a product; its variants tell which other systems' it is."""
    product = record.read(_Product)
    key = product_key(record.config, product.id)
    listings = product.channelListings
    kind = {"product_type": product.productType, "category": product.category}
    return Candidate(
        match_key=None,
        other_key=key,
        number=product.slug,
        values={
            "match_key": key,
            "name": product.name,
            "slug": product.slug,
            "description": product.description,
            "search_description": product.seoDescription,
            "gtin": noted(product.metadata, GTIN_KEY),
            "media_urls": addresses(product.media) or None,
            "attributes": chosen(product.attributes) or None,
            **(_state(listings) if listings else {}),
        },
        parents={entity: [f"#{each.id}"] for entity, each in kind.items() if each is not None},
    )


def _state(listings: Sequence[_Listing]) -> dict[str, bool]:
    published = [each for each in listings if each.isPublished]
    # older shops do not tell whether a listed product can be bought: then it can
    return {
        "active": bool(published),
        "is_purchasable": any(each.isAvailableForPurchase is not False for each in published),
    }


def map_membership(record: SourceRecord) -> Candidate:
    """Map that a variant belongs to a product."""
    variant = record.read(_Membership)
    key = product_key(record.config, variant.product.id)
    shared = sku_key(variant.sku)
    return Candidate(
        match_key=shared,
        other_key=key,
        number=variant.sku,
        values={"match_key": shared or key},
    )


def split_memberships(product: JsonObject) -> Iterator[JsonObject]:
    """Return the variants of a product with no more than what they belong to."""
    listed = product.get("variants")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict):
            yield {
                "id": each.get("id"),
                "sku": each.get("sku"),
                "product": {"id": product.get("id")},
            }


def _has_variants(payload: JsonObject) -> bool | None:
    told = payload.get("hasVariants")
    return told if isinstance(told, bool) else None


SALEOR_PRODUCT_TYPES = Stream(
    name="saleor_product_types",
    system=SALEOR,
    group="products",
    entity="product_type",
    description="Product types of a Saleor shop.",
    source=connection(
        "productTypes", "ProductType", "id name slug kind hasVariants", ids="filter: {ids: $ids}"
    ),
    id_field="id",
    mapper=named_mapper("name", has_variants=_has_variants),
)

SALEOR_CATEGORIES = Stream(
    name="saleor_categories",
    system=SALEOR,
    group="products",
    entity="category",
    description="Categories of a Saleor shop, with the category above.",
    source=connection(
        "categories",
        "Category",
        "id name slug level description parent { id }",
        ids="filter: {ids: $ids}",
    ),
    id_field="id",
    mapper=map_category,
)

SALEOR_ATTRIBUTES = Stream(
    name="saleor_attributes",
    system=SALEOR,
    group="products",
    description=(
        "Attributes that products and variants of a Saleor shop may have. Their values are in the "
        "column attributes of core.products and core.variants."
    ),
    source=connection(
        "attributes",
        "Attribute",
        "id name slug type inputType entityType unit",
        ids="filter: {ids: $ids}",
    ),
    id_field="id",
)

SALEOR_PRODUCTS = Stream(
    name="saleor_products",
    system=SALEOR,
    group="products",
    entity="product",
    description=(
        "Products of a Saleor shop with media, attributes, channel listings and the ids of their "
        "variants. Saleor dates neither listings nor bulk edits, so all are listed on every pull, "
        "100 in a call."
    ),
    source=connection(
        "products",
        "Product",
        "id name slug created updatedAt description seoDescription externalReference "
        "category { id } productType { id } taxClass { id } media { id url type sortOrder alt } "
        "attributes { attribute { id slug inputType } "
        "values { id slug name boolean plainText reference } } metadata { key value } "
        "channelListings { id channel { id } isPublished visibleInListings "
        "isAvailableForPurchase availableForPurchaseAt } variants { id sku }",
        ids="filter: {ids: $ids}",
    ),
    id_field="id",
    webhook=hinted("product"),
    mapper=map_product,
)

SALEOR_PRODUCT_VARIANTS = Stream(
    name="saleor_product_variants",
    system=SALEOR,
    group="products",
    entity="product",
    description=(
        "Which variant belongs to which product of a Saleor shop: by their SKUs the products of "
        "several systems meet."
    ),
    source=None,
    id_field="id",
    mapper=map_membership,
    part=Part("saleor_products", split_memberships, "product.id", is_whole=True),
)
