"""Schema ``platform``: what others read through the gateway, and the tokens they read with."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from schemabase_dagster.tables._columns import (
    NOW,
    UUID,
    binary,
    instant,
    metadata,
    one_of,
    parents_tenant,
    pattern,
    stamps,
    tenant_key,
    tenant_link,
    text_column,
)

SCHEMA = "platform"

api_token = Table(
    "api_token",
    metadata,
    text_column("id", "Public id, which logs and lists name", primary_key=True),
    text_column("name", "Who uses it", nullable=False),
    binary("token_hash", "SHA-256 of the token, which is stored nowhere", nullable=False),
    Column("scopes", ARRAY(Text), nullable=False, comment="What it may read"),
    instant("created_at", "When it was made", nullable=False, server_default=NOW),
    instant("expires_at", "Refused from then on", nullable=False),
    instant("revoked_at", "Refused since then"),
    instant("last_used_at", "When it was last used, to the minute"),
    UniqueConstraint("token_hash"),
    pattern("id", "^tk_[a-z2-7]{10}$"),
    schema=SCHEMA,
    comment="Bearer tokens of the read API",
)

api_token_tenant = Table(
    "api_token_tenant",
    metadata,
    Column(
        "token_id",
        ForeignKey("platform.api_token.id", ondelete="CASCADE"),
        nullable=False,
        comment="Token",
    ),
    tenant_key(),
    PrimaryKeyConstraint("token_id", "tenant_id"),
    schema=SCHEMA,
    comment="Which tenants a token reads",
)

read_endpoint = Table(
    "read_endpoint",
    metadata,
    text_column("id", "Public id, part of the URL: 130 random bits", primary_key=True),
    tenant_key(),
    text_column("kind", "product_feed or logistics", nullable=False),
    text_column("name", "Name for people"),
    Column("app_id", UUID, comment="Shop whose products a feed lists"),
    Column("sales_channel_id", UUID, comment="Sales channel whose prices a feed shows"),
    text_column("link_prefix", "Address of a product in the storefront, without its slug"),
    Column(
        "enabled",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="False = refused with 403",
    ),
    instant("last_read_at", "When somebody last read it, to the minute"),
    *stamps(),
    text_column("former_id", "Id in the addresses of the older gateway"),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("former_id"),
    pattern("id", "^rd_[a-z2-7]{26}$"),
    one_of("kind", "product_feed", "logistics"),
    tenant_link("app_id", "platform.app", ondelete="CASCADE"),
    tenant_link("sales_channel_id", "core.sales_channels", ondelete="SET NULL (sales_channel_id)"),
    schema=SCHEMA,
    comment="An address at which others read something of one tenant without a token",
)

product_feed = Table(
    "product_feed",
    metadata,
    parents_tenant(),
    text_column("endpoint_id", "Endpoint", nullable=False),
    text_column("variant", "Format: googlemerchant or facebookcommerce", nullable=False),
    Column("version", Integer, nullable=False, comment="Counts the changes"),
    text_column("md5", "MD5 of the text, part of the file name", nullable=False),
    Column("byte_count", BigInteger, nullable=False, comment="Size of the text"),
    Column("part_count", Integer, nullable=False, comment="Parts it is stored in"),
    Column("row_count", Integer, nullable=False, comment="Products in it"),
    instant("changed_at", "When the text last changed", nullable=False),
    instant("made_at", "When it was last made, changed or not", nullable=False),
    PrimaryKeyConstraint("endpoint_id", "variant"),
    one_of("variant", "googlemerchant", "facebookcommerce"),
    ForeignKeyConstraint(
        ["tenant_id", "endpoint_id"],
        ["platform.read_endpoint.tenant_id", "platform.read_endpoint.id"],
        ondelete="CASCADE",
    ),
    schema=SCHEMA,
    comment="Product data feeds: one row per endpoint and format, as they are served",
)

product_feed_part = Table(
    "product_feed_part",
    metadata,
    text_column("endpoint_id", "Endpoint", nullable=False),
    text_column("variant", "Format", nullable=False),
    Column("version", Integer, nullable=False, comment="Version of the feed"),
    Column("part_no", Integer, nullable=False, comment="Place in the text, 0-based"),
    binary("body", "Bytes of the text, UTF-8", nullable=False),
    PrimaryKeyConstraint("endpoint_id", "variant", "version", "part_no"),
    ForeignKeyConstraint(
        ["endpoint_id", "variant"],
        ["platform.product_feed.endpoint_id", "platform.product_feed.variant"],
        ondelete="CASCADE",
    ),
    schema=SCHEMA,
    comment="Text of product data feeds; the version before the present one is kept for readers",
)


def _count(name: str, comment: str) -> Column[int]:
    return Column(name, Integer, nullable=False, comment=comment)


logistics_numbers = Table(
    "logistics_numbers",
    metadata,
    tenant_key(),
    _count("ready_now", "Orders that the warehouse may send today"),
    _count("ready_next_five_days", "Orders to be sent within the five days after today"),
    _count("bulk_now", "Bulk orders that the warehouse may send today"),
    _count("bulk_next_five_days", "Bulk orders to be sent within the five days after today"),
    instant("made_at", "When they were counted", nullable=False),
    PrimaryKeyConstraint("tenant_id"),
    schema=SCHEMA,
    comment="How many orders wait in the warehouse, as they are served",
)
