"""raw/zoho_invoices: invoices of Zoho, and what they say about a canonical invoice."""

from datetime import timedelta

from pydantic import Field

from resources.zoho import ZOHO, ZohoList
from schemabase_dagster.candidate import Candidate, Party, SourceRecord
from schemabase_dagster.normalise.fields import (
    Amount,
    Currency,
    OptionalAmount,
    OptionalDate,
    SourceModel,
    Text,
)
from schemabase_dagster.normalise.text import email
from schemabase_dagster.streams import Stream

STATUS = {
    "draft": "draft",
    "sent": "open",
    "viewed": "open",
    "unpaid": "open",
    "overdue": "overdue",
    "partially_paid": "partially_paid",
    "paid": "paid",
    "void": "void",
}


class _Invoice(SourceModel):
    invoice_id: str
    invoice_number: str = Field(min_length=1)
    reference_number: Text = None
    customer_id: Text = None
    email: Text = None
    date: OptionalDate = None
    due_date: OptionalDate = None
    status: Text = None
    currency_code: Currency
    total: Amount
    balance: OptionalAmount = None


def map_invoice(record: SourceRecord) -> Candidate:
    """Map a row of the invoice list; its reference is the order's number (specification 2.9)."""
    invoice = record.read(_Invoice)
    address = email(invoice.email)
    parents: dict[str, list[str]] = {}
    if invoice.reference_number:
        parents["order"] = [invoice.reference_number]
    if address is None and invoice.customer_id:
        parents["contact"] = [f"#{invoice.customer_id}"]
    return Candidate(
        match_key=invoice.invoice_number.strip(),
        number=invoice.invoice_number,
        status=invoice.status,
        values={
            "invoice_number": invoice.invoice_number.strip(),
            "issued_on": invoice.date,
            "due_on": invoice.due_date,
            "status": STATUS.get(invoice.status or ""),
            "currency": invoice.currency_code,
            "total_gross": invoice.total,
            "open_amount": invoice.balance,
        },
        contact=Party(email=address, external_id=invoice.customer_id),
        parents=parents,
        attrs={"total": str(invoice.total), "currency": invoice.currency_code},
    )


ZOHO_INVOICES = Stream(
    name="zoho_invoices",
    system=ZOHO,
    group="invoices",
    entity="invoice",
    description=(
        "Invoices of Zoho Books as the list gives them: head, totals, balance and the number of "
        "the order they bill; without lines."
    ),
    source=ZohoList(
        path="invoices",
        list_key="invoices",
        api="books",
        detail_key="invoice",
    ),
    id_field="invoice_id",
    modified_field="last_modified_time",
    order="descending",
    fetches_whole=False,
    overlap=timedelta(minutes=2),
    mapper=map_invoice,
)
