"""Schema ``core``: orders, their lines, invoices and the references to source records."""

from typing import Any

from sqlalchemy import (
    DDL,
    Boolean,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    event,
    text,
)

from schemabase_dagster.tables._columns import (
    CARRIERS,
    CURRENCY_PATTERN,
    LANGUAGE_PATTERN,
    NOW,
    PERCENTAGE,
    QUANTITY,
    UUID,
    instant,
    json_object,
    metadata,
    money,
    one_of,
    parents_tenant,
    pattern,
    stamps,
    systems,
    tenant_key,
    tenant_link,
    text_column,
    uuid_key,
)
from schemabase_dagster.tables.parties import companies, contacts

SCHEMA = "core"


def _sum(name: str, comment: str) -> Column[Any]:
    """Sum that the engine keeps; 0 as long as there is nothing to add."""
    return money(name, comment, nullable=False, server_default=text("0"))


orders = Table(
    "orders",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("order_number", "Natural key, with the shop's prefix", nullable=False),
    text_column("reference_number", "Reference by the owner: shop id or purchase order"),
    Column("owner_app_id", UUID, comment="App the order was placed in"),
    instant("ordered_at", "When it was placed", nullable=False),
    Column("expected_ship_date", Date, comment="Promised day of shipping"),
    text_column(
        "carrier", "Carrier by the shipping method", nullable=False, server_default="unknown"
    ),
    text_column("customer_note", "Note of the customer"),
    text_column(
        "status",
        "draft, unconfirmed, confirmed, closed or canceled",
        nullable=False,
        server_default="draft",
    ),
    text_column(
        "payment_status",
        "By the owner until payments are linked",
        nullable=False,
        server_default="unpaid",
    ),
    text_column(
        "shipment_status",
        "By its packages when there is one, else by the ERP, else the shop",
        nullable=False,
        server_default="pending",
    ),
    text_column("invoice_status", "By the ERP", nullable=False, server_default="not_invoiced"),
    Column(
        "ready_to_fulfill",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="The warehouse may start",
    ),
    text_column("currency", "ISO 4217, of all amounts of the order", nullable=False),
    Column("prices_include_tax", Boolean, comment="Whether the source calculates from gross"),
    money("shipping_net", "Shipping without tax"),
    money("shipping_gross", "Shipping with tax"),
    text_column("shipping_method_name", "Shipping method as the customer saw it"),
    text_column("discount_code", "Voucher code"),
    money("discount_net", "Discount of the whole order without tax"),
    money("discount_gross", "Discount of the whole order with tax"),
    money("adjustment", "Rounding or manual adjustment, part of the total"),
    money("total_net", "Total without tax"),
    money("total_gross", "Total with tax, shipping and adjustment", nullable=False),
    Column("contact_id", UUID, comment="Customer; null when the source names no e-mail"),
    text_column("first_name", "First name of the customer on this order"),
    text_column("last_name", "Last name of the customer on this order"),
    text_column("language", "BCP 47"),
    Column("shipping_address_id", UUID, comment="Delivery address"),
    Column("billing_address_id", UUID, comment="Invoice address"),
    Column("sales_channel_id", UUID, comment="Where it was placed"),
    json_object("sources", "Field group -> app that decided it and since when"),
    *stamps(),
    Column(
        "line_count",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="Number of its lines",
    ),
    Column(
        "quantity",
        QUANTITY,
        nullable=False,
        server_default=text("0"),
        comment="Sum of the quantities of its lines",
    ),
    systems(),
    _sum(
        "invoiced_amount",
        "Its invoices, drafts and void ones left out; of one that bills several its share",
    ),
    _sum("credited_amount", "Its credit notes, open and closed"),
    _sum("credit_used_amount", "What of its credit notes paid invoices"),
    _sum("paid_amount", "Payments for it, refunds not deducted, in its currency"),
    _sum("refunded_amount", "What went back to the customer"),
    _sum("refunds_agreed_amount", "Refunds asked for, under way or done, overpayments left out"),
    _sum("refunds_done_amount", "Refunds done or booked, overpayments left out"),
    _sum("disputed_amount", "What banks took back, less what they gave back again"),
    money("transaction_fees", "What its payments cost; null = untold, or nobody converts it"),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "order_number", deferrable=True, initially="IMMEDIATE"),
    one_of("carrier", *CARRIERS),
    one_of("status", "draft", "unconfirmed", "confirmed", "closed", "canceled"),
    one_of(
        "payment_status",
        "unpaid",
        "partially_paid",
        "fully_paid",
        "partially_refunded",
        "fully_refunded",
    ),
    one_of("shipment_status", "pending", "partially_shipped", "shipped", "delivered"),
    one_of("invoice_status", "not_invoiced", "partially_invoiced", "invoiced"),
    pattern("currency", CURRENCY_PATTERN),
    pattern("language", LANGUAGE_PATTERN),
    tenant_link("contact_id", "core.contacts"),
    tenant_link("owner_app_id", "platform.app"),
    tenant_link("shipping_address_id", "core.addresses"),
    tenant_link("billing_address_id", "core.addresses"),
    tenant_link("sales_channel_id", "core.sales_channels"),
    Index("orders_ordered", "tenant_id", "ordered_at"),
    Index("orders_contact", "contact_id"),
    schema=SCHEMA,
    comment="Sales orders: one row per real order, whatever number of systems know it",
)

