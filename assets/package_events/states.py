"""States of a parcel: the edges between them, and the walk along its events (canonical C5)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from schemabase_dagster.settings import get_settings

State: TypeAlias = str
"""One of ``tables.shipping.PACKAGE_STATES``."""

_END: Final[frozenset[State]] = frozenset(
    {"failed_attempt", "delivered", "available_for_pickup", "exception"}
)
_ON_THE_WAY: Final[frozenset[State]] = frozenset({"in_transit", "out_for_delivery"}) | _END

EDGES: Final[Mapping[State, frozenset[State]]] = {
    "init": frozenset({"information_received"}) | _ON_THE_WAY,
    "information_received": _ON_THE_WAY,
    "in_transit": _ON_THE_WAY - {"in_transit"},
    "out_for_delivery": _END,
    "failed_attempt": _END | {"out_for_delivery"},
    "pending": _ON_THE_WAY,
    "expired": _ON_THE_WAY,
    "delivered": frozenset(),
    "available_for_pickup": frozenset(),
    "exception": frozenset(),
}
"""State -> states that may follow, as the reference system has them."""

AFTER_PICKUP: Final[Mapping[State, frozenset[State]]] = {
    "available_for_pickup": frozenset({"delivered"}),
}
"""Extension: a parcel that waited in a shop was collected."""

AFTER_EXCEPTION: Final[Mapping[State, frozenset[State]]] = {
    "exception": frozenset({"in_transit", "out_for_delivery", "delivered"}),
}
"""Extension: what held the parcel back is settled."""


def edges(
    *, leaves_pickup: bool = True, leaves_exception: bool = True
) -> Mapping[State, frozenset[State]]:
    """Return the edges with those extensions that are switched on."""
    allowed = dict(EDGES)
    for is_on, extension in ((leaves_pickup, AFTER_PICKUP), (leaves_exception, AFTER_EXCEPTION)):
        if is_on:
            allowed |= extension
    return allowed


def walk(
    states: Sequence[State | None], allowed: Mapping[State, frozenset[State]]
) -> list[tuple[State, bool]]:
    """Return for each event, in the order of time, the state before it and whether it moved it."""
    now: State = "init"
    told: list[tuple[State, bool]] = []
    for state in states:
        moves = state is not None and state in allowed[now]
        told.append((now, moves))
        if state is not None and moves:
            now = state
    return told


def fold_events(rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Return the columns of ``SERIES`` for the events of one parcel, given in the order of time."""
    settings = get_settings()
    allowed = edges(
        leaves_pickup=settings.package_leaves_pickup,
        leaves_exception=settings.package_leaves_exception,
    )
    told = walk([row["state"] for row in rows], allowed)
    return [
        (number, *each, row["is_history"])
        for number, (row, each) in enumerate(zip(rows, told, strict=True), start=1)
    ]
