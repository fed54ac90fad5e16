"""core/invoices: what an invoice row is made of."""

from assets.balances import BALANCE
from schemabase_dagster.engine.entity import Entity, FieldGroup, Link
from schemabase_dagster.tables.sales import invoice_orders, invoices

INVOICES = Entity(
    name="invoice",
    table=invoices,
    group="invoices",
    description=(
        "Invoices: one row per invoice number, with what is left to pay. The orders an invoice "
        "bills are in `core.invoice_orders`; an invoice that comes before its order is linked as "
        "soon as the order is there."
    ),
    number_column="invoice_number",
    sample=("invoice_number", "issued_on", "status", "currency", "total_gross"),
    day_column="issued_on",
    groups=(
        FieldGroup(
            "all",
            (
                "invoice_number",
                "issued_on",
                "due_on",
                "status",
                "currency",
                "total_net",
                "total_gross",
                "open_amount",
            ),
            ("erp", "owner"),
            atomic=True,
        ),
        FieldGroup("parties", ("contact_id",), ("erp", "owner")),
    ),
    links=(
        Link(
            entity="order",
            table=invoice_orders,
            own_column="invoice_id",
            parent_column="order_id",
        ),
    ),
    feeds=(BALANCE,),
    rank=2,
)
