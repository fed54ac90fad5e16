"""raw/braintree_disputes: disputes of Braintree, and what they say about a canonical one."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from resources.braintree import BRAINTREE, DisputeSearch
from resources.braintree.notices import dispute_ids
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.fields import (
    Amount,
    Currency,
    Instant,
    OptionalAmount,
    OptionalDate,
    SourceModel,
    Text,
)
from schemabase_dagster.streams import Stream, Undated, WebhookFeed

STATUS: Final = {"accepted": "accepted", "auto_accepted": "accepted"}
"""Status -> ours, where they differ."""

ENDED: Final = frozenset({"accepted", "expired", "won", "lost"})


class _Event(SourceModel):
    timestamp: Instant
    status: str


class _Dispute(SourceModel):
    id: str
    kind: str
    status: str
    reason: Text = None
    reason_code: Text = None
    amount_disputed: Amount
    amount_won: OptionalAmount = None
    currency_iso_code: Currency
    case_number: Text = None
    original_dispute_id: Text = None
    received_date: OptionalDate = None
    reply_by_date: OptionalDate = None
    date_opened: OptionalDate = None
    date_won: OptionalDate = None
    status_history: tuple[_Event, ...] = ()
    transaction_id: Text = None


def map_dispute(record: SourceRecord) -> Candidate:
    """Map a dispute; the gateway takes the money at the opening and returns what was won."""
    dispute = record.read(_Dispute)
    status = STATUS.get(dispute.status, dispute.status)
    withdrawn = Decimal(0) if dispute.kind == "retrieval" else dispute.amount_disputed
    opened_on = dispute.date_opened or dispute.received_date
    won = (dispute.amount_won or Decimal(0)) if status == "won" else Decimal(0)
    parents = {
        "payment": dispute.transaction_id,
        "dispute": f"#{dispute.original_dispute_id}" if dispute.original_dispute_id else None,
    }
    return Candidate(
        match_key=dispute.id,
        number=dispute.case_number or dispute.id,
        status=dispute.status,
        values={
            "dispute_key": dispute.id,
            "case_number": dispute.case_number,
            "kind": dispute.kind,
            "status": status,
            "reason": dispute.reason,
            "reason_code": dispute.reason_code,
            "amount": dispute.amount_disputed,
            "currency": dispute.currency_iso_code,
            "funds_withdrawn": withdrawn,
            "funds_returned": min(won, withdrawn),
            "opened_on": opened_on,
            "reply_by": dispute.reply_by_date,
            "resolved_on": _resolved_on(dispute, status),
        },
        parents={entity: [key] for entity, key in parents.items() if key},
        attrs={
            "amount": str(dispute.amount_disputed),
            "currency": dispute.currency_iso_code,
            "status": dispute.status,
            "kind": dispute.kind,
            **({"at": opened_on.isoformat()} if opened_on else {}),
        },
    )


def _resolved_on(dispute: _Dispute, status: str) -> date | None:
    if status not in ENDED:
        return None
    ends = [e.timestamp.date() for e in dispute.status_history if e.status == dispute.status]
    return dispute.date_won or max(ends, default=None)


BRAINTREE_DISPUTES = Stream(
    name="braintree_disputes",
    system=BRAINTREE,
    group="payments",
    entity="dispute",
    description=(
        "Disputes of Braintree. They cannot be searched by modified time: those received in the "
        "last 180 days are listed on every pull, older ones that are still open are read by id. A "
        "webhook is a hint: the dispute that it names is read again."
    ),
    source=DisputeSearch(),
    id_field="id",
    modified_field="created_at",
    order="descending",
    overlap=timedelta(days=180),
    webhook=WebhookFeed("hint", dispute_ids),
    undated=Undated(
        "payload ->> 'status' IN ('open', 'under_review', 'disputed')",
        within=timedelta(days=720),
        most=100,
    ),
    mapper=map_dispute,
)
