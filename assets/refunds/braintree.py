"""raw/braintree_refunds: credits among the transactions, and what they say about a refund."""

from collections.abc import Iterator
from typing import Final

from resources.braintree import BRAINTREE
from resources.braintree.models import Transaction
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.order import order_number
from schemabase_dagster.streams import JsonObject, Part, Stream

STATUS: Final = {
    "authorizing": "pending",
    "authorized": "pending",
    "submitted_for_settlement": "pending",
    "settling": "pending",
    "settlement_pending": "pending",
    "settlement_confirmed": "pending",
    "settled": "succeeded",
    "voided": "canceled",
}
"""Status -> ours; every other one is a failure."""

STATES: Final = {"pending": "pending", "succeeded": "done", "canceled": "void", "failed": "failed"}


def split_credits(transaction: JsonObject) -> Iterator[JsonObject]:
    """Return the transaction when it is a credit."""
    if transaction.get("type") == "credit":
        yield transaction


def map_refund(record: SourceRecord) -> Candidate:
    """Map a credit; one that names no sale is a refund without payment, for a person to look at."""
    credit = record.read(Transaction)
    status = STATUS.get(credit.status, "failed")
    number = order_number(credit.order_id, record.config.shop_prefix)
    parents = {"payment": credit.refunded_transaction_id, "order": number}
    failed = credit.processor_settlement_response_code or credit.status
    return Candidate(
        match_key=credit.id,
        other_key=credit.paypal.refund_id if credit.paypal else None,
        number=credit.id,
        status=credit.status,
        values={
            "refund_key": credit.id,
            "status": status,
            "amount": credit.amount,
            "currency": credit.currency_iso_code,
            "requested_at": credit.created_at,
            "refunded_at": credit.settled_at,
            "failure_reason": failed if status == "failed" else None,
            "method": "original",
            **credit.settlement,
        },
        parents={entity: [key] for entity, key in parents.items() if key},
        attrs={
            **credit.claim(STATES[status]),
            "at": (credit.settled_at or credit.created_at).isoformat(),
        },
    )


BRAINTREE_REFUNDS = Stream(
    name="braintree_refunds",
    system=BRAINTREE,
    group="payments",
    entity="refund",
    description=(
        "Credits among the transactions of Braintree: each pays a part of a sale back and settles "
        "on its own. A sale that is voided before it settles has none."
    ),
    source=None,
    id_field="id",
    modified_field="updated_at",
    mapper=map_refund,
    part=Part("braintree_transactions", split_credits, "id", is_whole=True),
)
