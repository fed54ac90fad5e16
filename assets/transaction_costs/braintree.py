"""Fees of Braintree: told with a transaction (PayPal, SEPA, local), or in a report (cards)."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from pydantic import Field

from resources.braintree import BRAINTREE, FeeReport
from resources.braintree.models import Transaction
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.fields import (
    Amount,
    Currency,
    Instant,
    OptionalAmount,
    SourceModel,
    Text,
)
from schemabase_dagster.streams import JsonObject, Part, Stream

METHODS: Final = {
    "paypal": "paypal_fee",
    "local_payment": "local_payment_fee",
    "sepa_debit": "sepa_fee",
}
"""Block of a transaction that tells a fee -> what the fee's source is called."""


def split_fees(transaction: JsonObject) -> Iterator[JsonObject]:
    """Return the fee that a sale cost, and what a credit gave back of one; not told = none."""
    for block, source in METHODS.items():
        told = transaction.get(block)
        if not isinstance(told, dict):
            continue
        for kind, name in (
            ("transaction", "transaction_fee"),
            ("fee_return", "refund_from_transaction_fee"),
        ):
            amount = told.get(f"{name}_amount")
            if amount not in {None, ""}:
                yield {
                    "id": f"{transaction.get('id')}-{kind}",
                    "kind": kind,
                    "source": source,
                    "fee": str(amount).replace(",", "."),
                    "fee_currency": told.get(f"{name}_currency_iso_code"),
                    "transaction": {**transaction, **dict.fromkeys(METHODS)},
                }


class _Fee(SourceModel):
    kind: str
    source: str
    fee: Amount
    fee_currency: Text = None
    transaction: Transaction


def map_fee(record: SourceRecord) -> Candidate:
    """Map a fee that a transaction tells; what a credit gives back counts negative."""
    told = record.read(_Fee)
    transaction = told.transaction
    is_return = told.kind == "fee_return"
    return _candidate(
        transaction.id,
        kind=told.kind,
        source=told.source,
        amount=-told.fee if is_return else told.fee,
        currency=told.fee_currency or transaction.currency_iso_code,
        as_of=transaction.settled_at or transaction.created_at,
        sale=transaction.refunded_transaction_id if is_return else transaction.id,
        credit=transaction.id if is_return else None,
    )


class _Row(SourceModel):
    transaction_id: str = Field(alias="Transaction ID")
    original_id: Text = Field(None, alias="Original Transaction ID")
    transaction_type: Text = Field(None, alias="Transaction Type")
    total: OptionalAmount = Field(None, alias="Total Fee Amount")
    estimated: OptionalAmount = Field(None, alias="Est. Total Fee Amount")
    currency: Currency = Field(alias="Settlement Currency")
    disbursed_at: Instant


def map_report_row(record: SourceRecord) -> Candidate:
    """Map a row of the fee report; which total it has depends on the merchant's pricing."""
    row = record.read(_Row)
    amount = row.total if row.total is not None else row.estimated
    if amount is None:
        raise RecordRejected("missing", "Total Fee Amount", "The row has no total of its fees.")
    is_credit = row.transaction_type == "credit"
    kind = ("fee_return" if amount < 0 else "refund") if is_credit else "transaction"
    return _candidate(
        row.transaction_id,
        kind=kind,
        source="fee_report",
        amount=amount,
        currency=row.currency,
        as_of=row.disbursed_at,
        sale=row.original_id if is_credit else row.transaction_id,
        credit=row.transaction_id if is_credit else None,
    )


def _candidate(
    transaction_id: str,
    *,
    kind: str,
    source: str,
    amount: Decimal,
    currency: str,
    as_of: Any,
    sale: str | None,
    credit: str | None,
) -> Candidate:
    key = f"{transaction_id}:{kind}"
    parents = {"payment": sale, "refund": credit}
    return Candidate(
        match_key=key,
        number=transaction_id,
        values={
            "cost_key": key,
            "kind": kind,
            "source": source,
            "amount": amount,
            "currency": currency,
            "as_of": as_of,
        },
        parents={entity: [key] for entity, key in parents.items() if key},
        attrs={"amount": str(amount), "currency": currency, "source": source},
    )


BRAINTREE_FEES = Stream(
    name="braintree_fees",
    system=BRAINTREE,
    group="payments",
    entity="transaction_cost",
    description=(
        "Fees that the transactions of Braintree tell themselves: of PayPal, SEPA and local "
        "methods, and what of them a refund gave back. They come when a transaction has settled, "
        "sometimes days later."
    ),
    source=None,
    id_field="id",
    mapper=map_fee,
    part=Part("braintree_transactions", split_fees, "transaction.id", is_whole=True),
)

BRAINTREE_FEE_REPORT = Stream(
    name="braintree_fee_report",
    system=BRAINTREE,
    group="payments",
    entity="transaction_cost",
    description=(
        "Rows of Braintree's payment-level fee report, the only source of card fees: one report "
        "per merchant account and day of payout, complete about three days later; the last two "
        "weeks are read on every pull. Accounts without that report have no rows."
    ),
    source=FeeReport(),
    id_field="Transaction ID",
    modified_field="disbursed_at",
    order="descending",
    deletes="never",
    overlap=timedelta(days=14),
    mapper=map_report_row,
)
