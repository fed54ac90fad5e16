"""What a benchmark reports: rows of architecture section 9 and the closing table."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from schemabase_dagster.terminal import console


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.

    Attributes:
        work: what we did.
        rival: what it is measured against.
        measured: what came out, for people.
        must: what must be reached.
        aim: what we would like to reach.
        reached: ``aim``, ``must`` or ``missed``.
        cost: what costs the difference to the aim, for a row below it.
    """

    work: str
    rival: str
    measured: str
    must: str
    aim: str
    reached: str
    cost: str = ""


def ratio(work: str, rival: str, value: float, *, must: float, aim: float, cost: str = "") -> Row:
    """Return the row of a ratio: our speed in units of the rival's, more is better."""
    return Row(
        work, rival, f"{value:.2f} x", f"{must:g} x", f"{aim:g} x", _reached(value, must, aim), cost
    )


def show(rows: Sequence[Row]) -> None:
    """Print the closing table, and what costs the difference in rows below the aim."""
    table = Table("work", "measured against", "result", "must", "aim", "verdict", box=None)
    for row in rows:
        verdict = {"aim": "aim reached", "must": "ok, below the aim", "missed": "MISSED"}
        table.add_row(row.work, row.rival, row.measured, row.must, row.aim, verdict[row.reached])
    console().print(table)
    for row in rows:
        if row.reached != "aim" and row.cost:
            console().print(f"Below the aim: {row.work} against {row.rival}: {row.cost}")


def _reached(value: float, must: float, aim: float) -> str:
    if value >= aim:
        return "aim"
    return "must" if value >= must else "missed"
