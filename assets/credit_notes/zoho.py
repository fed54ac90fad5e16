"""raw/zoho_credit_notes: credit notes of Zoho, and what they say about a canonical credit note."""

import datetime as dt
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from assets.credit_notes.canonical import APPLIED
from resources.zoho import ZOHO, ZohoInside, ZohoList
from schemabase_dagster.candidate import Candidate, Party, SourceRecord
from schemabase_dagster.normalise.fields import (
    Amount,
    Currency,
    OptionalAmount,
    SourceModel,
    Text,
)
from schemabase_dagster.normalise.lines import numbered
from schemabase_dagster.normalise.money import decimal, rounded
from schemabase_dagster.normalise.text import email, sku
from schemabase_dagster.streams import JsonObject, Stream, Watch

ZERO: Final = Decimal(0)

STATUS: Final = {
    "draft": "draft",
    "pending_approval": "pending_approval",
    "approved": "open",
    "open": "open",
    "closed": "closed",
    "void": "void",
}


class _Line(SourceModel):
    line_item_id: Text = None
    code: Text = None
    sku: Text = None
    name: Text = None
    product_type: Text = None
    quantity: Amount
    rate: OptionalAmount = None
    item_total: OptionalAmount = None
    item_total_inclusive_of_tax: OptionalAmount = None
    tax_percentage: OptionalAmount = None
    invoice_id: Text = None


class _Tax(SourceModel):
    tax_amount: OptionalAmount = None


class _Applied(SourceModel):
    invoice_id: str
    amount: OptionalAmount = None
    credited_amount: OptionalAmount = None


class _CreditNote(SourceModel):
    creditnote_id: str
    creditnote_number: str = Field(min_length=1)
    reference_number: Text = None
    status: str
    date: dt.date
    currency_code: Currency
    customer_id: Text = None
    email: Text = None
    total: Amount
    balance: OptionalAmount = None
    is_inclusive_tax: bool = False
    line_items: list[_Line]
    taxes: tuple[_Tax, ...] = ()
    invoices: Annotated[tuple[_Applied, ...], BeforeValidator(lambda value: value or ())] = ()


def map_credit_note(record: SourceRecord) -> Candidate:
    """Map a credit note (refunds-and-returns 1.2): three links that must not be mixed up.

    The corrected invoice comes from the lines, where Zoho gives it back, else from the reference;
    what the credit was used for is the list ``invoices``.
    """
    note = record.read(_CreditNote)
    number, address = note.creditnote_number.strip(), email(note.email)
    tax = sum((each.tax_amount or ZERO for each in note.taxes), ZERO)
    corrected = dict.fromkeys(f"#{line.invoice_id}" for line in note.line_items if line.invoice_id)
    named = [note.reference_number] if note.reference_number else []
    applied = {
        f"#{each.invoice_id}": {"amount": each.amount or each.credited_amount}
        for each in note.invoices
    }
    parents = {
        "invoice": [*corrected, *named],
        "order": named,
        f"invoice:{APPLIED}": list(applied),
        "contact": [f"#{note.customer_id}"] if address is None and note.customer_id else [],
    }
    return Candidate(
        match_key=number,
        number=note.creditnote_number,
        status=note.status,
        values={
            "credit_note_number": number,
            "reference_number": note.reference_number,
            "status": STATUS.get(note.status, "open"),
            "issued_on": note.date,
            "currency": note.currency_code,
            "total_net": note.total - tax,
            "total_tax": tax,
            "total_gross": note.total,
            "balance": note.balance,
        },
        children={"lines": numbered(_line(line, note) for line in note.line_items)},
        contact=Party(email=address, external_id=note.customer_id),
        parents={entity: keys for entity, keys in parents.items() if keys},
        shares={f"invoice:{APPLIED}": applied},
        attrs={"total": str(note.total), "currency": note.currency_code},
    )


def _line(line: _Line, note: _CreditNote) -> dict[str, Any]:
    """Return a line; what Zoho's documentation does not print is worked out from the rate."""
    factor = 1 + (line.tax_percentage or ZERO) / 100
    listed = (line.rate or ZERO) * line.quantity
    net = line.item_total
    if net is None:
        net = rounded(listed / factor if note.is_inclusive_tax else listed)
    gross = line.item_total_inclusive_of_tax
    if gross is None and line.tax_percentage is not None:
        gross = rounded(net * factor)
    return {
        "source_id": line.line_item_id,
        "sku": sku(line.sku or line.code),
        "description": line.name,
        "quantity": line.quantity,
        "unit_net": rounded(net / line.quantity) if line.quantity else None,
        "total_net": net,
        "total_gross": gross,
        "tax_percentage": line.tax_percentage,
        "is_goods": line.product_type != "service",
    }


def may_have_refunds(note: JsonObject) -> bool:
    """Tell whether a part of a credit note is gone that no application explains (1.2, invariant).

    ``balance = total - applications - refunds``: most credit notes need no call for their refunds.
    """
    try:
        total, balance = decimal(note.get("total")), decimal(note.get("balance"))
        applied = [
            decimal(each.get("amount", each.get("credited_amount"))) or ZERO
            for each in note.get("invoices") or ()
        ]
    except (ValueError, AttributeError):
        return True
    if total is None or balance is None:
        return True
    return total - balance - sum(applied, ZERO) != 0


ZOHO_CREDIT_NOTES = Stream(
    name="zoho_credit_notes",
    system=ZOHO,
    group="credit_notes",
    entity="credit_note",
    description=(
        "Credit notes of Zoho Books in full detail, with lines, the invoices they were applied to "
        "and their refunds. Zoho may ignore the filter by modified time, and applying or "
        "refunding may not move it: status and balance of the list tell which details to fetch."
    ),
    source=ZohoList(
        path="creditnotes",
        list_key="creditnotes",
        other_list_keys=("creditnote",),
        api="books",
        detail_key="creditnote",
        detail_params={"accept": "json"},
        sort_column="created_time",
        inside=(
            ZohoInside(
                "refunds",
                keys=("creditnote_refunds", "creditnote_refund"),
                field="refunds",
                needed=may_have_refunds,
            ),
        ),
    ),
    id_field="creditnote_id",
    modified_field="last_modified_time",
    modified_alias="updated_time",
    order="descending",
    detail=True,
    watch=Watch(("status", "balance")),
    overlap=timedelta(minutes=2),
    mapper=map_credit_note,
)
