"""Story of a parcel: what happens to it and when, the same for every carrier."""

import hashlib
from dataclasses import dataclass

from sandbox.parcels import carrier_of
from sandbox.state import State
from sandbox.store import Sale
from sandbox.world import DAY, HOUR, SECOND, World

HAPPY = (("accepted", 0.1), ("sorted", 0.3), ("arrived", 0.6), ("out", 0.85), ("delivered", 1.0))
WAITING = (*HAPPY[:4], ("waiting", 0.9), ("delivered", 1.0))
FAILED = (*HAPPY[:3], ("out", 0.7), ("failed", 0.75), ("out", 0.95), ("delivered", 1.0))
RETURNED = (*HAPPY[:3], ("out", 0.6), ("failed", 0.65), ("returned", 1.0))
KINDS = (*(HAPPY,) * 16, WAITING, WAITING, FAILED, RETURNED)
CITIES = ("Feucht", "Leipzig", "Hamburg", "Unna", "Augsburg")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a parcel.

    Attributes:
        kind: announced, accepted, sorted, arrived, out, failed, waiting, delivered or returned.
        at: microseconds since the epoch, whole seconds.
        city: where.
    """

    kind: str
    at: int
    city: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel that a merchant sent.

    Attributes:
        number: tracking number.
        carrier: DPD, DHL or UPS.
        shipped: when it left the house.
        delivered: when the merchant's books say that it arrived; None = they do not know.
    """

    number: str
    carrier: str
    shipped: int
    delivered: int | None


def now_of(state: State) -> int:
    """The sandbox's present: the moment of its data and what its clock has run since."""
    return state.options.now + int(state.clock.now() * SECOND)


def parcels_of(world: World) -> dict[str, Parcel]:
    """Every parcel of a merchant by tracking number; two pieces in one field are two parcels."""
    found: dict[str, Parcel] = {}
    for order in world.shop_orders.by_id.values():
        for number in order.parcels:
            _add(found, number, order.sale, order.modified, None)
    for package in world.packages.by_id.values():
        if package.shipped is not None:
            for number in package.tracking.split("+"):
                _add(found, number, package.order.sale, package.shipped, package.delivered)
    return found


def steps_of(parcel: Parcel, now: int) -> list[Step]:
    """What has happened to a parcel by now, oldest first; nothing before it is announced."""
    dice = hashlib.sha256(parcel.number.encode()).digest()
    kind = KINDS[dice[0] % len(KINDS)]
    if kind is RETURNED and parcel.delivered is not None:
        kind = HAPPY
    end = parcel.delivered or parcel.shipped + (36 + dice[1] % 48) * HOUR
    span = max(end - parcel.shipped, 0)
    steps = [("announced", parcel.shipped - 2 * HOUR)]
    steps += [(name, parcel.shipped + int(span * share)) for name, share in kind]
    return [
        Step(name, at // SECOND * SECOND, CITIES[(dice[2] + place) % len(CITIES)])
        for place, (name, at) in enumerate(steps)
        if at <= now
    ]


def _add(
    found: dict[str, Parcel], number: str, sale: Sale, shipped: int, delivered: int | None
) -> None:
    found[number] = Parcel(number, carrier_of(sale), min(shipped, sale.created + 400 * DAY),
                           delivered)  # fmt: skip
