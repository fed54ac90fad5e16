"""Schema ``core``: goods that come back (returns) and value that is taken back (credit notes)."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from schemabase_dagster.tables._columns import (
    CURRENCY_PATTERN,
    PERCENTAGE,
    QUANTITY,
    UUID,
    json_object,
    metadata,
    money,
    one_of,
    parents_tenant,
    pattern,
    stamps,
    tenant_key,
    tenant_link,
    text_column,
    uuid_key,
)
from schemabase_dagster.tables.sales import add_references

SCHEMA = "core"


def _article(*, with_description: bool = True) -> list[Column[object]]:
    columns: list[Column[object]] = [
        text_column("sku", "Stock keeping unit; empty when the source has none", nullable=False),
        Column(
            "sku_occurrence",
            Integer,
            nullable=False,
            server_default=text("1"),
            comment="1 for the first line of this SKU in source order",
        ),
    ]
    return [*columns, text_column("description", "Name of the article")][: 2 + with_description]


credit_notes = Table(
    "credit_notes",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("credit_note_number", "Natural key", nullable=False),
    text_column("reference_number", "Free text; mostly the number of invoice or order"),
    text_column("status", "draft, pending_approval, open, closed or void", nullable=False),
    Column("issued_on", Date, nullable=False, comment="Day of the credit note"),
    Column("contact_id", UUID, comment="Who is credited"),
    Column(
        "corrects_invoice_id",
        UUID,
        comment="Invoice it corrects; what it is used for is in credit_note_allocations",
    ),
    text_column("currency", "ISO 4217, of all amounts of the row", nullable=False),
    money("total_net", "Total without tax"),
    money("total_tax", "Tax"),
    money("total_gross", "Total with tax, positive", nullable=False),
    money("balance", "What is neither applied nor refunded, by the source"),
    Column("owner_app_id", UUID, comment="App that issued it"),
    json_object("sources", "Field group -> app that decided it and since when"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "credit_note_number", deferrable=True, initially="IMMEDIATE"),
    one_of("status", "draft", "pending_approval", "open", "closed", "void"),
    pattern("currency", CURRENCY_PATTERN),
    CheckConstraint("total_gross >= 0", name="total_gross"),
    tenant_link("contact_id", "core.contacts"),
    tenant_link("corrects_invoice_id", "core.invoices", ondelete="SET NULL (corrects_invoice_id)"),
    tenant_link("owner_app_id", "platform.app"),
    Index("credit_notes_issued", "tenant_id", "issued_on"),
    Index("credit_notes_invoice", "corrects_invoice_id"),
    schema=SCHEMA,
    comment="Credit notes: one row per number, positive amounts; they lower what is owed",
)

credit_note_lines = Table(
    "credit_note_lines",
    metadata,
    uuid_key(),
    parents_tenant(),
    Column("credit_note_id", UUID, nullable=False, comment="Credit note"),
    Column("line_no", Integer, nullable=False, comment="Position, 1-based"),
    *_article(),
    Column("quantity", QUANTITY, nullable=False, comment="Credited quantity"),
    money("unit_net", "Price of one without tax"),
    money("total_net", "Line total without tax"),
    money("total_gross", "Line total with tax"),
    Column("tax_percentage", PERCENTAGE, comment="19 % is 19.0000"),
    Column(
        "is_goods",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="False for services such as shipping",
    ),
    json_object("sources", "App -> id of the line there; 'by' = app that decided the line"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("credit_note_id", "line_no"),
    tenant_link("credit_note_id", "core.credit_notes", ondelete="CASCADE"),
    schema=SCHEMA,
    comment="Lines of credit notes",
)

credit_note_orders = Table(
    "credit_note_orders",
    metadata,
    parents_tenant(),
    Column("credit_note_id", UUID, nullable=False, comment="Credit note"),
    Column("order_id", UUID, nullable=False, comment="Order whose value it lowers"),
    PrimaryKeyConstraint("credit_note_id", "order_id"),
    tenant_link("credit_note_id", "core.credit_notes", ondelete="CASCADE"),
    tenant_link("order_id", "core.orders", ondelete="CASCADE"),
    Index("credit_note_orders_order", "order_id"),
    schema=SCHEMA,
    comment="Which credit note lowers the value of which order",
)

credit_note_allocations = Table(
    "credit_note_allocations",
    metadata,
    parents_tenant(),
    Column("credit_note_id", UUID, nullable=False, comment="Credit note"),
    Column("invoice_id", UUID, nullable=False, comment="Invoice that it pays"),
    money("amount", "How much of it"),
    PrimaryKeyConstraint("credit_note_id", "invoice_id"),
    tenant_link("credit_note_id", "core.credit_notes", ondelete="CASCADE"),
    tenant_link("invoice_id", "core.invoices", ondelete="CASCADE"),
    Index("credit_note_allocations_invoice", "invoice_id"),
    schema=SCHEMA,
    comment="Which debt a credit note was used for; it may be that of another order",
)

returns = Table(
    "returns",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("return_number", "Natural key", nullable=False),
    Column("order_id", UUID, comment="Order the goods were sold with; null until that is known"),
    text_column(
        "status",
        "requested, approved, declined, partially_received, received, closed or canceled",
        nullable=False,
        server_default="requested",
    ),
    text_column(
        "refund_status",
        "none, partially_refunded or refunded, by the ERP",
        nullable=False,
        server_default="none",
    ),
    Column("requested_on", Date, comment="Day it was announced"),
    text_column("reason", "Reason that a person gave"),
    Column("owner_app_id", UUID, comment="App that owns the row: the shop, else the ERP"),
    json_object("sources", "Field group -> app that decided it and since when"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "return_number", deferrable=True, initially="IMMEDIATE"),
    one_of(
        "status",
        "requested",
        "approved",
        "declined",
        "partially_received",
        "received",
        "closed",
        "canceled",
    ),
    one_of("refund_status", "none", "partially_refunded", "refunded"),
    tenant_link("order_id", "core.orders", ondelete="SET NULL (order_id)"),
    tenant_link("owner_app_id", "platform.app"),
    Index("returns_order", "order_id"),
    Index("returns_requested", "tenant_id", "requested_on"),
    schema=SCHEMA,
    comment="Returns: one row per parcel or case of goods that come back",
)

return_lines = Table(
    "return_lines",
    metadata,
    uuid_key(),
    parents_tenant(),
    Column("return_id", UUID, nullable=False, comment="Return"),
    Column("line_no", Integer, nullable=False, comment="Position, 1-based"),
    text_column("action", "return or replace", nullable=False, server_default="return"),
    *_article(),
    Column("quantity", QUANTITY, nullable=False, comment="Announced, to come back"),
    Column(
        "quantity_credit_only",
        QUANTITY,
        nullable=False,
        server_default=text("0"),
        comment="Credited, never comes back",
    ),
    json_object("sources", "App -> id of the line there; 'by' = app that decided the quantity"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("return_id", "action", "sku", "sku_occurrence"),
    one_of("action", "return", "replace"),
    tenant_link("return_id", "core.returns", ondelete="CASCADE"),
    schema=SCHEMA,
    comment="What is to come back: one row per return, action, SKU and occurrence of the SKU",
)

return_receipts = Table(
    "return_receipts",
    metadata,
    uuid_key(),
    parents_tenant(),
    Column("return_id", UUID, nullable=False, comment="Return"),
    text_column("receipt_number", "Number of the receipt", nullable=False),
    Column("received_on", Date, nullable=False, comment="Day the goods arrived"),
    text_column("note", "Note of the warehouse"),
    json_object("sources", "App -> id of the receipt there"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("return_id", "receipt_number"),
    tenant_link("return_id", "core.returns", ondelete="CASCADE"),
    schema=SCHEMA,
    comment="What the warehouse took in: one row per receipt",
)

return_receipt_lines = Table(
    "return_receipt_lines",
    metadata,
    uuid_key(),
    parents_tenant(),
    Column("return_id", UUID, nullable=False, comment="Return"),
    text_column("receipt_number", "Receipt", nullable=False),
    text_column("action", "As in return_lines", nullable=False, server_default="return"),
    *_article(with_description=False),
    Column("quantity", QUANTITY, nullable=False, comment="Received quantity"),
    json_object("sources", "'by' = app that told it"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("return_id", "receipt_number", "action", "sku", "sku_occurrence"),
    CheckConstraint("quantity > 0", name="quantity"),
    tenant_link("return_id", "core.returns", ondelete="CASCADE"),
    # Both ends belong to the same return.
    ForeignKeyConstraint(
        ["return_id", "receipt_number"],
        ["core.return_receipts.return_id", "core.return_receipts.receipt_number"],
        ondelete="CASCADE",
        name="return_receipt_lines_receipt_fkey",
    ),
    ForeignKeyConstraint(
        ["return_id", "action", "sku", "sku_occurrence"],
        [f"core.return_lines.{name}" for name in ("return_id", "action", "sku", "sku_occurrence")],
        ondelete="CASCADE",
        name="return_receipt_lines_line_fkey",
    ),
    schema=SCHEMA,
    comment="Received quantities: one row per receipt and line of the return",
)

return_credit_notes = Table(
    "return_credit_notes",
    metadata,
    parents_tenant(),
    Column("return_id", UUID, nullable=False, comment="Return"),
    Column("credit_note_id", UUID, nullable=False, comment="Credit note that was given for it"),
    PrimaryKeyConstraint("return_id", "credit_note_id"),
    tenant_link("return_id", "core.returns", ondelete="CASCADE"),
    tenant_link("credit_note_id", "core.credit_notes", ondelete="CASCADE"),
    Index("return_credit_notes_credit_note", "credit_note_id"),
    schema=SCHEMA,
    comment="Which credit note was given for which return",
)

add_references("credit_note", credit_notes)
add_references("return", returns)
