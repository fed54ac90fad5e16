"""Refunds inside Saleor orders: what was granted, what was paid back, by events or the older way.

A grant and the events of its payment are two records of one row (refunds-and-returns 4.1). They
are brought together here, where the whole order is seen: by amount, in the order of time. The
server's own link between them came with Saleor 3.20 and is not asked for, so that one query serves
all versions.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, Literal

from resources.saleor import SALEOR
from resources.saleor.models import Money, OrderRef, order_ref, short_id
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.fields import Instant, SourceModel, Text
from schemabase_dagster.normalise.money import decimal
from schemabase_dagster.source_json import objects
from schemabase_dagster.streams import JsonObject, Part, Stream

REQUEST: Final = "REFUND_REQUEST"
OUTCOMES: Final = {
    "REFUND_SUCCESS": "succeeded",
    "REFUND_FAILURE": "failed",
    "REFUND_REVERSE": "reversed",
}
STATES: Final = {
    "requested": "requested",
    "pending": "pending",
    "succeeded": "done",
    "failed": "failed",
    "reversed": "reversed",
}


def split_refunds(order: JsonObject) -> Iterator[JsonObject]:
    """Return the refunds of an order: one per reference of the gateway, step or grant."""
    known = order_ref(order)
    groups = list(_event_groups(order))
    for each in groups:
        yield {**each, "kind": "events", "order": known}
    for payment in objects(order.get("payments")):
        steps = objects(payment.get("transactions"))
        tokens = {step.get("token") for step in steps if step.get("kind") != "REFUND"}
        for step in steps:
            if step.get("kind") == "REFUND" and step.get("isSuccess") is True:
                # A gateway without refund ids repeats the payment's own token.
                token = None if step.get("token") in tokens else step.get("token")
                yield {
                    "id": step.get("id"),
                    "kind": "step",
                    "reference": token,
                    "payment": payment.get("id"),
                    "step": step,
                    "order": known,
                }
    for grant, events in _paid_grants(order, groups):
        yield {
            "id": grant.get("id"),
            "kind": "grant",
            "partner": events.get("id") if events else None,
            "reference": events.get("reference") if events else None,
            "grant": grant,
            "order": known,
        }


def _event_groups(order: JsonObject) -> Iterator[JsonObject]:
    """Return the refund events of the order's transactions, by the gateway's reference."""
    for transaction in objects(order.get("transactions")):
        groups: dict[str, list[JsonObject]] = defaultdict(list)
        for event in objects(transaction.get("events")):
            if event.get("type") == REQUEST or event.get("type") in OUTCOMES:
                groups[str(event.get("pspReference") or f"#{event.get('id')}")].append(event)
        for key, events in groups.items():
            yield {
                "id": f"{transaction.get('id')}/{key}",
                "reference": None if key.startswith("#") else key,
                "payment": transaction.get("id"),
                "events": sorted(events, key=lambda event: str(event.get("createdAt"))),
            }


def _paid_grants(
    order: JsonObject, groups: list[JsonObject]
) -> Iterator[tuple[JsonObject, JsonObject | None]]:
    """Return the grants, each with the refund of its amount that was begun at its turn."""
    waiting: dict[Any, list[JsonObject]] = defaultdict(list)
    for group in sorted(groups, key=lambda group: str(group["events"][0].get("createdAt"))):
        waiting[_amount(group["events"][0])].append(group)
    grants = sorted(
        objects(order.get("grantedRefunds")), key=lambda grant: str(grant.get("createdAt"))
    )
    for grant in grants:
        amount = _amount(grant)
        if amount:  # one that was granted after everything went back has none
            yield grant, waiting[amount].pop(0) if waiting[amount] else None


def _amount(thing: JsonObject) -> Decimal | None:
    money = thing.get("amount")
    try:
        return decimal(money.get("amount")) if isinstance(money, dict) else None
    except ValueError:
        return None


class _Event(SourceModel):
    type: str
    createdAt: Instant
    message: Text = None
    amount: Money


class _Step(SourceModel):
    id: str
    amount: Money
    created: Instant


class _Grant(SourceModel):
    id: str
    createdAt: Instant
    amount: Money
    reason: Text = None


class _Refund(SourceModel):
    id: str
    kind: Literal["events", "step", "grant"]
    reference: Text = None
    partner: Text = None
    payment: Text = None
    events: tuple[_Event, ...] | None = None
    step: _Step | None = None
    grant: _Grant | None = None
    order: OrderRef


def map_refund(record: SourceRecord) -> Candidate:
    """Map a refund; a grant whose refund is under way only adds why it was granted."""
    refund = record.read(_Refund)
    number = refund.order.canonical_number(record.config.order_prefix)
    key = refund.reference or f"{number}-R{_last(refund.partner or refund.id)}"
    if refund.grant is not None:
        granted: dict[str, Any] = {"reason": refund.grant.reason}
        if refund.partner is not None:
            return _candidate(refund, key, granted, None, "requested")
        granted["requested_at"] = refund.grant.createdAt
        return _candidate(refund, key, granted, refund.grant.amount, "requested")
    if refund.step is not None:
        paid = {"requested_at": refund.step.created, "refunded_at": refund.step.created}
        return _candidate(refund, key, paid, refund.step.amount, "succeeded")
    if refund.events:
        return _of_events(refund, refund.events, key)
    raise RecordRejected("missing", "events", "The refund has neither events nor step nor grant.")


def _of_events(refund: _Refund, said: Sequence[_Event], key: str) -> Candidate:
    """Map the events of one reference: the newest outcome counts, a late failure included."""
    events = sorted(said, key=lambda event: event.createdAt)
    outcomes = [event for event in events if event.type in OUTCOMES]
    status = "pending" if refund.reference else "requested"
    if outcomes:
        status = OUTCOMES[outcomes[-1].type]
    succeeded = [event for event in outcomes if event.type == "REFUND_SUCCESS"]
    values = {
        "requested_at": events[0].createdAt,
        "refunded_at": succeeded[-1].createdAt if succeeded else None,
        "failure_reason": outcomes[-1].message if status == "failed" else None,
    }
    return _candidate(refund, key, values, (succeeded or events)[-1].amount, status)


def _candidate(
    refund: _Refund, key: str, values: dict[str, Any], amount: Money | None, status: str
) -> Candidate:
    order = f"#{refund.order.id}"
    parents = {"order": [order]}
    if refund.payment:
        parents["payment"] = [f"#{refund.payment}"]
    said = amount or (refund.grant.amount if refund.grant else None)
    claim = {"amount": str(said.amount), "currency": said.currency} if said else {}
    at = values.get("refunded_at") or values.get("requested_at")
    if amount is not None:
        values = {
            **values,
            "refund_key": key,
            "status": status,
            "amount": amount.amount,
            "currency": amount.currency,
        }
    return Candidate(
        match_key=key,
        number=key,
        status=status,
        values=values,
        parents=parents,
        shares={"order": {order: {"amount": said.amount}}} if said else {},
        attrs={
            **claim,
            "state": STATES[status],
            "kind": refund.kind,
            **({"at": at.isoformat()} if at else {}),
        },
    )


def _last(external_id: str) -> str:
    """Return what tells a refund of an order apart: the key of the last id in its own."""
    return short_id(external_id.rpartition("/")[2].removeprefix("#"))


SALEOR_REFUNDS = Stream(
    name="saleor_refunds",
    system=SALEOR,
    group="payments",
    entity="refund",
    description=(
        "Refunds inside Saleor orders: granted ones, those of transactions by the gateway's "
        "reference with their events, and the steps of older payments. A grant and its events are "
        "one row. They land with the order that they lie in."
    ),
    source=None,
    id_field="id",
    mapper=map_refund,
    part=Part("saleor_orders", split_refunds, "order.id", is_whole=True),
)
