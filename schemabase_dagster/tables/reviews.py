"""Schema ``core``: what customers write about products and about the merchant."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from schemabase_dagster.tables._columns import (
    UUID,
    instant,
    json_object,
    metadata,
    one_of,
    stamps,
    tenant_key,
    tenant_link,
    text_column,
    uuid_key,
)
from schemabase_dagster.tables.sales import add_references

SCHEMA = "core"


def _texts(name: str, comment: str) -> Column[object]:
    return Column(name, ARRAY(Text), nullable=False, server_default=text("'{}'"), comment=comment)


reviews = Table(
    "reviews",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("review_key", "Natural key: system, kind and id there", nullable=False),
    text_column("review_type", "product, or merchant = the company as a whole", nullable=False),
    text_column("sku", "Stock keeping unit of a reviewed product, as the source names it"),
    Column("variant_id", UUID, comment="Variant, once a catalogue stream knows the SKU"),
    text_column("product_name", "Name of the product where it was reviewed"),
    text_column("order_number", "Order that the review names, with the shop's prefix"),
    Column("order_id", UUID, comment="Order, once a source knows the number"),
    Column("rating", SmallInteger, nullable=False, comment="Stars, 1 (worst) to 5"),
    text_column("title", "Headline"),
    text_column("body", "Text of the review; null = stars only"),
    text_column("author_name", "Name that the review shows"),
    text_column("author_email", "E-mail of the author; null unless the app keeps e-mails"),
    text_column("author_email_sha256", "SHA-256 of the normalised e-mail: tells authors apart"),
    Column("is_verified_buyer", Boolean, comment="The source knows of a purchase; null = unsaid"),
    json_object("sub_ratings", "Question -> stars, for instance Quality or Delivery"),
    _texts("tags", "Tags that the merchant gave it"),
    _texts("photos", "Addresses of its pictures"),
    Column(
        "helpful_votes",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="How many readers found it helpful",
    ),
    text_column("reply_body", "Latest reply of the merchant"),
    instant("replied_at", "When that was written"),
    instant("reviewed_at", "When the review was written", nullable=False),
    Column("owner_app_id", UUID, comment="App that collected it"),
    json_object("sources", "Field group -> app that decided it and since when"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "review_key", deferrable=True, initially="IMMEDIATE"),
    one_of("review_type", "product", "merchant"),
    CheckConstraint("rating BETWEEN 1 AND 5", name="rating"),
    tenant_link("variant_id", "core.variants", ondelete="SET NULL (variant_id)"),
    # An order that was taken up by another one goes; the review finds the other by its number.
    tenant_link("order_id", "core.orders", ondelete="SET NULL (order_id)"),
    tenant_link("owner_app_id", "platform.app"),
    Index("reviews_reviewed", "tenant_id", "reviewed_at"),
    Index("reviews_sku", "tenant_id", "sku"),
    Index("reviews_order", "order_id"),
    Index("reviews_variant", "variant_id"),
    schema=SCHEMA,
    comment="Reviews of products and of the merchant: one row per review, also while its order or "
    "product is not known",
)

add_references("review", reviews)