order_lines = Table(
    "order_lines",
    metadata,
    uuid_key(),
    parents_tenant(),
    Column("order_id", UUID, nullable=False, comment="Order"),
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
    text_column("description", "Name of the article on the order"),
    Column("quantity", QUANTITY, nullable=False, comment="Ordered quantity"),
    Column("warehouse_id", UUID, comment="Warehouse"),
    Column("tax_percentage", PERCENTAGE, comment="19 % is 19.0000"),
    money("unit_net", "Price of one, after discount, without tax"),
    money("unit_gross", "Price of one, after discount, with tax"),
    money("undiscounted_unit_net", "Price of one before discount, without tax"),
    money("undiscounted_unit_gross", "Price of one before discount, with tax"),
    money("total_net", "Line total without tax"),
    money("total_gross", "Line total with tax"),
    money("discount_net", "Discount of the line without tax"),
    json_object("sources", "App -> id of the line there; 'by' = app that decided the prices"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("order_id", "sku", "sku_occurrence"),
    tenant_link("order_id", "core.orders", ondelete="CASCADE"),
    tenant_link("variant_id", "core.variants", ondelete="SET NULL (variant_id)"),
    tenant_link("warehouse_id", "core.warehouses", ondelete="SET NULL (warehouse_id)"),
    schema=SCHEMA,
    comment="Lines of sales orders: one row per order, SKU and occurrence of the SKU",
)

invoices = Table(
    "invoices",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("invoice_number", "Natural key", nullable=False),
    Column("issued_on", Date, comment="Day of the invoice"),
    Column("due_on", Date, comment="Day it is due"),
    text_column("status", "draft, open, overdue, partially_paid, paid or void"),
    text_column("currency", "ISO 4217", nullable=False),
    money("total_net", "Total without tax"),
    money("total_gross", "Total with tax", nullable=False),
    money("open_amount", "What is left to pay, by the source"),
    Column("contact_id", UUID, comment="Invoiced contact"),
    Column("owner_app_id", UUID, comment="App that issued it"),
    json_object("sources", "Field group -> app that decided it and since when"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "invoice_number", deferrable=True, initially="IMMEDIATE"),
    one_of("status", "draft", "open", "overdue", "partially_paid", "paid", "void"),
    pattern("currency", CURRENCY_PATTERN),
    tenant_link("contact_id", "core.contacts"),
    tenant_link("owner_app_id", "platform.app"),
    Index("invoices_issued", "tenant_id", "issued_on"),
    schema=SCHEMA,
    comment="Invoices: one row per invoice number",
)

invoice_orders = Table(
    "invoice_orders",
    metadata,
    parents_tenant(),
    Column("invoice_id", UUID, nullable=False, comment="Invoice"),
    Column("order_id", UUID, nullable=False, comment="Order it bills"),
    PrimaryKeyConstraint("invoice_id", "order_id"),
    tenant_link("invoice_id", "core.invoices", ondelete="CASCADE"),
    tenant_link("order_id", "core.orders", ondelete="CASCADE"),
    Index("invoice_orders_order", "order_id"),
    schema=SCHEMA,
    comment="Which invoice bills which order",
)

external_ref = Table(
    "external_ref",
    metadata,
    parents_tenant(),
    Column("app_id", UUID, nullable=False, comment="App"),
    text_column("entity", "Kind of canonical row", nullable=False),
    text_column("external_id", "Id in the source system", nullable=False),
    text_column(
        "scope", "Second half of a composite source key", nullable=False, server_default=""
    ),
    Column("core_id", UUID, nullable=False, comment="Our row"),
    text_column("stream", "Stream of the record", nullable=False),
    text_column("external_number", "The human number there"),
    text_column("match_key", "Natural key of the record when last mapped"),
    text_column("other_key", "Second natural key, for instance the shop's number in the ERP"),
    text_column("status", "The source's own status text, untranslated"),
    json_object("attrs", "Facts for checks: total, currency, status"),
    instant("source_updated_at", "Modified time by the source"),
    instant("first_seen_at", "When the link was made", nullable=False, server_default=NOW),
    instant("deleted_at", "The source has the record no more"),
    PrimaryKeyConstraint("entity", "app_id", "external_id", "scope"),
    ForeignKeyConstraint(
        ["tenant_id", "app_id"], ["platform.app.tenant_id", "platform.app.id"], ondelete="CASCADE"
    ),
    Index("external_ref_core", "entity", "core_id"),
    Index("external_ref_match", "entity", "tenant_id", "match_key"),
    Index(
        "external_ref_other",
        "entity",
        "tenant_id",
        "other_key",
        postgresql_where=text("other_key IS NOT NULL"),
    ),
    schema=SCHEMA,
    comment="Which canonical row is which record of which app",
    postgresql_partition_by="LIST (entity)",
)


def add_references(entity: str, table: Table) -> None:
    """Give an entity its own partition of ``external_ref``, with a foreign key to its table."""
    partition = f"core.external_ref_{entity}"
    external_ref.add_is_dependent_on(table)
    key = f"(tenant_id, core_id) REFERENCES core.{table.name} (tenant_id, id) ON DELETE CASCADE"
    for statement in (
        f"CREATE TABLE {partition} PARTITION OF core.external_ref FOR VALUES IN ('{entity}')",
        f"ALTER TABLE {partition} ADD FOREIGN KEY {key}",
    ):
        event.listen(
            external_ref,
            "after_create",
            DDL(statement),  # type: ignore[no-untyped-call]  # SQLAlchemy leaves DDL untyped
        )


add_references("company", companies)
add_references("contact", contacts)
add_references("order", orders)
add_references("invoice", invoices)
