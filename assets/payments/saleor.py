"""Payments inside Saleor orders: transactions with events, and payments of the older kind."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from resources.saleor import SALEOR
from resources.saleor.models import Money, OrderRef, order_ref, short_id
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.fields import Instant, SourceModel, Text
from schemabase_dagster.source_json import objects
from schemabase_dagster.streams import JsonObject, Part, Stream

ZERO: Final = Decimal(0)

PLACEHOLDERS: Final = frozenset({"NONE_VORKASSE_TOKEN"})
"""Tokens of captures without a transaction at a gateway: all payments share them."""

PROFILE: Final = re.compile(r"\d{8,10}-\d{8,10}")
"""A reference of Authorize.net that names a customer's profile, not a transaction."""

GATEWAYS: Final = (
    ("braintree", "braintree"),
    ("authorize.net", "authorize_net"),
    ("stripe", "stripe"),
    ("paypal", "paypal"),
    ("rechnung", "banktransfer"),
    ("prepayment", "banktransfer"),
    ("manual payment method", "banktransfer"),
)
"""Part of the name of a plugin or app -> gateway; the first that fits."""

CHARGE_STATUS: Final = {
    "PENDING": "pending",
    "REFUSED": "failed",
    "CANCELLED": "canceled",
    "NOT_CHARGED": "authorized",
}
"""Of payments; every other one was charged, whatever went back since."""

BEGUN: Final = frozenset({"AUTHORIZATION_SUCCESS", "CHARGE_SUCCESS"})

STATES: Final = {
    "paid": "done",
    "pending": "pending",
    "authorized": "requested",
    "failed": "failed",
    "canceled": "void",
}


def split_payments(order: JsonObject) -> Iterator[JsonObject]:
    """Return the payments of an order of which one step at least succeeded."""
    for payment in objects(order.get("payments")):
        steps = objects(payment.get("transactions"))
        if any(step.get("isSuccess") is True for step in steps):
            yield {**payment, "order": order_ref(order)}


def split_transactions(order: JsonObject) -> Iterator[JsonObject]:
    """Return the transactions of an order that were authorised or charged."""
    for transaction in objects(order.get("transactions")):
        events = objects(transaction.get("events"))
        if any(event.get("type") in BEGUN for event in events):
            yield {**transaction, "order": order_ref(order)}


class _Step(SourceModel):
    kind: str
    isSuccess: bool
    token: Text = None
    amount: Money | None = None
    created: Instant | None = None


class _Card(SourceModel):
    brand: Text = None


class _Payment(SourceModel):
    id: str
    gateway: Text = None
    paymentMethodType: Text = None
    pspReference: Text = None
    isActive: bool = True
    chargeStatus: str
    created: Instant
    total: Money
    capturedAmount: Money | None = None
    creditCard: _Card | None = None
    transactions: tuple[_Step, ...]
    order: OrderRef


class _Event(SourceModel):
    type: Text = None
    createdAt: Instant
    pspReference: Text = None
    amount: Money


class _App(SourceModel):
    name: Text = None


class _Transaction(SourceModel):
    id: str
    name: Text = None
    pspReference: Text = None
    createdAt: Instant
    authorizedAmount: Money
    chargedAmount: Money
    chargePendingAmount: Money | None = None
    createdBy: _App | None = None
    privateMetadata: tuple[Mapping[str, Any], ...] = ()
    events: tuple[_Event, ...]
    order: OrderRef


def map_payment(record: SourceRecord) -> Candidate:
    """Map a payment of the older kind; its token is the gateway's id (specification 18.1)."""
    payment = record.read(_Payment)
    steps = [step for step in payment.transactions if step.isSuccess]
    taken = [step for step in steps if step.kind not in {"AUTH", "REFUND", "VOID"}]
    tokens = [step.token for step in (taken or steps) if step.token]
    reference = tokens[0] if tokens else payment.pspReference
    back = sum(
        (step.amount.amount for step in steps if step.kind == "REFUND" and step.amount), ZERO
    )
    captured = (payment.capturedAmount.amount if payment.capturedAmount else ZERO) + back
    status = CHARGE_STATUS.get(payment.chargeStatus, "paid")
    gateway = _gateway(payment.gateway)
    return _candidate(
        payment.id,
        payment.order,
        record.config.order_prefix,
        reference=None if reference in PLACEHOLDERS else reference,
        status="canceled" if status == "authorized" and not payment.isActive else status,
        amount=Money(amount=captured or payment.total.amount, currency=payment.total.currency),
        values={
            "gateway": gateway,
            "method_type": _method(payment, gateway),
            "paid_at": next((s.created for s in taken if s.created), payment.created),
        },
    )


