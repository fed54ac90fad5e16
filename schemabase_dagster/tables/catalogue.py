"""Schema ``core``: what order lines refer to; filled when catalogue streams exist."""

from sqlalchemy import Boolean, Column, Table, UniqueConstraint, text

from schemabase_dagster.tables._columns import (
    COUNTRY_PATTERN,
    PERCENTAGE,
    UUID,
    json_object,
    metadata,
    pattern,
    stamps,
    tenant_key,
    tenant_link,
    text_column,
    uuid_key,
)

SCHEMA = "core"


def _named(name: str, comment: str) -> Table:
    return Table(
        name,
        metadata,
        uuid_key(),
        tenant_key(),
        text_column("name", "Name", nullable=False),
        text_column("normalized_name", "Letters and digits only, case-folded", nullable=False),
        *stamps(),
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "normalized_name"),
        schema=SCHEMA,
        comment=comment,
    )


tax_classes = _named("tax_classes", "Kinds of tax treatment, for instance the reduced rate")
warehouses = _named("warehouses", "Places goods are kept")

tax_rates = Table(
    "tax_rates",
    metadata,
    uuid_key(),
    tenant_key(),
    Column("tax_class_id", UUID, comment="Tax class"),
    Column("percentage", PERCENTAGE, nullable=False, comment="19 % is 19.0000"),
    text_column("country_code", "ISO 3166-1 alpha-2; null = everywhere"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "percentage", "country_code", postgresql_nulls_not_distinct=True),
    tenant_link("tax_class_id", "core.tax_classes"),
    pattern("country_code", COUNTRY_PATTERN),
    schema=SCHEMA,
    comment="Tax percentages by country",
)

products = Table(
    "products",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("name", "Name", nullable=False),
    text_column("match_key", "Natural key within the tenant", nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true"), comment="On sale"),
    json_object("sources", "Field group -> app that decided it"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "match_key"),
    schema=SCHEMA,
    comment="Products",
)

variants = Table(
    "variants",
    metadata,
    uuid_key(),
    tenant_key(),
    Column("product_id", UUID, nullable=False, comment="Product"),
    text_column("sku", "Stock keeping unit: the natural key", nullable=False),
    text_column("name", "Name of the variant"),
    Column("active", Boolean, nullable=False, server_default=text("true"), comment="On sale"),
    json_object("sources", "Field group -> app that decided it"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "sku"),
    tenant_link("product_id", "core.products"),
    schema=SCHEMA,
    comment="What is sold: one row per SKU",
)
