"""Refunds that Zoho noted: of credit notes, and of what was paid too much."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from resources.zoho import ZOHO
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.day import instant_of
from schemabase_dagster.normalise.fields import (
    Amount,
    Currency,
    LocalInstant,
    OptionalAmount,
    SourceModel,
    Text,
)
from schemabase_dagster.streams import JsonObject, Part, Stream

METHODS: Final = {
    "cash": "cash",
    "bar": "cash",
    "check": "other",
    "banktransfer": "bank_transfer",
    "bankremittance": "bank_transfer",
    "banküberweisung": "bank_transfer",
}
"""Refund modes that are another way than the payment's, as codes or localised texts."""

NOTE_KEYS: Final = ("creditnote_id", "creditnote_number", "currency_code", "created_time")
PAYMENT_KEYS: Final = (
    "payment_id", "payment_number", "reference_number", "currency_code", "created_time",
)  # fmt: skip


def split_note_refunds(note: JsonObject) -> Iterator[JsonObject]:
    """Return the refunds of a credit note, each with what only the credit note knows."""
    return _split(note, "creditnote", NOTE_KEYS)


def split_payment_refunds(payment: JsonObject) -> Iterator[JsonObject]:
    """Return the refunds of a payment, each with what only the payment knows."""
    return _split(payment, "payment", PAYMENT_KEYS)


def _split(whole: JsonObject, name: str, keys: tuple[str, ...]) -> Iterator[JsonObject]:
    refunds = whole.get("refunds")
    for refund in refunds if isinstance(refunds, list) else ():
        if isinstance(refund, dict):
            yield {**refund, name: {key: whole.get(key) for key in keys}}


class _Whole(SourceModel):
    creditnote_id: Text = None
    payment_id: Text = None
    reference_number: Text = None
    currency_code: Currency
    created_time: LocalInstant


class _Refund(SourceModel):
    date: dt.date
    refund_mode: Text = None
    reference_number: Text = None
    description: Text = None
    amount: OptionalAmount = None
    amount_fcy: OptionalAmount = None
    amount_bcy: OptionalAmount = None


class _NoteRefund(_Refund):
    creditnote: _Whole


class _PaymentRefund(_Refund):
    payment: _Whole


class _Value(SourceModel):
    amount: Amount


def map_note_refund(record: SourceRecord) -> Candidate:
    """Map the refund of a credit note (1.3): its reference is the gateway's id, if it has one."""
    refund = record.read(_NoteRefund)
    note = f"#{refund.creditnote.creditnote_id}"
    return _candidate(
        record.external_id,
        refund,
        refund.creditnote,
        parents={"credit_note": [note]},
        shares={"credit_note": {note: {"amount": _amount(refund)}}},
    )


def map_payment_refund(record: SourceRecord) -> Candidate:
    """Map the refund of a payment's unused part (1.4): revenue stays as it was."""
    refund = record.read(_PaymentRefund)
    return _candidate(
        record.external_id,
        refund,
        refund.payment,
        parents={"payment": [f"#{refund.payment.payment_id}"]},
        purpose="overpayment",
    )


def _candidate(
    external_id: str,
    refund: _Refund,
    whole: _Whole,
    *,
    parents: dict[str, list[str]],
    shares: dict[str, dict[str, dict[str, Any]]] | None = None,
    purpose: str | None = None,
) -> Candidate:
    amount = _amount(refund)
    key = refund.reference_number or f"zoho:{external_id}"
    method = METHODS.get((refund.refund_mode or "").casefold(), "original")
    return Candidate(
        match_key=key,
        number=refund.reference_number,
        status="succeeded",
        values={
            "refund_key": key,
            "status": "succeeded",
            "amount": amount,
            "currency": whole.currency_code,
            # Zoho dates refunds by day.
            "refunded_at": instant_of(refund.date, whole.created_time),
            "method": method,
            **({"reason": refund.description} if refund.description else {}),
            **({"purpose": purpose} if purpose else {}),
        },
        parents=parents,
        shares=shares or {},
        attrs={
            "amount": str(amount),
            "currency": whole.currency_code,
            "state": "done",
            "at": refund.date.isoformat(),
            "method": method,
        },
    )


def _amount(refund: _Refund) -> Any:
    """Return what the customer got, in the customer's currency."""
    given = refund.amount if refund.amount is not None else refund.amount_fcy
    return _Value(amount=given if given is not None else refund.amount_bcy).amount


ZOHO_CREDIT_NOTE_REFUNDS = Stream(
    name="zoho_credit_note_refunds",
    system=ZOHO,
    group="payments",
    entity="refund",
    description=(
        "Refunds of Zoho credit notes. They are read with the credit note whose balance shows "
        "them and land with it, back-dated ones too; one that was deleted is gone with the next "
        "reading of its credit note."
    ),
    source=None,
    id_field="creditnote_refund_id",
    mapper=map_note_refund,
    part=Part("zoho_credit_notes", split_note_refunds, "creditnote.creditnote_id", is_whole=True),
)

ZOHO_PAYMENT_REFUNDS = Stream(
    name="zoho_payment_refunds",
    system=ZOHO,
    group="payments",
    entity="refund",
    description=(
        "Refunds of Zoho customer payments: what was paid too much went back. They are read with "
        "the payment and land with it."
    ),
    source=None,
    id_field="payment_refund_id",
    id_prefix="payment:",
    mapper=map_payment_refund,
    part=Part("zoho_customer_payments", split_payment_refunds, "payment.payment_id", is_whole=True),
)
