"""The closing tables: times by phase, where they go, and which claims hold."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Final

from rich.console import Console
from rich.table import Table

from proofs.latency.events import Event
from proofs.latency.load import Seen, share
from proofs.latency.phases import Measured

STAGES: Final = {
    "gateway": "request until stored",
    "sensor": "stored until a run is asked for",
    "queue": "asked for until handed to the launcher",
    "process": "handed over until the run's process is ready",
    "step": "ready until the body begins",
    "work": "body until the row is visible",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim with what was measured."""

    text: str
    measured: float
    limit: float
    is_at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the measured value keeps the limit."""
        if self.is_at_least:
            return self.measured >= self.limit
        return self.measured < self.limit


def percentile(values: Sequence[float], share_below: float) -> float:
    """Return the smallest value that at least this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share_below * len(ordered)) - 1)]


def claims(known: Mapping[str, Measured]) -> list[Claim]:
    """Return the claims about the phases that were measured."""
    found = []
    if idle := known.get("idle"):
        found += [
            Claim("idle: median of all events, s", median(_seconds(idle.events)), 4.0),
            Claim("idle: median of the cold ones, s", median(_cold(idle.events)), 4.0),
        ]
    if loaded := known.get("loaded"):
        found += _of_loaded(loaded, 10.0)
    if cold := known.get("cold"):
        found.append(Claim("cold: median, s", median(_cold(cold.events)), 4.0))
    if warm := known.get("warm"):
        found.append(
            Claim("warm: median of events that need a run, s", median(_cold(warm.events)), 2.5)
        )
    if loaded := known.get("warm-loaded"):
        found += _of_loaded(loaded, 6.0)
    if idle and (defaults := known.get("defaults")):
        theirs = median(_seconds(defaults.events))
        found += [
            Claim(
                "faster than Dagster's defaults, median of all events",
                theirs / median(_seconds(idle.events)),
                5.0,
                is_at_least=True,
            ),
            Claim(
                "the same, of the events that had to start a run",
                median(_cold(defaults.events)) / median(_cold(idle.events)),
                5.0,
                is_at_least=True,
            ),
        ]
    return found


def _of_loaded(measured: Measured, seconds: float) -> list[Claim]:
    name, events = measured.phase, measured.events
    found = [
        Claim(
            f"{name}: 95th percentile of all events, s", percentile(_seconds(events), 0.95), seconds
        ),
        Claim(f"{name}: median of the cold ones, s", median(_cold(events)), seconds),
    ]
    if measured.load is not None:
        failed = measured.load.ended["FAILURE"]
        found.append(Claim(f"{name}: full syncs that failed", failed, 1))
    return found


def show(known: Mapping[str, Measured], console: Console) -> bool:
    """Print everything; return whether every claim about a measured phase holds."""
    console.print(_times(known))
    console.print(_stages(known))
    for measured in known.values():
        if measured.load is not None:
            console.print(_load(measured.load))
    verdicts = claims(known)
    for claim in verdicts:
        sign = ">=" if claim.is_at_least else "<"
        verdict = "[green]holds[/]" if claim.holds else "[red]DOES NOT HOLD[/]"
        console.print(f"{verdict}  {claim.text}: {claim.measured:.2f} ({sign} {claim.limit:g})")
    return all(claim.holds for claim in verdicts)


def _times(known: Mapping[str, Measured]) -> Table:
    table = Table(title="Webhook to changed core row, seconds", title_justify="left")
    table.add_column("phase")
    for column in ("n", "median", "p95", "max", "cold", "median", "max", "by a pull", "ago"):
        table.add_column(column, justify="right")
    for name, measured in known.items():
        seconds, cold = _seconds(measured.events), _cold(measured.events)
        table.add_row(
            name,
            str(len(seconds)),
            *(f"{each:.2f}" for each in (median(seconds), percentile(seconds, 0.95), max(seconds))),
            str(len(cold)),
            *(f"{each:.2f}" for each in (median(cold), max(cold))),
            str(sum(event.by_pull for event in measured.events)),
            f"{(time.time() - measured.at) / 60:.0f} min",
        )
    return table


def _stages(known: Mapping[str, Measured]) -> Table:
    table = Table(title="Where a cold event's time goes: median (max)", title_justify="left")
    table.add_column("stage")
    for name in known:
        table.add_column(name, justify="right")
    for stage, meaning in STAGES.items():
        cells = []
        for measured in known.values():
            took = [event.stages()[stage] for event in measured.events if event.is_cold]
            cells.append(f"{median(took):.2f} ({max(took):.2f})" if took else "-")
        table.add_row(meaning, *cells)
    return table


def _load(seen: Seen) -> str:
    ended = ", ".join(f"{count} {status.lower()}" for status, count in seen.ended.items())
    return (
        f"Load: {seen.asked} full syncs asked for ({ended}). Running at a time: mean "
        f"{mean(seen.running):.1f}, most {max(seen.running)}, of up to {max(seen.tenants)} "
        f"tenants. The measured tenant's own ran {share(seen.own):.0%} of the time."
    )


def _seconds(events: Sequence[Event]) -> list[float]:
    return [event.seconds for event in events]


def _cold(events: Sequence[Event]) -> list[float]:
    return [event.seconds for event in events if event.is_cold]
