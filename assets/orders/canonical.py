"""core/orders: what an order row is made of, and which source decides which of its columns."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from assets.balances import BALANCE
from assets.rollups import PAYMENT_STATUS, SHIPMENT_STATUS
from schemabase_dagster.engine.entity import (
    Child,
    Children,
    Claim,
    Entity,
    FieldGroup,
    Naming,
    Totals,
    name_systems,
)
from schemabase_dagster.tables.sales import order_lines, orders


def decide_status(claims: Sequence[Claim]) -> Mapping[str, Any]:
    """Let the owner cancel, the ERP close, and else the owner tell the status (canonical C3)."""
    by_rank = {claim.is_owner: claim.values.get("status") for claim in reversed(claims)}
    owner = by_rank.get(True)
    if owner == "canceled":
        return {"status": owner}
    if any(_erp_says(claim, "closed") for claim in claims):
        return {"status": "closed"}
    return {"status": owner or by_rank.get(False) or "draft"}


def decide_readiness(claims: Sequence[Claim]) -> Mapping[str, Any]:
    """Follow the ERP's flag where it has one; else an order may ship once confirmed and paid."""
    for claim in claims:
        flag = claim.values.get("ready_to_fulfill")
        if claim.role == "erp" and flag is not None:
            return {"ready_to_fulfill": flag}
    flags = (claim.values.get("ready_to_fulfill") for claim in claims)
    return {"ready_to_fulfill": next((flag for flag in flags if flag is not None), False)}


def sum_up(claims: Sequence[Claim], children: Children) -> Mapping[str, Any]:
    """Count lines and quantities, and name the systems that know the order."""
    lines = children["lines"]
    return {
        "line_count": len(lines),
        "quantity": sum([line["quantity"] for line in lines]),
        "systems": name_systems(claims),
    }


def _erp_says(claim: Claim, status: str) -> bool:
    return claim.role == "erp" and claim.values.get("status") == status


ORDERS = Entity(
    name="order",
    table=orders,
    group="orders",
    description=(
        "Sales orders: one row per real order, whatever number of systems know it. Orders of the "
        "shop and of the ERP meet by order number; the system an order was placed in decides its "
        "amounts, lines and parties, the ERP its logistics and invoice status. The column "
        "`sources` names who decided which group of columns. Lines are in `core.order_lines`, "
        "addresses in `core.addresses`. Drafts of the shop are left out. A bulk order "
        "that the books do not know has the currency XXX (none), a total of 0 and no lines."
    ),
    number_column="order_number",
    sample=("order_number", "ordered_at", "status", "currency", "total_gross"),
    day_column="ordered_at",
    groups=(
        FieldGroup("identity", ("order_number", "reference_number", "ordered_at"), ("owner",)),
        FieldGroup("channel", ("sales_channel_id",), ("owner", "shop")),
        FieldGroup(
            "totals",
            (
                "currency",
                "prices_include_tax",
                "shipping_net",
                "shipping_gross",
                "discount_code",
                "discount_net",
                "discount_gross",
                "adjustment",
                "total_net",
                "total_gross",
            ),
            ("owner", "erp"),
            atomic=True,
        ),
        FieldGroup("status", ("status",), ("owner", "erp"), decide=decide_status),
        FieldGroup("payment_status", ("payment_status",), ("owner", "erp")),
        FieldGroup("shipment_status", ("shipment_status",), ("erp", "owner")),
        FieldGroup("invoice_status", ("invoice_status",), ("erp", "owner")),
        FieldGroup(
            "logistics",
            ("expected_ship_date", "carrier", "shipping_method_name"),
            ("erp", "owner"),
        ),
        FieldGroup("readiness", ("ready_to_fulfill",), ("erp", "owner"), decide=decide_readiness),
        FieldGroup(
            "parties",
            (
                "contact_id",
                "first_name",
                "last_name",
                "language",
                "shipping_address_id",
                "billing_address_id",
                "customer_note",
            ),
            ("owner", "erp"),
        ),
    ),
    children=(
        Child(
            kind="lines",
            table=order_lines,
            parent_column="order_id",
            key=("sku", "sku_occurrence"),
            fill=("warehouse", "tax_percentage", "description"),
            names=(
                Naming("variant", "variant_id", "sku"),
                Naming("warehouse", "warehouse_id", "warehouse"),
            ),
        ),
    ),
    totals=Totals(("line_count", "quantity", "systems"), sum_up),
    roll_ups=(SHIPMENT_STATUS, PAYMENT_STATUS, BALANCE),
    feeds=(BALANCE,),
    defaults={
        # ISO 4217 for no currency: a bulk order that the books have not priced yet.
        "currency": "XXX",
        "total_gross": Decimal(0),
        "carrier": "unknown",
        "payment_status": "unpaid",
        "shipment_status": "pending",
        "invoice_status": "not_invoiced",
    },
    rank=1,
)
