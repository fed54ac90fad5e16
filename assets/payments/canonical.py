"""core/payments: what a payment row is made of, and which source decides which of its columns."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from assets.balances import BALANCE
from assets.rollups import PAYMENT_STATUS
from schemabase_dagster.engine.entity import (
    Children,
    Claim,
    Entity,
    FieldGroup,
    Link,
    Totals,
    name_systems,
)
from schemabase_dagster.tables.payments import payment_allocations, payments

PRIORITY: Final = ("gateway", "shop", "erp")
"""The gateway moved the money: what it says of a payment counts first (canonical-model C3)."""


def clash(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell two payments apart that bear one reference by chance (payment guard, canonical C3).

    Customers type what they like as the reference of a transfer: where gateway and amount both
    differ, it is not the same money.
    """
    gateways = {one.get("gateway"), other.get("gateway")} - {None, "other"}
    sums = {(Decimal(each["amount"]), each["currency"]) for each in (one, other)}
    return len(gateways) > 1 and len(sums) > 1


def sum_up(claims: Sequence[Claim], _children: Children) -> Mapping[str, Any]:
    """Name the systems that know the payment."""
    return {"systems": name_systems(claims)}


PAYMENTS = Entity(
    name="payment",
    table=payments,
    group="payments",
    description=(
        "Payments: one row per payment, whatever number of systems know it. Shop, gateway and "
        "books meet by the gateway's transaction id; the gateway decides amount and status. What "
        "each of them says stands in `core.external_ref`. Which orders and invoices a payment "
        "pays is in `core.payment_allocations`; what was paid back in `core.refunds`."
    ),
    number_column="reference_number",
    sample=("reference_number", "paid_at", "gateway", "status", "currency", "amount"),
    day_column="paid_at",
    groups=(
        FieldGroup("identity", ("reference_number",), PRIORITY),
        FieldGroup("method", ("gateway", "method_type", "instrument", "profile_id"), PRIORITY),
        FieldGroup("money", ("status", "paid_at", "amount", "currency"), PRIORITY, atomic=True),
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
        FieldGroup("parties", ("contact_id",), ("erp", "owner")),
        FieldGroup("note", ("note",), ("erp", "owner")),
    ),
    totals=Totals(("systems",), sum_up),
    links=(
        Link(
            entity="order",
            table=payment_allocations,
            own_column="payment_id",
            parent_column="order_id",
            columns=("amount",),
            priority=("shop", "erp", "gateway"),
        ),
        Link(
            entity="invoice",
            table=payment_allocations,
            own_column="payment_id",
            parent_column="invoice_id",
            columns=("amount",),
            priority=("erp",),
        ),
    ),
    clash=clash,
    feeds=(PAYMENT_STATUS, BALANCE),
    defaults={"gateway": "other", "method_type": "other", "status": "pending"},
    rank=10,
)
