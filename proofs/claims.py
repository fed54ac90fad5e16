"""Claim: what a proof claims, what was measured, and whether it holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

WIDTH: Final = 110


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim of the closing table.

    Attributes:
        claim: what is claimed.
        measured: what was seen.
        holds: whether it is so.
        is_timed: a slow machine may miss it, as its own work is shown so many times as long.
    """

    claim: str
    measured: str
    holds: bool
    is_timed: bool = False


def show_claims(claims: Sequence[Claim]) -> None:
    """Print the closing table."""
    table = Table("claim", "measured", "verdict", show_lines=True)
    for each in claims:
        table.add_row(each.claim, each.measured, "holds" if each.holds else "DOES NOT HOLD")
    Console(width=WIDTH).print(table)
