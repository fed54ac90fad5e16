"""raw/zoho_customer_payments: payments that Zoho noted, and what they say about a payment."""

import datetime as dt
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator

from resources.zoho import ZOHO, ZohoInside, ZohoList
from schemabase_dagster.candidate import Candidate, Party, SourceRecord
from schemabase_dagster.normalise.day import instant_of
from schemabase_dagster.normalise.fields import (
    Amount,
    Currency,
    LocalInstant,
    OptionalAmount,
    SourceModel,
    Text,
)
from schemabase_dagster.normalise.money import decimal
from schemabase_dagster.streams import JsonObject, Stream, Watch

ZERO: Final = Decimal(0)

METHODS: Final = {
    "creditcard": "card",
    "kreditkarte": "card",
    "banktransfer": "banktransfer",
    "bankremittance": "banktransfer",
    "banküberweisung": "banktransfer",
    "paypal": "paypal",
}
"""Payment modes, as codes or in the organisation's language (zoho.md 1.11); others say nothing."""


class _Applied(SourceModel):
    invoice_id: Text = None
    invoice_number: Text = None
    amount_applied: OptionalAmount = None


class _Payment(SourceModel):
    payment_id: str
    payment_number: Text = None
    date: dt.date
    created_time: LocalInstant
    payment_mode: Text = None
    amount: Amount
    currency_code: Currency
    reference_number: Text = None
    cf_gateway_transaction_id: Text = None
    gateway_transaction_id: Text = None
    description: Text = None
    customer_id: Text = None
    unused_amount: OptionalAmount = None
    bank_charges: OptionalAmount = None
    invoices: Annotated[tuple[_Applied, ...], BeforeValidator(lambda value: value or ())] = ()


def map_payment(record: SourceRecord) -> Candidate:
    """Map a customer payment: the books say which invoices it settled, and how much of each."""
    payment = record.read(_Payment)
    reference = (
        payment.reference_number
        or payment.cf_gateway_transaction_id
        or payment.gateway_transaction_id
        or payment.payment_number
        or f"zoho:{payment.payment_id}"
    )
    shares = {
        f"#{each.invoice_id}" if each.invoice_id else str(each.invoice_number): {
            "amount": each.amount_applied
        }
        for each in payment.invoices
    }
    method = METHODS.get((payment.payment_mode or "").casefold())
    parents = {
        "invoice": list(shares),
        "contact": [f"#{payment.customer_id}"] if payment.customer_id else [],
    }
    return Candidate(
        match_key=reference,
        number=payment.payment_number,
        status=payment.payment_mode,
        values={
            "reference_number": reference,
            **({"method_type": method} if method else {}),
            **({"gateway": "banktransfer"} if method == "banktransfer" else {}),
            "status": "paid",
            "paid_at": instant_of(payment.date, payment.created_time),
            "amount": payment.amount,
            "currency": payment.currency_code,
            "note": payment.description,
        },
        contact=Party(external_id=payment.customer_id),
        parents={entity: keys for entity, keys in parents.items() if keys},
        shares={"invoice": shares},
        attrs={
            "amount": str(payment.amount),
            "currency": payment.currency_code,
            "state": "done",
            "unused": str(payment.unused_amount or ZERO),
            "bank_charges": str(payment.bank_charges or ZERO),
        },
    )


def may_have_refunds(payment: JsonObject) -> bool:
    """Tell whether a part of a payment is gone that no invoice explains.

    ``amount = applied + refunded + unused`` (refunds-and-returns 4.5, E4); the detail has no amount
    of refunds that is documented for all payments.
    """
    try:
        amount, unused = decimal(payment.get("amount")), decimal(payment.get("unused_amount"))
        applied = [
            decimal(each.get("amount_applied")) or ZERO for each in payment.get("invoices") or ()
        ]
    except (ValueError, AttributeError):
        return True
    if amount is None or unused is None:
        return True
    return amount - unused - sum(applied, ZERO) != 0


ZOHO_CUSTOMER_PAYMENTS = Stream(
    name="zoho_customer_payments",
    system=ZOHO,
    group="payments",
    entity="payment",
    description=(
        "Customer payments of Zoho Books in full detail: the invoices each of them settled, bank "
        "charges, and refunds of what was paid too much. Listed newest first; a refund shows by "
        "the unused amount of the list."
    ),
    source=ZohoList(
        path="customerpayments",
        list_key="customerpayments",
        other_list_keys=("customer_payments",),
        api="books",
        detail_key="payment",
        inside=(
            ZohoInside(
                "refunds",
                keys=("payment_refunds", "payment_refund"),
                field="refunds",
                needed=may_have_refunds,
            ),
        ),
    ),
    id_field="payment_id",
    modified_field="last_modified_time",
    modified_alias="updated_time",
    order="descending",
    detail=True,
    watch=Watch(("unused_amount",)),
    overlap=timedelta(minutes=2),
    mapper=map_payment,
)
