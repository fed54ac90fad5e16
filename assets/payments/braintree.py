"""raw/braintree_transactions and what its sales say about a canonical payment."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from resources.braintree import BRAINTREE, TransactionSearch
from resources.braintree.models import METHOD_TYPES, Transaction
from resources.braintree.notices import transaction_ids
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.order import order_number
from schemabase_dagster.streams import JsonObject, Part, Stream, Undated, WebhookFeed

NEVER_WERE: Final = frozenset(
    {"authorizing", "failed", "gateway_rejected", "processor_declined", ""}
)
"""Statuses of attempts: a sale that never got beyond these is no payment."""

STATUS: Final = {
    "authorized": "authorized",
    "submitted_for_settlement": "paid",
    "settling": "paid",
    "settlement_confirmed": "paid",
    "settlement_pending": "pending",
    "settled": "paid",
    "authorization_expired": "canceled",
    "voided": "canceled",
}
"""Status -> ours; a sale that was authorised and has any other one has failed since. A captured
payment counts as paid: that it has settled is told by ``settled_on``."""

UNCERTAIN: Final = frozenset({"sepa_debit", "local_payment", "echeck"})
"""Methods that can fail for days after the capture: paid when settled, pending before."""

STATES: Final = {
    "paid": "done",
    "pending": "pending",
    "authorized": "requested",
    "failed": "failed",
    "canceled": "void",
}


def split_sales(transaction: JsonObject) -> Iterator[JsonObject]:
    """Return the transaction when it is a sale that was authorised, and not captured in parts.

    What was captured in parts is a sale for each part.
    """
    history = transaction.get("status_history")
    events = history if isinstance(history, list) else []
    reached = {event.get("status") for event in events if isinstance(event, dict)}
    reached.add(transaction.get("status"))
    is_parent = bool(transaction.get("partial_settlement_transaction_ids"))
    if transaction.get("type") == "sale" and reached - NEVER_WERE - {None} and not is_parent:
        yield transaction


def map_payment(record: SourceRecord) -> Candidate:
    """Map a sale; the order's number counts where neither shop nor books say what it pays."""
    sale = record.read(Transaction)
    method = METHOD_TYPES.get(sale.payment_instrument_type or "", "other")
    status = STATUS.get(sale.status, "failed")
    if status == "paid" and sale.status != "settled" and method in UNCERTAIN:
        status = "pending"
    number = order_number(sale.order_id, record.config.shop_prefix)
    paypal = sale.paypal
    return Candidate(
        match_key=sale.id,
        other_key=(paypal.capture_id or paypal.authorization_id) if paypal else None,
        number=sale.id,
        status=sale.status,
        values={
            "reference_number": sale.id,
            "gateway": "braintree",
            "method_type": method,
            "instrument": sale.payment_instrument_type,
            "status": status,
            "paid_at": sale.reached("submitted_for_settlement") or sale.created_at,
            "amount": sale.amount,
            "currency": sale.currency_iso_code,
            **sale.settlement,
        },
        parents={"order": [number]} if number else {},
        attrs={**sale.claim(STATES[status]), "gateway": "braintree"},
    )


BRAINTREE_TRANSACTIONS = Stream(
    name="braintree_transactions",
    system=BRAINTREE,
    group="payments",
    description=(
        "Transactions of Braintree, sales and credits, by the official SDK, without personal data "
        "and without card data. Braintree cannot be searched by modified time: windows over the "
        "times of creation, capture, settlement, void and payout are united, from two days before "
        "the last pull on. Settled ones whose fee PayPal, SEPA or a local method has not told yet "
        "are read again for 60 days. A webhook is a hint: what it names is read again."
    ),
    source=TransactionSearch(
        whole="created_at",
        changed=(
            "created_at",
            "submitted_for_settlement_at",
            "settled_at",
            "voided_at",
            "disbursement_date",
        ),
    ),
    id_field="id",
    # What the listing is ordered by; what changes since is found by the times of ``changed``.
    modified_field="created_at",
    order="descending",
    overlap=timedelta(days=2),
    webhook=WebhookFeed("hint", transaction_ids),
    undated=Undated(
        "payload ->> 'status' = 'settled' AND payload ->> 'payment_instrument_type' IN "
        "('paypal_account', 'local_payment', 'sepa_debit_account') AND coalesce("
        "payload #>> '{paypal,transaction_fee_amount}', "
        "payload #>> '{paypal,refund_from_transaction_fee_amount}', "
        "payload #>> '{local_payment,transaction_fee_amount}', "
        "payload #>> '{local_payment,refund_from_transaction_fee_amount}', "
        "payload #>> '{sepa_debit,transaction_fee_amount}', "
        "payload #>> '{sepa_debit,refund_from_transaction_fee_amount}') IS NULL",
        within=timedelta(days=60),
        most=1000,
    ),
)

BRAINTREE_PAYMENTS = Stream(
    name="braintree_payments",
    system=BRAINTREE,
    group="payments",
    entity="payment",
    description=(
        "Sales among the transactions of Braintree that were authorised. Attempts that the bank "
        "or the gateway declined are no payments; one that was voided or whose settlement failed "
        "stays, as canceled or failed."
    ),
    source=None,
    id_field="id",
    modified_field="updated_at",
    mapper=map_payment,
    part=Part("braintree_transactions", split_sales, "id", is_whole=True),
)
