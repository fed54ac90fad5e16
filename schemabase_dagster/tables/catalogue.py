"""Schema ``core``: what is sold, of what it is made, where it lies and what it costs."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Boolean, Column, Index, Integer, Numeric, Table, Text, text
from sqlalchemy.schema import UniqueConstraint

from schemabase_dagster.tables._columns import (
    COUNTRY_PATTERN,
    CURRENCY_PATTERN,
    MONEY,
    PERCENTAGE,
    QUANTITY,
    UUID,
    instant,
    json_object,
    metadata,
    parents_tenant,
    pattern,
    stamps,
    tenant_key,
    tenant_link,
    text_column,
    uuid_key,
)
from schemabase_dagster.tables.parties import sales_channels
from schemabase_dagster.tables.sales import add_references

SCHEMA = "core"
DECIDED = "Field group -> app that decided it"


def _named(name: str, comment: str, *further: Any, late: Sequence[Any] = ()) -> Table:
    """Return a table of things that are little more than a name; ``late`` columns stand last."""
    return Table(
        name,
        metadata,
        uuid_key(),
        tenant_key(),
        text_column("name", "Name", nullable=False),
        text_column("normalized_name", "Letters and digits only, case-folded", nullable=False),
        *further,
        json_object("sources", DECIDED),
        *stamps(),
        *late,
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "normalized_name", deferrable=True, initially="IMMEDIATE"),
        schema=SCHEMA,
        comment=comment,
    )


def _active() -> Column[Any]:
    return Column("active", Boolean, nullable=False, server_default=text("true"), comment="In use")


tax_classes = _named("tax_classes", "Kinds of tax treatment, for instance the reduced rate")
warehouses = _named("warehouses", "Places goods are kept", _active())
product_types = _named(
    "product_types",
    "Kinds of products, which share attributes",
    late=[
        Column(
            "has_variants", Boolean, comment="Variants of its products have names; null = unsaid"
        )
    ],
)

categories = Table(
    "categories",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("name", "Name", nullable=False),
    text_column("slug", "Name in the shop's addresses: the natural key", nullable=False),
    Column("parent_id", UUID, comment="Category above; null = at the top"),
    Column("level", Integer, comment="Depth in the tree, 0 at the top"),
    json_object("sources", DECIDED),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "slug", deferrable=True, initially="IMMEDIATE"),
    tenant_link("parent_id", "core.categories", ondelete="SET NULL (parent_id)"),
    schema=SCHEMA,
    comment="Categories of products, a tree",
)

tax_rates = Table(
    "tax_rates",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("rate_key", "Natural key: percentage and country", nullable=False),
    text_column("name", "Name at the deciding source"),
    Column("tax_class_id", UUID, comment="Tax class"),
    Column("percentage", PERCENTAGE, nullable=False, comment="19 % is 19.0000"),
    text_column("country_code", "ISO 3166-1 alpha-2; null = everywhere"),
    json_object("sources", DECIDED),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "rate_key", deferrable=True, initially="IMMEDIATE"),
    tenant_link("tax_class_id", "core.tax_classes", ondelete="SET NULL (tax_class_id)"),
    pattern("country_code", COUNTRY_PATTERN),
    schema=SCHEMA,
    comment="Tax percentages by country",
)

products = Table(
    "products",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("name", "Name"),
    text_column("match_key", "Natural key: the least of the keys its records bear", nullable=False),
    _active(),
    text_column("slug", "Name in the shop's addresses"),
    text_column("description", "Text of the product, as the source keeps it"),
    text_column("brand", "Brand or manufacturer"),
    Column("product_type_id", UUID, comment="Product type"),
    Column("category_id", UUID, comment="Category"),
    Column(
        "media_urls",
        ARRAY(Text),
        nullable=False,
        server_default=text("'{}'"),
        comment="Addresses of its pictures, in order",
    ),
    json_object("attributes", "Slug of the attribute -> value or values"),
    json_object("sources", DECIDED),
    *stamps(),
    Column("is_purchasable", Boolean, comment="It can be bought somewhere; null = unsaid"),
    text_column("search_description", "Short text for search engines"),
    text_column("gtin", "EAN, UPC or ISBN of a product without variants"),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "match_key", deferrable=True, initially="IMMEDIATE"),
    tenant_link("product_type_id", "core.product_types", ondelete="SET NULL (product_type_id)"),
    tenant_link("category_id", "core.categories", ondelete="SET NULL (category_id)"),
    schema=SCHEMA,
    comment="Products: what variants of one thing belong to",
)

variants = Table(
    "variants",
    metadata,
    uuid_key(),
    tenant_key(),
    Column("product_id", UUID, comment="Product, once a source knows it"),
    text_column("sku", "Stock keeping unit: the natural key; null where a source has none"),
    text_column("name", "Name of the variant"),
    Column("active", Boolean, nullable=False, server_default=text("true"), comment="On sale"),
    text_column("gtin", "EAN, UPC or ISBN"),
    text_column("unit", "Unit of its quantities, such as pcs"),
    Column("weight_g", Numeric(19, 3), comment="Weight in grams"),
    Column("is_bundle", Boolean, comment="Made of other variants; null = unsaid"),
    Column("is_tracked", Boolean, comment="Its stock is counted; null = unsaid"),
    Column("tax_class_id", UUID, comment="Tax class"),
    Column("tax_percentage", PERCENTAGE, comment="Tax rate on sales, 19 % is 19.0000"),
    json_object("attributes", "Slug of the attribute -> value or values"),
    json_object("sources", DECIDED),
    *stamps(),
    Column("media_urls", ARRAY(Text), comment="Addresses of its own pictures, in order"),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "sku", deferrable=True, initially="IMMEDIATE"),
    # A product that was taken up by another one goes; the variant finds the other at once.
    tenant_link("product_id", "core.products", ondelete="SET NULL (product_id)"),
    tenant_link("tax_class_id", "core.tax_classes", ondelete="SET NULL (tax_class_id)"),
    Index("variants_product", "product_id"),
    schema=SCHEMA,
    comment="What is sold: one row per SKU",
)

bills_of_material = Table(
    "bills_of_material",
    metadata,
    uuid_key(),
    tenant_key(),
    Column("variant_id", UUID, comment="What is made, once a source knows it"),
    text_column("kind", "assembly = made before it is sold, kit = put together when sent"),
    _active(),
    Column("owner_app_id", UUID, comment="App that keeps it"),
    json_object("sources", DECIDED),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    tenant_link("variant_id", "core.variants", ondelete="SET NULL (variant_id)"),
    tenant_link("owner_app_id", "platform.app"),
    Index("bills_of_material_variant", "variant_id"),
    schema=SCHEMA,
    comment="Bundles: variants that are made of others; the parts are in bill_of_material_lines",
)

bill_of_material_lines = Table(
    "bill_of_material_lines",
    metadata,
    uuid_key(),
    parents_tenant(),
    Column("bill_of_material_id", UUID, nullable=False, comment="Bill of material"),
    Column("line_no", Integer, nullable=False, comment="Position, 1-based"),
    text_column("sku", "Stock keeping unit of the part", nullable=False),
    Column(
        "sku_occurrence",
        Integer,
        nullable=False,
        server_default=text("1"),
        comment="1 for the first line of this SKU in source order",
    ),
    Column("component_variant_id", UUID, comment="The part, once a catalogue stream knows the SKU"),
    text_column("description", "Name of the part"),
    Column("quantity", QUANTITY, nullable=False, comment="How many go into one"),
    json_object("sources", "App -> id of the line there; 'by' = app that decided it"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("bill_of_material_id", "sku", "sku_occurrence"),
    tenant_link("bill_of_material_id", "core.bills_of_material", ondelete="CASCADE"),
    tenant_link(
        "component_variant_id", "core.variants", ondelete="SET NULL (component_variant_id)"
    ),
    schema=SCHEMA,
    comment="Parts of bundles",
)


def _quantity(name: str, comment: str) -> Column[Any]:
    return Column(name, QUANTITY, comment=comment)


stock = Table(
    "stock",
    metadata,
    uuid_key(),
    tenant_key(),
    Column("warehouse_id", UUID, comment="Warehouse, once a source knows it"),
    Column("variant_id", UUID, comment="Variant, once a source knows it"),
    _quantity("on_hand", "What lies there"),
    _quantity("committed", "What is promised to orders"),
    _quantity("available", "What may still be sold; below zero when more was promised"),
    Column("owner_app_id", UUID, comment="App that counts: each has levels of its own"),
    json_object("sources", DECIDED),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint(
        "warehouse_id", "variant_id", "owner_app_id", deferrable=True, initially="IMMEDIATE"
    ),
    tenant_link("warehouse_id", "core.warehouses", ondelete="SET NULL (warehouse_id)"),
    tenant_link("variant_id", "core.variants", ondelete="SET NULL (variant_id)"),
    tenant_link("owner_app_id", "platform.app"),
    Index("stock_variant", "variant_id"),
    schema=SCHEMA,
    comment="Stock levels: one row per warehouse, variant and app",
)

prices = Table(
    "prices",
    metadata,
    uuid_key(),
    tenant_key(),
    Column("variant_id", UUID, comment="Variant, once a source knows it"),
    Column("sales_channel_id", UUID, comment="Where it holds; null = everywhere"),
    text_column("currency", "ISO 4217; null = the tenant's currency, the source names none"),
    Column("amount", MONEY, nullable=False, comment="Price of one"),
    Column("cost_amount", MONEY, comment="What one costs the tenant"),
    Column("min_quantity", QUANTITY, nullable=False, server_default="1", comment="From how many"),
    instant("valid_from", "Begin; null = since ever"),
    instant("valid_until", "End; null = open"),
    Column("owner_app_id", UUID, comment="App whose price list it is"),
    json_object("sources", DECIDED),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    tenant_link("variant_id", "core.variants", ondelete="SET NULL (variant_id)"),
    tenant_link("sales_channel_id", "core.sales_channels", ondelete="SET NULL (sales_channel_id)"),
    tenant_link("owner_app_id", "platform.app"),
    pattern("currency", CURRENCY_PATTERN),
    Index("prices_variant", "variant_id"),
    schema=SCHEMA,
    comment="List prices: one row per variant, sales channel and app",
)

variant_ratings = Table(
    "variant_ratings",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("sku", "Stock keeping unit as the source names it", nullable=False),
    Column("variant_id", UUID, comment="Variant, once a catalogue stream knows the SKU"),
    Column("average", Numeric(6, 4), nullable=False, comment="Average stars, 1 to 5"),
    Column("rating_count", Integer, nullable=False, comment="How many ratings it is made of"),
    Column("owner_app_id", UUID, comment="App that collects them"),
    json_object("sources", DECIDED),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    tenant_link("variant_id", "core.variants", ondelete="SET NULL (variant_id)"),
    tenant_link("owner_app_id", "platform.app"),
    Index("variant_ratings_variant", "variant_id"),
    schema=SCHEMA,
    comment="Ratings of variants: one row per SKU and app that collects them",
)

for _entity, _table in (
    ("tax_class", tax_classes),
    ("tax_rate", tax_rates),
    ("warehouse", warehouses),
    ("sales_channel", sales_channels),
    ("product_type", product_types),
    ("category", categories),
    ("product", products),
    ("variant", variants),
    ("bill_of_material", bills_of_material),
    ("stock", stock),
    ("price", prices),
    ("variant_rating", variant_ratings),
):
    add_references(_entity, _table)
