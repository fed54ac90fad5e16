"""core/products: which variants are one product, and what the systems say about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from assets.named import PRIORITY, named_entity
from schemabase_dagster.engine.entity import Claim, Entity, FieldGroup, Reference
from schemabase_dagster.tables.catalogue import categories, product_types, products


def decide_key(claims: Sequence[Claim]) -> Mapping[str, Any]:
    """Take the least of all keys: the same one in whatever order the records came."""
    return {"match_key": min(claim.values["match_key"] for claim in claims)}


PRODUCT_TYPES = named_entity(
    "product_type",
    product_types,
    "Kinds of products, which share attributes: one row per name.",
    group="products",
    rank=-8,
    columns=("has_variants",),
)

CATEGORIES = Entity(
    name="category",
    table=categories,
    group="products",
    description="Categories of the shop, a tree: one row per slug.",
    number_column="slug",
    sample=("slug", "name", "level"),
    groups=(
        FieldGroup("all", ("slug", "name", "level"), PRIORITY),
        FieldGroup("parent", ("parent_id",), PRIORITY),
    ),
    references=(Reference("category", "parent_id"),),
    exclusive=False,
    rank=-7,
)

PRODUCTS = Entity(
    name="product",
    table=products,
    group="products",
    description=(
        "Products: what variants of one thing belong to. Systems meet by their variants: products "
        "that share a SKU are one, and so are the items of a group. An ERP names them, the shop "
        "tells type, category, text and pictures where the ERP has none."
    ),
    number_column="match_key",
    sample=("name", "match_key", "active"),
    groups=(
        FieldGroup("key", ("match_key",), PRIORITY, decide=decide_key),
        FieldGroup(
            "texts",
            (
                "name",
                "description",
                "search_description",
                "brand",
                "gtin",
                "slug",
                "media_urls",
                "attributes",
            ),
            ("erp", "shop"),
        ),
        FieldGroup("state", ("active", "is_purchasable"), ("shop", "erp")),
        FieldGroup("place", ("product_type_id", "category_id"), ("erp", "shop")),
    ),
    references=(
        Reference("product_type", "product_type_id"),
        Reference("category", "category_id"),
    ),
    exclusive=False,
    defaults={"active": True, "media_urls": [], "attributes": {}},
    rank=-6,
)
