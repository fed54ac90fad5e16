"""Which transactions and disputes a search finds (vendor documentation, search)."""

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.braintree.documents import (
    account_of,
    minor_of,
    order_id,
    paid_out,
    transaction,
    transactions,
)
from sandbox.store import Dispute, Transaction
from sandbox.times import parse_utc_time
from sandbox.world import DAY, MINUTE, World

TIMES: dict[str, Callable[[Transaction], int | None]] = {
    "created_at": lambda each: each.created,
    "authorized_at": lambda each: each.created,
    "submitted_for_settlement_at": (
        lambda each: None if each.voided or each.status == "processor_declined" else each.created
    ),
    "settled_at": lambda each: each.settled,
    "voided_at": lambda each: each.voided,
}
TEXTS: dict[str, Callable[[World, Transaction], str | None]] = {
    "id": lambda _world, each: each.id,
    "order_id": order_id,
    "paypal_authorization_id": lambda _world, each: f"AUTH{each.id.upper()}",
}
LISTS: dict[str, Callable[[World, Transaction], str]] = {
    "ids": lambda _world, each: each.id,
    "status": lambda _world, each: each.status,
    "type": lambda _world, each: each.kind,
    "payment_instrument_type": lambda _world, each: each.instrument,
    "merchant_account_id": account_of,
}


class UnknownCriterionError(Exception):
    """A criterion that the gateway refuses."""


def find_transactions(world: World, criteria: Mapping[str, Any]) -> list[Transaction]:
    """Transactions that meet all criteria, the newest first.

    A time is met by its whole minute: the upper bound includes it.
    """
    if ids := criteria.get("ids"):
        # Looked up, not searched for: a page of a long listing names fifty.
        found = [each for one in ids if (each := transaction(world, one)) is not None]
    else:
        found = list(transactions(world).values())
    for name, value in criteria.items():
        found = [each for each in found if _meets(world, each, name, value)]
    return sorted(found, key=lambda each: (each.created, each.id), reverse=True)


def find_disputes(world: World, criteria: Mapping[str, Any]) -> list[Dispute]:
    """Disputes that meet all criteria, the newest first."""
    found = world.disputes.view("created", lambda each: (each.created, each.id))[::-1]
    for name, value in criteria.items():
        if name == "id":
            found = [each for each in found if each.id == value.get("is")]
        elif name == "received_date":
            found = [each for each in found if _within_days(each.created, value)]
        else:
            raise UnknownCriterionError(name)
    return found


def _meets(world: World, each: Transaction, name: str, value: Any) -> bool:
    if name in TIMES:
        return _within_minutes(TIMES[name](each), value)
    if name == "disbursement_date":
        return _within_days(paid_out(each), value)
    if name in TEXTS:
        return bool(TEXTS[name](world, each) == value.get("is"))
    if name in LISTS:
        return bool(LISTS[name](world, each) in value)
    if name == "refund":
        return bool((each.kind == "credit") == (value == "true"))
    if name == "amount":
        minor = minor_of(world, each)
        return all(
            minor >= _minor(text) if bound == "min" else minor <= _minor(text)
            for bound, text in value.items()
        )
    raise UnknownCriterionError(name)


def _within_minutes(at: int | None, bounds: Mapping[str, str]) -> bool:
    if at is None:
        return False
    first, last = bounds.get("min", bounds.get("is")), bounds.get("max", bounds.get("is"))
    return (first is None or at >= parse_utc_time(first) // MINUTE * MINUTE) and (
        last is None or at < parse_utc_time(last) // MINUTE * MINUTE + MINUTE
    )


def _within_days(at: int | None, bounds: Mapping[str, str]) -> bool:
    if at is None:
        return False
    first, last = bounds.get("min", bounds.get("is")), bounds.get("max", bounds.get("is"))
    return (first is None or at // DAY >= parse_utc_time(first) // DAY) and (
        last is None or at // DAY <= parse_utc_time(last) // DAY
    )


def _minor(text: str) -> int:
    return round(float(text) * 100)
