"""What raw holds of the SDK's objects: plain JSON, without personal data and without card data.

Names are those of the SDK. Amounts are kept as texts, times as UTC.
"""

from collections.abc import Iterable, Iterator
from csv import DictReader
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from schemabase_dagster.streams import JsonObject

TRANSACTION: Final = (
    "id",
    "type",
    "status",
    "amount",
    "currency_iso_code",
    "merchant_account_id",
    "order_id",
    "created_at",
    "updated_at",
    "payment_instrument_type",
    "settlement_batch_id",
    "refunded_transaction_id",
    "refund_ids",
    "partial_settlement_transaction_ids",
    "processor_response_code",
    "processor_settlement_response_code",
    "gateway_rejection_reason",
)
STATUS_EVENT: Final = ("timestamp", "status", "amount")
DISBURSEMENT: Final = (
    "disbursement_date",
    "settlement_amount",
    "settlement_currency_iso_code",
    "settlement_currency_exchange_rate",
    "funds_held",
    "success",
)
FEES: Final = (
    "transaction_fee_amount",
    "transaction_fee_currency_iso_code",
    "refund_from_transaction_fee_amount",
    "refund_from_transaction_fee_currency_iso_code",
)
METHODS: Final = {
    "paypal": ("paypal_details", ("authorization_id", "capture_id", "refund_id", *FEES)),
    "local_payment": ("local_payment_details", ("funding_source", *FEES)),
    "sepa_debit": ("sepa_direct_debit_account_details", FEES),
}
"""Key in our record -> attribute of the SDK's object, and what is kept of it."""

DISPUTE: Final = (
    "id",
    "kind",
    "status",
    "reason",
    "reason_code",
    "amount_disputed",
    "amount_won",
    "currency_iso_code",
    "case_number",
    "original_dispute_id",
    "merchant_account_id",
    "received_date",
    "reply_by_date",
    "date_opened",
    "date_won",
    "created_at",
    "updated_at",
)

CARD_COLUMNS: Final = frozenset({"First 6 of CC", "Issuing Bank"})
DISBURSED: Final = "Disbursement Date"


def transaction_record(transaction: Any) -> JsonObject:
    """Return a transaction of the SDK as raw holds it."""
    history = getattr(transaction, "status_history", None) or []
    record = _picked(transaction, TRANSACTION)
    record["status_history"] = [_picked(event, STATUS_EVENT) for event in history]
    details = {"disbursement": ("disbursement_details", DISBURSEMENT), **METHODS}
    for key, (attribute, names) in details.items():
        found = getattr(transaction, attribute, None)
        record[key] = _picked(found, names) if found is not None else None
    return record


def dispute_record(dispute: Any) -> JsonObject:
    """Return a dispute of the SDK as raw holds it."""
    history = getattr(dispute, "status_history", None) or []
    disputed = getattr(dispute, "transaction_details", None)
    return {
        **_picked(dispute, DISPUTE),
        "status_history": [
            _picked(event, ("timestamp", "status", "disbursement_date")) for event in history
        ],
        "transaction_id": getattr(disputed, "id", None),
    }


def fee_records(report: Iterable[str], day: date) -> Iterator[JsonObject]:
    """Yield the rows of a fee report; columns are taken by name, as new ones may appear.

    Args:
        report: lines of the CSV.
        day: day of disbursement that was asked for, for rows that do not tell it.
    """
    for row in DictReader(report):
        record: JsonObject = {
            name: value.strip() or None
            for name, value in row.items()
            if isinstance(name, str) and isinstance(value, str) and name not in CARD_COLUMNS
        }
        record["disbursed_at"] = f"{record.get(DISBURSED) or day}T00:00:00Z"
        yield record


def _picked(thing: Any, names: Iterable[str]) -> JsonObject:
    """Return attributes as JSON; the SDK's objects lack what the answer did not have."""
    return {name: _plain(getattr(thing, name, None)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"  # the SDK's times are UTC without a zone
    if isinstance(value, date | Decimal):
        return str(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