def map_transaction(record: SourceRecord) -> Candidate:
    """Map a transaction: what was charged in all, before anything went back."""
    transaction = record.read(_Transaction)
    charges = _charges(transaction.events)
    charged = sum((event.amount.amount for event in charges), ZERO)
    pending = transaction.chargePendingAmount
    references = (transaction.pspReference, *(event.pspReference for event in charges))
    reference = next(filter(None, references), None)
    profile = reference if reference and PROFILE.search(reference) else None
    amount = charged or (pending.amount if pending else ZERO) or transaction.authorizedAmount.amount
    amount = amount or max(event.amount.amount for event in transaction.events)
    names = (transaction.createdBy.name if transaction.createdBy else None, transaction.name)
    gateway = _gateway(*names)
    return _candidate(
        transaction.id,
        transaction.order,
        record.config.order_prefix,
        reference=None if profile else reference,
        status=_status(transaction, charged),
        amount=Money(amount=amount, currency=transaction.chargedAmount.currency),
        values={
            "gateway": gateway,
            "method_type": _method_of_app(transaction, gateway),
            "profile_id": profile,
            "paid_at": charges[0].createdAt if charges else transaction.createdAt,
        },
    )


def _candidate(
    external_id: str,
    order: OrderRef,
    prefix: str,
    *,
    reference: str | None,
    status: str,
    amount: Money,
    values: Mapping[str, Any],
) -> Candidate:
    own = f"{order.canonical_number(prefix)}-P{short_id(external_id)}"
    said = {key: value for key, value in values.items() if value not in {None, "other"}}
    return Candidate(
        match_key=reference,
        number=reference or own,
        status=status,
        values={
            **said,
            "reference_number": reference or own,
            "status": status,
            "amount": amount.amount,
            "currency": amount.currency,
        },
        parents={"order": [f"#{order.id}"]},
        shares={"order": {f"#{order.id}": {"amount": amount.amount}}},
        attrs={
            "amount": str(amount.amount),
            "currency": amount.currency,
            "state": STATES[status],
            "gateway": values["gateway"],
        },
    )


def _charges(events: Sequence[_Event]) -> list[_Event]:
    """Return the charges that stand, oldest first: of each reference the newest that succeeded."""
    newest: dict[str, _Event] = {}
    for event in sorted(events, key=lambda event: event.createdAt):
        if event.type in {"CHARGE_SUCCESS", "CHARGE_FAILURE"}:
            newest[event.pspReference or ""] = event
    return [event for event in newest.values() if event.type == "CHARGE_SUCCESS"]


def _status(transaction: _Transaction, charged: Decimal) -> str:
    if charged:
        return "paid"
    if transaction.chargePendingAmount and transaction.chargePendingAmount.amount:
        return "pending"
    kinds = {event.type for event in transaction.events}
    if transaction.authorizedAmount.amount:
        return "authorized"
    return "failed" if "CHARGE_FAILURE" in kinds else "canceled"


def _gateway(*names: str | None) -> str:
    """Return the gateway that the first telling name speaks of."""
    told = (gateway for name in names if name for part, gateway in GATEWAYS if part in name.lower())
    return next(told, "other")


def _method(payment: _Payment, gateway: str) -> str:
    """Return how was paid; Braintree's plugin calls PayPal a card, and Apple Pay nothing."""
    kind, has_card = (payment.paymentMethodType or "").lower(), payment.creditCard is not None
    if gateway == "braintree" and kind == "card":
        return "card" if has_card else "paypal"
    if gateway == "braintree" and not kind:
        return "card"
    if gateway == "banktransfer":
        return "banktransfer"
    return kind if kind in {"card", "paypal"} else "card" if has_card else "other"


def _method_of_app(transaction: _Transaction, gateway: str) -> str:
    facts = {str(each.get("key")): each.get("value") for each in transaction.privateMetadata}
    if "echeck" in facts:
        return "echeck"
    if facts.get("method") == "customerCredit":
        return "customer_credit"
    return {"authorize_net": "card", "banktransfer": "banktransfer", "paypal": "paypal"}.get(
        gateway, "other"
    )


SALEOR_PAYMENTS = Stream(
    name="saleor_payments",
    system=SALEOR,
    group="payments",
    entity="payment",
    description=(
        "Payments of the older kind inside Saleor orders, with their steps. Attempts of which no "
        "step succeeded are left out. They land with the order that they lie in."
    ),
    source=None,
    id_field="id",
    modified_field="modified",
    mapper=map_payment,
    part=Part("saleor_orders", split_payments, "order.id", is_whole=True),
)

SALEOR_TRANSACTIONS = Stream(
    name="saleor_transactions",
    system=SALEOR,
    group="payments",
    entity="payment",
    description=(
        "Transactions inside Saleor orders, with their events. Those that were never authorised or "
        "charged are left out. They land with the order that they lie in."
    ),
    source=None,
    id_field="id",
    modified_field="modifiedAt",
    mapper=map_transaction,
    part=Part("saleor_orders", split_transactions, "order.id", is_whole=True),
)
