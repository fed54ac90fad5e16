"""core/credit_notes: what a credit note row is made of."""

from assets.balances import BALANCE
from schemabase_dagster.engine.entity import Child, Entity, FieldGroup, Link, Reference
from schemabase_dagster.tables.aftersales import (
    credit_note_allocations,
    credit_note_lines,
    credit_note_orders,
    credit_notes,
)
from schemabase_dagster.tables.sales import invoice_orders

APPLIED = "applied"
"""Role of the invoices that a credit note is used for, beside the one it corrects."""

CREDIT_NOTES = Entity(
    name="credit_note",
    table=credit_notes,
    group="credit_notes",
    description=(
        "Credit notes: one row per number, with positive amounts. The invoice a credit note "
        "corrects is a column; what it was used for stands in `core.credit_note_allocations` and "
        "may be another invoice. The orders it concerns (`core.credit_note_orders`) are those of "
        "the corrected invoice, or the one that its reference names. What was paid out is in "
        "`core.refunds`."
    ),
    number_column="credit_note_number",
    sample=("credit_note_number", "issued_on", "status", "currency", "total_gross", "balance"),
    day_column="issued_on",
    groups=(
        FieldGroup(
            "all",
            (
                "credit_note_number",
                "reference_number",
                "status",
                "issued_on",
                "currency",
                "total_net",
                "total_tax",
                "total_gross",
                "balance",
            ),
            ("erp", "owner"),
            atomic=True,
        ),
        FieldGroup("invoice", ("corrects_invoice_id",), ("erp", "owner")),
        FieldGroup("parties", ("contact_id",), ("erp", "owner")),
    ),
    children=(
        Child(
            kind="lines",
            table=credit_note_lines,
            parent_column="credit_note_id",
            key=("line_no",),
            priority=("erp", "owner"),
        ),
    ),
    references=(Reference("invoice", "corrects_invoice_id"),),
    links=(
        Link(
            entity="order",
            table=credit_note_orders,
            own_column="credit_note_id",
            parent_column="order_id",
            through=("invoice", Link("order", invoice_orders, "invoice_id", "order_id")),
        ),
        Link(
            entity="invoice",
            role=APPLIED,
            table=credit_note_allocations,
            own_column="credit_note_id",
            parent_column="invoice_id",
            columns=("amount",),
        ),
    ),
    feeds=(BALANCE,),
    rank=7,
)
