"""Chargebacks inside Saleor orders: what an app of payments told the shop that a bank took back."""

from collections.abc import Iterator
from typing import Final

from resources.saleor import SALEOR
from resources.saleor.models import Money, OrderRef, order_ref, short_id
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.fields import Instant, SourceModel, Text
from schemabase_dagster.source_json import objects
from schemabase_dagster.streams import JsonObject, Part, Stream

CHARGE_BACK: Final = "CHARGE_BACK"


def split_chargebacks(order: JsonObject) -> Iterator[JsonObject]:
    """Return the chargebacks of an order: of each reference of a transaction the newest event.

    The reference is the gateway's dispute only if it is not that of the payment itself.
    """
    for transaction in objects(order.get("transactions")):
        events = objects(transaction.get("events"))
        taken = {event.get("pspReference") for event in events if event.get("type") != CHARGE_BACK}
        taken.add(transaction.get("pspReference"))
        newest: dict[str, JsonObject] = {}
        for event in sorted(events, key=lambda event: str(event.get("createdAt"))):
            if event.get("type") == CHARGE_BACK:
                newest[str(event.get("pspReference") or f"#{event.get('id')}")] = event
        for key, event in newest.items():
            is_own = not key.startswith("#") and key not in taken
            yield {
                "id": f"{transaction.get('id')}/{key}",
                "reference": key if is_own else None,
                "payment": transaction.get("id"),
                "event": event,
                "order": order_ref(order),
            }


class _Event(SourceModel):
    id: str
    createdAt: Instant
    message: Text = None
    amount: Money


class _Chargeback(SourceModel):
    id: str
    reference: Text = None
    payment: str
    event: _Event
    order: OrderRef


def map_chargeback(record: SourceRecord) -> Candidate:
    """Map a chargeback: the shop tells that money was taken back, never how the case ended."""
    found = record.read(_Chargeback)
    event = found.event
    number = found.order.canonical_number(record.config.order_prefix)
    key = found.reference or f"{number}-D{short_id(event.id)}"
    day = event.createdAt.date()
    return Candidate(
        match_key=key,
        number=key,
        status=CHARGE_BACK,
        values={
            "dispute_key": key,
            "kind": "chargeback",
            "status": "open",
            "reason": event.message,
            "amount": event.amount.amount,
            "currency": event.amount.currency,
            "funds_withdrawn": event.amount.amount,
            "funds_returned": 0,
            "opened_on": day,
        },
        parents={"payment": [f"#{found.payment}"]},
        attrs={
            "amount": str(event.amount.amount),
            "currency": event.amount.currency,
            "kind": "chargeback",
            "at": day.isoformat(),
        },
    )


SALEOR_DISPUTES = Stream(
    name="saleor_disputes",
    system=SALEOR,
    group="payments",
    entity="dispute",
    description=(
        "Chargebacks that the events of Saleor's transactions tell. A dispute that the gateway "
        "tells of the same payment and amount is the same row. They land with the order that they "
        "lie in."
    ),
    source=None,
    id_field="id",
    mapper=map_chargeback,
    part=Part("saleor_orders", split_chargebacks, "order.id", is_whole=True),
)
