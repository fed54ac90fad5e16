"""What is printed: a line per minute with calls, the new orders, the closing table."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rich.console import Console
from rich.table import Table

from proofs.quota.observer import Minute
from proofs.quota.play import DAY, Story

BUSY_CALLS = 5
HEAD = f"{'day':>3} {'time':>11}  {'webhook':>7} {'head':>5} {'fill':>5}  {'landed':>6}  "


@dataclass(slots=True)
class Minutes:
    """Prints busy minutes one by one and quiet ones as one line."""

    _quiet: list[Minute] = field(default_factory=list)
    _count: int = 0

    def add(self, minute: Minute) -> None:
        """Take a minute."""
        if minute.lanes.total() < BUSY_CALLS:
            self._quiet.append(minute)
            return
        self.flush()
        self._print([minute])

    def tell(self, line: str) -> None:
        """Print a line of the story."""
        self.flush()
        print(f"-- {line}")
        self._count = 0

    def flush(self) -> None:
        """Print the quiet minutes."""
        if self._quiet:
            self._print(self._quiet)
            self._quiet = []

    def _print(self, minutes: Sequence[Minute]) -> None:
        if self._count == 0:
            print(HEAD + "newest order      oldest order      left")
        self._count += 1
        lanes: Counter[str] = Counter()
        for each in minutes:
            lanes.update(each.lanes)
        last = minutes[-1]
        span = _clock(minutes[0].second)
        if len(minutes) > 1:
            span += f"-{_clock(last.second)}"
        left = f"{last.estimate_seconds / DAY:.1f} days" if last.estimate_seconds else ""
        print(
            f"{int(last.second // DAY) + 1:>3} {span:>11}  {lanes['webhook']:>7} "
            f"{lanes['head']:>5} {lanes['backfill']:>5}  "
            f"{sum(each.landed for each in minutes):>6}  "
            f"{_day(last.newest):<16}  {_day(last.oldest):<16}  {left}"
        )


def show_orders(story: Story) -> None:
    """Print when each order that was placed during the back-fill arrived."""
    table = Table("placed", "arrived", "after", title="Orders placed while the back-fill lasts")
    for each in story.placed:
        arrived = each.arrived_at
        table.add_row(
            _clock(each.placed_at),
            _clock(arrived) if arrived is not None else "never",
            f"{arrived - each.placed_at:.0f} s" if arrived is not None else "",
        )
    Console(width=110).print(table)


def _clock(second: float) -> str:
    return f"{int(second % DAY // 3600):02}:{int(second % 3600 // 60):02}"


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
