"""Schema ``core``: money that moved (payments, refunds, disputes) and what moving it cost."""

from sqlalchemy import CheckConstraint, Column, Date, Index, Numeric, Table, UniqueConstraint, text

from schemabase_dagster.tables._columns import (
    CURRENCY_PATTERN,
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
from schemabase_dagster.tables.sales import add_references

SCHEMA = "core"
RATE = Numeric(24, 12)

GATEWAYS = (
    "braintree",
    "paypal",
    "stripe",
    "banktransfer",
    "authorize_net",
    "customer_credit",
    "other",
)
METHOD_TYPES = (
    "card",
    "paypal",
    "banktransfer",
    "sepa_debit",
    "local_payment",
    "echeck",
    "customer_credit",
    "other",
)
COST_KINDS = ("transaction", "refund", "fee_return", "dispute", "other")


def _shop_values() -> list[Column[object]]:
    return [
        money("shop_amount", "Amount in the currency of the books, by the source"),
        text_column("shop_currency", "Currency of the books, ISO 4217"),
        Column("shop_rate", RATE, comment="Units of the books' currency for one of `currency`"),
    ]


def _settlement_values() -> list[Column[object]]:
    return [
        money("settlement_amount", "Amount the gateway settled, before its fees"),
        text_column("settlement_currency", "Currency of the settlement, ISO 4217"),
        Column(
            "settlement_rate",
            RATE,
            comment="Units of the settlement's currency for one of `currency`, by the source",
        ),
        Column("settled_on", Date, comment="Day the gateway paid it out"),
        text_column("payout_reference", "Which payout of the gateway it is part of"),
    ]


def _whole_groups() -> list[CheckConstraint]:
    return [
        CheckConstraint(
            "num_nonnulls(shop_amount, shop_currency, shop_rate) IN (0, 3)", name="shop"
        ),
        CheckConstraint(
            "num_nonnulls(settlement_amount, settlement_currency) IN (0, 2)", name="settlement"
        ),
    ]


payments = Table(
    "payments",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column(
        "reference_number", "Natural key: the gateway's transaction id, if any", nullable=False
    ),
    text_column("gateway", "Who moved the money", nullable=False, server_default="other"),
    text_column("method_type", "How the customer paid", nullable=False, server_default="other"),
    text_column("instrument", "The gateway's own name of the method, such as apple_pay_card"),
    text_column("profile_id", "Customer profile at the gateway"),
    text_column(
        "status",
        "pending, authorized, paid, failed or canceled; what was paid back is in core.refunds",
        nullable=False,
        server_default="pending",
    ),
    instant("paid_at", "When the money moved, or was promised while it has not moved"),
    money("amount", "Amount in the customer's currency, refunds not deducted", nullable=False),
    text_column("currency", "ISO 4217", nullable=False),
    *_shop_values(),
    *_settlement_values(),
    Column("contact_id", UUID, comment="Who paid"),
    text_column("note", "Note of the source"),
    Column("owner_app_id", UUID, comment="App that owns the row: the shop, else the ERP"),
    json_object("sources", "Field group -> app that decided it and since when"),
    *stamps(),
    systems(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "reference_number", deferrable=True, initially="IMMEDIATE"),
    one_of("gateway", *GATEWAYS),
    one_of("method_type", *METHOD_TYPES),
    one_of("status", "pending", "authorized", "paid", "failed", "canceled"),
    pattern("currency", CURRENCY_PATTERN),
    *_whole_groups(),
    tenant_link("contact_id", "core.contacts"),
    tenant_link("owner_app_id", "platform.app"),
    Index("payments_paid", "tenant_id", "paid_at"),
    Index("payments_contact", "contact_id"),
    schema=SCHEMA,
    comment="Payments: one row per payment, whatever number of systems know it",
)

payment_allocations = Table(
    "payment_allocations",
    metadata,
    uuid_key("Our id"),
    parents_tenant(),
    Column("payment_id", UUID, nullable=False, comment="Payment"),
    Column("order_id", UUID, comment="Order it pays"),
    Column("invoice_id", UUID, comment="Invoice it pays"),
    money("amount", "Share of the payment in its currency; null = the whole payment"),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("payment_id", "order_id", "invoice_id", postgresql_nulls_not_distinct=True),
    CheckConstraint("num_nonnulls(order_id, invoice_id) = 1", name="target"),
    tenant_link("payment_id", "core.payments", ondelete="CASCADE"),
    tenant_link("order_id", "core.orders", ondelete="CASCADE"),
    tenant_link("invoice_id", "core.invoices", ondelete="CASCADE"),
    Index("payment_allocations_order", "order_id"),
    Index("payment_allocations_invoice", "invoice_id"),
    schema=SCHEMA,
    comment="Which payment pays which order, and which invoice",
)

refunds = Table(
    "refunds",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("refund_key", "Natural key: the gateway's refund id, if any", nullable=False),
    Column("payment_id", UUID, comment="Payment that was paid back; null until that is known"),
    text_column(
        "status",
        "requested, pending, succeeded, failed, reversed or canceled",
        nullable=False,
        server_default="requested",
    ),
    text_column(
        "purpose",
        "return, cancellation, price_adjustment, goodwill, overpayment or other",
        nullable=False,
        server_default="other",
    ),
    text_column(
        "method",
        "original (the way it was paid), bank_transfer, cash, store_credit or other",
        nullable=False,
        server_default="original",
    ),
    money("amount", "Amount in the customer's currency, positive", nullable=False),
    text_column("currency", "ISO 4217", nullable=False),
    money("shipping_amount", "What of it pays back shipping"),
    *_shop_values(),
    *_settlement_values(),
    instant("requested_at", "When it was asked for"),
    instant("refunded_at", "When the money moved"),
    text_column("reason", "Reason that a person gave"),
    text_column("failure_reason", "Why it failed, by the gateway"),
    Column("owner_app_id", UUID, comment="App that owns the row: the shop, else the ERP"),
    json_object("sources", "Field group -> app that decided it and since when"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "refund_key", deferrable=True, initially="IMMEDIATE"),
    one_of("status", "requested", "pending", "succeeded", "failed", "reversed", "canceled"),
    one_of(
        "purpose",
        "return",
        "cancellation",
        "price_adjustment",
        "goodwill",
        "overpayment",
        "other",
    ),
    one_of("method", "original", "bank_transfer", "cash", "store_credit", "other"),
    pattern("currency", CURRENCY_PATTERN),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("status <> 'succeeded' OR refunded_at IS NOT NULL", name="refunded_at"),
    *_whole_groups(),
    tenant_link("payment_id", "core.payments", ondelete="SET NULL (payment_id)"),
    tenant_link("owner_app_id", "platform.app"),
    Index("refunds_payment", "payment_id"),
    Index("refunds_refunded", "tenant_id", "refunded_at"),
    Index(
        "refunds_open",
        "tenant_id",
        "requested_at",
        postgresql_where=text("status IN ('requested', 'pending')"),
    ),
    schema=SCHEMA,
    comment="Refunds: one row per movement of money back to a customer, also while it is planned",
)

refund_allocations = Table(
    "refund_allocations",
    metadata,
    uuid_key("Our id"),
    parents_tenant(),
    Column("refund_id", UUID, nullable=False, comment="Refund"),
    Column("order_id", UUID, comment="Order it concerns"),
    money("amount", "Share of the refund in its currency; null = the whole refund"),
    Column("credit_note_id", UUID, comment="Credit note it pays out"),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("refund_id", "order_id", "credit_note_id", postgresql_nulls_not_distinct=True),
    CheckConstraint("num_nonnulls(order_id, credit_note_id) = 1", name="target"),
    tenant_link("refund_id", "core.refunds", ondelete="CASCADE"),
    tenant_link("order_id", "core.orders", ondelete="CASCADE"),
    tenant_link("credit_note_id", "core.credit_notes", ondelete="CASCADE"),
    Index("refund_allocations_order", "order_id"),
    Index("refund_allocations_credit_note", "credit_note_id"),
    schema=SCHEMA,
    comment="Which refund concerns which order, and which credit note it pays out",
)

disputes = Table(
    "disputes",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("dispute_key", "Natural key: the gateway's dispute id", nullable=False),
    Column("payment_id", UUID, comment="Disputed payment; null until that is known"),
    Column("original_dispute_id", UUID, comment="Dispute that this one goes on from"),
    text_column("case_number", "Number of the case at the bank"),
    text_column(
        "kind", "retrieval (moves no money), chargeback or pre_arbitration", nullable=False
    ),
    text_column(
        "status",
        "open, under_review, disputed, accepted, expired, won or lost",
        nullable=False,
    ),
    text_column("reason", "Reason of the bank, such as fraud or product_not_received"),
    text_column("reason_code", "Its code"),
    money("amount", "Disputed amount", nullable=False),
    text_column("currency", "ISO 4217", nullable=False),
    money("funds_withdrawn", "What the gateway took back", nullable=False),
    money("funds_returned", "What of it was given back after the dispute was won", nullable=False),
    Column("opened_on", Date, comment="Day it was opened"),
    Column("reply_by", Date, comment="Last day to answer"),
    Column("resolved_on", Date, comment="Day it ended"),
    text_column("payout_reference", "Which payout of the gateway it is part of"),
    Column("owner_app_id", UUID, comment="App that told of it"),
    json_object("sources", "Field group -> app that decided it and since when"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "dispute_key", deferrable=True, initially="IMMEDIATE"),
    one_of("kind", "retrieval", "chargeback", "pre_arbitration"),
    one_of("status", "open", "under_review", "disputed", "accepted", "expired", "won", "lost"),
    pattern("currency", CURRENCY_PATTERN),
    CheckConstraint("amount > 0", name="amount"),
    CheckConstraint("funds_returned <= funds_withdrawn", name="funds"),
    tenant_link("payment_id", "core.payments", ondelete="SET NULL (payment_id)"),
    tenant_link("original_dispute_id", "core.disputes", ondelete="SET NULL (original_dispute_id)"),
    tenant_link("owner_app_id", "platform.app"),
    Index("disputes_payment", "payment_id"),
    Index("disputes_opened", "tenant_id", "opened_on"),
    schema=SCHEMA,
    comment="Disputes: payments that a customer's bank questions or takes back",
)

transaction_costs = Table(
    "transaction_costs",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("cost_key", "Natural key: transaction id and kind", nullable=False),
    Column("payment_id", UUID, comment="Payment it was charged for; null until that is known"),
    Column("refund_id", UUID, comment="Refund it was charged or given back for"),
    Column("dispute_id", UUID, comment="Dispute it was charged for"),
    text_column(
        "kind",
        "transaction, refund, fee_return (negative), dispute or other",
        nullable=False,
    ),
    text_column(
        "source",
        "Where it was read: paypal_fee, sepa_fee, fee_report, bank_charges, ...",
        nullable=False,
    ),
    money("amount", "What it cost; negative = given back", nullable=False),
    text_column(
        "currency", "ISO 4217, of the fee: it may differ from the payment's", nullable=False
    ),
    instant(
        "as_of",
        "What dates it: settlement or payout of its transaction; created_at tells when we learned it",
    ),
    Column("owner_app_id", UUID, comment="App that told it"),
    json_object("sources", "Field group -> app that decided it and since when"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "cost_key", deferrable=True, initially="IMMEDIATE"),
    one_of("kind", *COST_KINDS),
    pattern("currency", CURRENCY_PATTERN),
    CheckConstraint("num_nonnulls(refund_id, dispute_id) <= 1", name="target"),
    tenant_link("payment_id", "core.payments", ondelete="SET NULL (payment_id)"),
    tenant_link("refund_id", "core.refunds", ondelete="SET NULL (refund_id)"),
    tenant_link("dispute_id", "core.disputes", ondelete="SET NULL (dispute_id)"),
    tenant_link("owner_app_id", "platform.app"),
    Index("transaction_costs_payment", "payment_id"),
    Index("transaction_costs_refund", "refund_id"),
    Index("transaction_costs_dispute", "dispute_id"),
    Index("transaction_costs_as_of", "tenant_id", "as_of"),
    schema=SCHEMA,
    comment="Transaction costs: one row per fee of a payment, a refund or a dispute",
)

add_references("payment", payments)
add_references("refund", refunds)
add_references("dispute", disputes)
add_references("transaction_cost", transaction_costs)
