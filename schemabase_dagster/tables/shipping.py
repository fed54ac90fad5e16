"""Schema ``core``: packages and what lies in them."""

from sqlalchemy import ARRAY, Boolean, Column, Index, Integer, Table, Text, UniqueConstraint, text

from schemabase_dagster.tables._columns import (
    CARRIERS,
    QUANTITY,
    UUID,
    instant,
    json_object,
    metadata,
    one_of,
    parents_tenant,
    stamps,
    tenant_key,
    tenant_link,
    text_column,
    uuid_key,
)
from schemabase_dagster.tables.sales import add_references

SCHEMA = "core"

PACKAGE_STATES = (
    "init",
    "pending",
    "information_received",
    "in_transit",
    "out_for_delivery",
    "failed_attempt",
    "available_for_pickup",
    "delivered",
    "exception",
    "expired",
)

packages = Table(
    "packages",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("package_number", "Natural key", nullable=False),
    Column("order_id", UUID, comment="Order it belongs to; null until that is known"),
    Column("owner_app_id", UUID, comment="App that owns the row: the shop, else the ERP"),
    Column(
        "active",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="False once it was canceled",
    ),
    text_column("carrier", "Who carries it", nullable=False, server_default="unknown"),
    text_column(
        "state",
        "init, pending, information_received, in_transit, out_for_delivery, failed_attempt, "
        "available_for_pickup, delivered, exception or expired",
        nullable=False,
        server_default="init",
    ),
    text_column("tracking_id", "Tracking number, the first of several"),
    Column("tracking_ids", ARRAY(Text), comment="All tracking numbers, when there are several"),
    Column(
        "is_multi_piece",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Several pieces, each with a tracking number of its own",
    ),
    text_column("carrier_tracking_url", "Page of the carrier, where the source names it"),
    instant("packed_at", "When the source made the package"),
    instant("shipped_at", "When it left the house; the day, where the source has no time"),
    instant("delivered_at", "When it arrived; the day, where the source has no time"),
    json_object("sources", "Field group -> app that decided it and since when"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "package_number", deferrable=True, initially="IMMEDIATE"),
    one_of("carrier", *CARRIERS),
    one_of("state", *PACKAGE_STATES),
    tenant_link("order_id", "core.orders", ondelete="SET NULL (order_id)"),
    tenant_link("owner_app_id", "platform.app"),
    Index("packages_order", "order_id"),
    Index(
        "packages_tracking",
        "tenant_id",
        "carrier",
        "tracking_id",
        postgresql_where=text("tracking_id IS NOT NULL"),
    ),
    # The read API looks for the further numbers of several pieces.
    Index(
        "packages_tracking_ids",
        "tracking_ids",
        postgresql_using="gin",
        postgresql_where=text("tracking_ids IS NOT NULL"),
    ),
    schema=SCHEMA,
    comment="Packages: one row per parcel, whatever number of systems know it",
)

package_lines = Table(
    "package_lines",
    metadata,
    uuid_key(),
    parents_tenant(),
    Column("package_id", UUID, nullable=False, comment="Package"),
    Column("line_no", Integer, nullable=False, comment="Position, 1-based"),
    text_column("sku", "Stock keeping unit; empty when the source has none", nullable=False),
    Column(
        "sku_occurrence",
        Integer,
        nullable=False,
        server_default=text("1"),
        comment="1 for the first line of this SKU in source order",
    ),
    Column("variant_id", UUID, comment="Variant, once a catalogue stream knows the SKU"),
    text_column("description", "Name of the article"),
    Column("quantity", QUANTITY, nullable=False, comment="Packed quantity"),
    Column("warehouse_id", UUID, comment="Warehouse"),
    json_object("sources", "App -> id of the line there; 'by' = app that decided the quantity"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("package_id", "sku", "sku_occurrence"),
    tenant_link("package_id", "core.packages", ondelete="CASCADE"),
    tenant_link("variant_id", "core.variants", ondelete="SET NULL (variant_id)"),
    tenant_link("warehouse_id", "core.warehouses", ondelete="SET NULL (warehouse_id)"),
    schema=SCHEMA,
    comment="What lies in packages: one row per package, SKU and occurrence of the SKU",
)

add_references("package", packages)
