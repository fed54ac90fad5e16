"""core/returns: what a return row is made of, and which source decides which of its columns."""

from typing import Final

from schemabase_dagster.engine.entity import Child, Entity, FieldGroup, Link, Reference
from schemabase_dagster.tables.aftersales import (
    return_credit_notes,
    return_lines,
    return_receipt_lines,
    return_receipts,
    returns,
)

PRIORITY: Final = ("warehouse", "erp", "shop")
"""Who holds the goods knows what came back (refunds-and-returns 4.3)."""

RETURNS = Entity(
    name="return",
    table=returns,
    group="returns",
    description=(
        "Returns: one row per case of goods that come back. A return of the shop and one of the "
        "ERP meet by order number and articles; the ERP decides. Announced, received and "
        "credit-only quantities are kept apart: lines in `core.return_lines`, what the warehouse "
        "took in in `core.return_receipts` and their lines, credit notes in "
        "`core.return_credit_notes`."
    ),
    number_column="return_number",
    sample=("return_number", "requested_on", "status", "refund_status"),
    day_column="requested_on",
    groups=(
        FieldGroup("existence", ("return_number", "requested_on", "status"), PRIORITY),
        FieldGroup("order", ("order_id",), PRIORITY),
        FieldGroup("refund_status", ("refund_status",), ("erp", "owner")),
        FieldGroup("reason", ("reason",), ("shop", "owner", "erp")),
    ),
    children=(
        Child(
            kind="lines",
            table=return_lines,
            parent_column="return_id",
            key=("action", "sku", "sku_occurrence"),
            fill=("description",),
            priority=PRIORITY,
        ),
        Child(
            kind="receipts",
            table=return_receipts,
            parent_column="return_id",
            key=("receipt_number",),
            priority=PRIORITY,
        ),
        Child(
            kind="receipt_lines",
            table=return_receipt_lines,
            parent_column="return_id",
            key=("receipt_number", "action", "sku", "sku_occurrence"),
            priority=PRIORITY,
        ),
    ),
    references=(Reference("order", "order_id"),),
    links=(
        Link(
            entity="credit_note",
            table=return_credit_notes,
            own_column="return_id",
            parent_column="credit_note_id",
        ),
    ),
    defaults={"refund_status": "none"},
    rank=8,
)
