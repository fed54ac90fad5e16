"""Observer: places new orders at the source and watches what arrives, minute by minute."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, LiteralString, TypeVar

from proofs.quota.clock import Control, SimulatedClock
from proofs.quota.daemon import api_calls
from schemabase_dagster import database

Result = TypeVar("Result")

LOOK_SECONDS: Final = 0.05
"""Real seconds between two looks while a run works."""

_ARRIVED: LiteralString = """
SELECT r.external_id
FROM core.external_ref AS r
JOIN analytics.fct_order AS f ON f.order_id = r.core_id AND f.tenant = %s
WHERE r.entity = 'order' AND r.external_id = ANY(%s)
"""

_COVERED: LiteralString = """
SELECT count(*), max(source_updated_at), min(source_updated_at)
FROM raw.zoho_sales_orders
"""

_LANES: LiteralString = """
SELECT used
FROM platform.rate_window
WHERE window_name = 'day' AND NOT used ? 'exhausted'
"""

_ESTIMATE: LiteralString = """
SELECT estimate_seconds
FROM platform.sync_state
WHERE stream = 'zoho_sales_orders'
"""


@dataclass(slots=True)
class Placed:
    """One order placed while the back-fill runs; seconds are simulated ones."""

    external_id: str
    placed_at: float
    arrived_at: float | None = None


@dataclass(frozen=True, slots=True)
class Minute:
    """What one simulated minute saw."""

    second: float
    lanes: Counter[str]
    landed: int
    newest: datetime | None
    oldest: datetime | None
    estimate_seconds: float | None


@dataclass(slots=True)
class Observer:
    """Watches one tenant.

    Attributes:
        tenant: its slug, which is also the stand-in's merchant.
        clock: simulated time.
        control: the stand-in's control port.
        plan: simulated seconds at which an order is placed, ascending.
        week: ids of the orders of the last 7 days before the start.
        report: takes every finished minute.
    """

    tenant: str
    clock: SimulatedClock
    control: Control
    plan: list[float]
    week: set[str]
    report: Callable[[Minute], None] = field(default=lambda _minute: None)
    placed: list[Placed] = field(default_factory=list)
    lanes: Counter[str] = field(default_factory=Counter)
    week_at: float | None = None
    week_calls: int = 0
    _seen: dict[str, Counter[str]] = field(default_factory=dict)
    _reported: Counter[str] = field(default_factory=Counter)
    _landed: int = 0
    _minute: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def during(self, work: Callable[[], Result]) -> Result:
        """Do some work and watch meanwhile."""
        with self._watching():
            return work()

    def look(self) -> None:
        """Place what is due, note what arrived, finish a minute."""
        with self._lock:
            self._place()
            self._note_arrivals()
            self._count_lanes()
            if int(self.clock.seconds() // 60) > self._minute:
                self._finish_minute()

    def next_order(self) -> float:
        """Return the second at which the next order is placed."""
        return self.plan[0] if self.plan else float("inf")

    @contextmanager
    def _watching(self) -> Iterator[None]:
        over = threading.Event()

        def watch() -> None:
            while not over.wait(LOOK_SECONDS):
                self.look()

        thread = threading.Thread(target=watch, name="observer")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        self.look()

    def _place(self) -> None:
        while self.plan and self.plan[0] <= self.clock.seconds():
            self.plan.pop(0)
            (made,) = self.control("new_orders", merchant=self.tenant, system="zoho", n=1)
            self.placed.append(Placed(made, self.clock.seconds()))

    def _note_arrivals(self) -> None:
        waiting = [each for each in self.placed if each.arrived_at is None]
        arrived = self._in_analytics([each.external_id for each in waiting])
        for each in waiting:
            if each.external_id in arrived:
                each.arrived_at = self.clock.seconds()
        if self.week:
            self.week -= self._in_analytics(list(self.week))
            if not self.week:
                self.week_at = self.clock.seconds()
                self.week_calls = api_calls(self.control, self.tenant)

    def _in_analytics(self, ids: Sequence[str]) -> set[str]:
        if not ids:
            return set()
        with database.transaction() as conn:
            return {row[0] for row in conn.execute(_ARRIVED, (self.tenant, ids))}

    def _count_lanes(self) -> None:
        """Add what the periods of the shared budget grew by since the last look."""
        with database.transaction() as conn:
            row = conn.execute(_LANES).fetchone()
        seen = {period: Counter(calls) for period, calls in (row[0] if row else {}).items()}
        for period, calls in seen.items():
            before = self._seen.get(period, Counter())
            # a count that shrank belongs to a new day, which numbers its periods anew
            grown = calls if calls.total() < before.total() else calls - before
            self.lanes.update(grown)
        self._seen = seen

    def _finish_minute(self) -> None:
        self._minute = int(self.clock.seconds() // 60)
        with database.transaction() as conn:
            covered: Any = conn.execute(_COVERED).fetchone()
            estimate = conn.execute(_ESTIMATE).fetchone()
        left = estimate[0] * self.clock.scale if estimate and estimate[0] is not None else None
        grown = self.lanes - self._reported
        self._reported = Counter(self.lanes)
        landed, self._landed = covered[0] - self._landed, covered[0]
        self.report(Minute(self.clock.seconds(), grown, landed, covered[1], covered[2], left))
