"""Traffic: what changes at the source while a phase is watched, spread evenly over its rounds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from proofs.fairness.tenants import GIANT, STREAMS, TIMES
from schemabase_dagster.stack.standins import control

CHANGES: Final = 2
"""Orders of an ordinary tenant that change in a round, in each system."""

PORTIONS: Final = 20
"""In so many the giant's changes of a round are made."""


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """Orders that change in both systems of a merchant, so many seconds after the beginning."""

    second: float
    merchant: str = field(compare=False)
    orders: int = field(compare=False)

    def make(self, stand_ins: Mapping[str, Any]) -> None:
        """Let it happen."""
        for system in STREAMS:
            control(
                stand_ins, "change_orders", merchant=self.merchant, system=system, n=self.orders,
                kind="quantity",
            )  # fmt: skip


def planned(
    ordinary: Iterable[str], *, with_giant: bool, seconds: float, rounds: int
) -> list[Change]:
    """Return the changes of a phase, the first one first.

    Args:
        ordinary: tenants with few changes.
        with_giant: whether the giant's come on top.
        seconds: length of a round.
        rounds: their number.
    """
    names = list(ordinary)
    a_round = [
        Change(seconds * number / len(names), name, CHANGES) for number, name in enumerate(names)
    ]
    if with_giant:
        a_round += [
            Change(seconds * number / PORTIONS, GIANT, CHANGES * TIMES // PORTIONS)
            for number in range(PORTIONS)
        ]
    return sorted(
        Change(number * seconds + each.second, each.merchant, each.orders)
        for number in range(rounds)
        for each in a_round
    )
