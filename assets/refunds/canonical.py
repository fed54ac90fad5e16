"""core/refunds: what a refund row is made of, and which source decides which of its columns."""

from typing import Final

from assets.balances import BALANCE
from assets.refunds.pairing import REFUND_PAIRS
from assets.rollups import PAYMENT_STATUS
from schemabase_dagster.engine.entity import Entity, FieldGroup, Link, Reference
from schemabase_dagster.tables.aftersales import credit_note_orders
from schemabase_dagster.tables.payments import refund_allocations, refunds

PRIORITY: Final = ("gateway", "shop", "erp")

REFUNDS = Entity(
    name="refund",
    table=refunds,
    group="payments",
    description=(
        "Refunds: one row per movement of money back to a customer, also while it is only planned. "
        "What the shop grants, what the gateway moves and what the books note are one row; they "
        "meet by the gateway's refund id, else by order, amount and time where nothing else fits. "
        "Amounts are positive. What each system says stands in `core.external_ref`, which orders a "
        "refund concerns in `core.refund_allocations`."
    ),
    number_column="refund_key",
    sample=("refund_key", "refunded_at", "status", "currency", "amount"),
    day_column="refunded_at",
    groups=(
        FieldGroup("identity", ("refund_key",), PRIORITY),
        FieldGroup("payment", ("payment_id",), PRIORITY),
        FieldGroup(
            "money",
            ("status", "amount", "currency", "requested_at", "refunded_at", "failure_reason"),
            PRIORITY,
            atomic=True,
        ),
        FieldGroup("intent", ("purpose", "shipping_amount", "reason"), ("shop", "erp", "gateway")),
        FieldGroup("method", ("method",), PRIORITY),
        FieldGroup(
            "books", ("shop_amount", "shop_currency", "shop_rate"), ("erp", "owner"), atomic=True
        ),
        FieldGroup(
            "settlement",
            (
                "settlement_amount",
                "settlement_currency",
                "settlement_rate",
                "settled_on",
                "payout_reference",
            ),
            PRIORITY,
            atomic=True,
        ),
    ),
    links=(
        Link(
            entity="order",
            table=refund_allocations,
            own_column="refund_id",
            parent_column="order_id",
            columns=("amount",),
            priority=("shop", "erp", "gateway"),
            through=(
                "credit_note",
                Link("order", credit_note_orders, "credit_note_id", "order_id"),
            ),
        ),
        Link(
            entity="credit_note",
            table=refund_allocations,
            own_column="refund_id",
            parent_column="credit_note_id",
            columns=("amount",),
        ),
    ),
    references=(Reference("payment", "payment_id"),),
    feeds=(PAYMENT_STATUS, BALANCE),
    pairing=REFUND_PAIRS,
    # The shop's grant and its event, and two credit notes that one refund pays, are one row.
    exclusive=False,
    defaults={"purpose": "other", "method": "original"},
    rank=20,
)
