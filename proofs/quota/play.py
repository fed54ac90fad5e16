"""The play: a large account is connected, filled over days of its quota, and then stays idle."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from assets import registry
from proofs.quota.clock import Control, SimulatedClock
from proofs.quota.daemon import TICK_SECONDS, Daemon, Run, api_calls
from proofs.quota.observer import Minute, Observer
from resources.zoho import ZOHO
from schemabase_dagster import database, tags, tenancy
from schemabase_dagster.clock import parse_instant
from schemabase_dagster.settings import ROOT
from schemabase_dagster.tenancy import App
from sensors.requests import PRIORITY_NIGHTLY, pull_request

MERCHANT: Final = "acme"
STREAM: Final = "zoho_sales_orders"
STREAMS: Final = (STREAM, "zoho_invoices", "zoho_contacts")
HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
WEBHOOK_CALLS: Final = 20
WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Plan:
    """How large the account is and how closely its days are watched.

    Attributes:
        size: sales orders.
        per_minute: calls a minute by the plan of the account.
        per_day: calls a day.
        scale: simulated seconds per real second on the first day; the product's own work, such as
            a merge, is shown so many times as long as it is.
        fast_scale: on the other days.
        watched_hours: how long every tick of the sensor is played on the first day.
        order_every_seconds: pause between two new orders while every tick is played.
        days: most days to play.
        seconds: real seconds after which no other day is begun.
        deleted_share: share of the orders that is deleted at the end; more than 5 % would wait for
            a person.
    """

    size: int = 20_000
    per_minute: int = 100
    per_day: int = 2000
    scale: float = 10.0
    fast_scale: float = 90.0
    watched_hours: float = 1.5
    order_every_seconds: float = 437.0
    days: int = 30
    seconds: float = 450.0
    deleted_share: float = 0.03


@dataclass(slots=True)
class Story:
    """What happened; seconds are simulated ones."""

    plan: Plan
    runs: list[Run] = field(default_factory=list)
    placed: list[Any] = field(default_factory=list)
    week_size: int = 0
    week_at: float | None = None
    week_calls: int = 0
    out_of_order: int = 0
    lanes: dict[str, int] = field(default_factory=dict)
    webhook_seconds: float = 0.0
    status_line: str = ""
    ui_estimate_minutes: float | None = None
    estimated_at: float = 0.0
    finished_at: float | None = None
    ended_at: float = 0.0
    left_days: float = 0.0
    filled: int = 0
    standin_calls: int = 0
    standin_refused: int = 0
    delete_calls: int = 0
    vanished: int = 0
    deleted: int = 0


def connect(control: Control, info: dict[str, Any], plan: Plan) -> App:
    """Connect the stand-in's organisation, whose limits are switched on."""
    control(
        "set_limits", merchant=MERCHANT, per_minute=plan.per_minute, per_day=plan.per_day,
        concurrent=5,
    )  # fmt: skip
    # the provider's midnight lies somewhere in the account's day, not at its first call
    control("pass_time", seconds=10 * HOUR)
    zoho = info["merchants"][MERCHANT]["zoho"]
    config = {
        "organization_id": zoho["organization_id"],
        "accounts_url": zoho["accounts_url"],
        "books_url": zoho["books_url"],
        "inventory_url": zoho["inventory_url"],
        "order_prefixes": [info["merchants"][MERCHANT]["prefix"]],
        "calls_per_minute": plan.per_minute,
        "calls_per_day": plan.per_day,
    }
    secrets = {name: zoho[name] for name in ("client_id", "client_secret", "refresh_token")}
    with database.transaction() as conn:
        tenant = tenancy.add_tenant(conn, MERCHANT, "Acme", timezone="Europe/Berlin")
        return tenancy.add_app(conn, tenant, ZOHO, "books", config, secrets, STREAMS)


class Play:
    """Plays the story of one account.

    Args:
        control: the stand-in's control port.
        plan: how large and how long.
        report: takes every finished minute.
        tell: takes a line about the progress.
    """

    def __init__(
        self,
        control: Control,
        plan: Plan,
        report: Callable[[Minute], None],
        tell: Callable[[str], None],
    ) -> None:
        self._began = time.monotonic()
        self._control = control
        self._plan = plan
        self._tell = tell
        self.story = Story(plan)
        for entity in ("orders", "invoices", "contacts"):
            # the stand-in must not be what a page waits for
            control("prerender", merchant=MERCHANT, system="zoho", entity=entity)
        week = _last_week(control)
        self.story.week_size = len(week)
        self.clock = SimulatedClock(plan.scale, control)
        watched = plan.watched_hours * HOUR
        count = int(watched / plan.order_every_seconds)
        moments = [90.0 + plan.order_every_seconds * number for number in range(count)]
        self.observer = Observer(MERCHANT, self.clock, control, moments, week, report)
        self.daemon = Daemon(
            MERCHANT,
            self.clock,
            control,
            self.observer.during,
            lambda: self.observer.lanes["backfill"],
        )

    def run(self) -> Story:
        """Play all of it."""
        self._tell(f"first day, every tick of the sensor, clock {self._plan.scale:g} times fast")
        self._watch(self._plan.watched_hours * HOUR)
        self._tell(f"a day later, clock {self._plan.fast_scale:g} times fast")
        self.clock.jump(DAY + HOUR)
        self.clock.set_scale(self._plan.fast_scale)
        self._fill()
        story = self.story
        story.ended_at, story.left_days = self.clock.seconds(), self._left()
        if story.finished_at is not None:
            self._tell("filled; an hour with nothing to do")
            self._watch(HOUR)
        story.runs = list(self.daemon.runs)
        if story.finished_at is not None:
            self._delete()
        story.placed = self.observer.placed
        story.week_at, story.week_calls = self.observer.week_at, self.observer.week_calls
        story.lanes = dict(self.observer.lanes)
        story.standin_calls = api_calls(self._control, MERCHANT)
        story.standin_refused = self._control("calls")[MERCHANT]["zoho"].get("refused", 0)
        self.daemon.close()
        return story

    def _watch(self, seconds: float) -> None:
        """Play every tick for a while."""
        end = self.clock.seconds() + seconds
        while self.clock.seconds() < end:
            began = self.clock.seconds()
            self._note(self.daemon.tick())
            self.observer.look()
            # the next tick is due by the clock, and an order is placed on time
            until = min(began + TICK_SECONDS, self.observer.next_order())
            self.clock.jump(max(0.0, until - self.clock.seconds()))
            self.observer.look()

    def _fill(self) -> None:
        """Play the other days: the sensor is asked when the quota may be there again."""
        used_up_at, day = self.story.estimated_at, 1
        while self._scan() is not None and day < self._plan.days and not self._is_late():
            day += 1
            self._wait_for_quota(used_up_at)
            while (self._scan() or {"waits": True})["waits"] is False:
                self._tick(TICK_SECONDS)
            used_up_at = self.clock.seconds()
            self._tell(f"day {day}: {self._landed()} orders, {self._left():.1f} days left")
        if self._scan() is None:
            self.story.finished_at = self.clock.seconds()
        self.story.filled = self._landed()

    def _wait_for_quota(self, since: float) -> None:
        """Ask every six hours, and every quarter of an hour when a day has passed."""
        landed = self._landed()
        while self._landed() < landed + WEBHOOK_CALLS and self._scan() is not None:
            rest = DAY - (self.clock.seconds() - since)
            self._tick(min(6 * HOUR, max(rest, HOUR / 4)))

    def _is_late(self) -> bool:
        return time.monotonic() - self._began > self._plan.seconds

    def _tick(self, seconds: float) -> None:
        """Let time pass and ask the sensor."""
        self.clock.jump(seconds)
        self._note(self.daemon.tick())
        self.observer.look()

    def _note(self, runs: list[Run]) -> None:
        """Take what people see after the first run that used the day up."""
        for run in runs:
            for retry in run.retries:
                self._tell(f"tried again: {retry[:400]}")
            told = run.metadata.get(f"raw/{STREAM}", {})
            if told.get("out_of_quota") and not self.story.status_line:
                self.story.ui_estimate_minutes = told["estimate_minutes"] * self.clock.scale
                self.story.estimated_at = self.clock.seconds()
                self.story.status_line = _status_line()
                self.story.out_of_order = self._out_of_order()
                self._call_for_webhooks()

    def _call_for_webhooks(self) -> None:
        """Read orders as a webhook would have them read, now that pulls have used their share."""
        ids = self._control("ids", merchant=MERCHANT, system="zoho")[:WEBHOOK_CALLS]
        with database.transaction() as conn:
            app = tenancy.get_app(conn, MERCHANT, "books")
        began = self.clock.seconds()
        with self.daemon.zoho().open(app, "webhook") as client:
            found = list(client.iter_details(registry.stream(STREAM), ids))
        self.story.webhook_seconds = self.clock.seconds() - began
        if len(found) != len(ids):
            raise AssertionError("not every order was read")

    def _out_of_order(self) -> int:
        """Return how many landed orders have an older modified time than one that is missing."""
        newest_first = self._control("ids", merchant=MERCHANT, system="zoho")[::-1]
        with database.transaction() as conn:
            landed = {row[0] for row in conn.execute(f"SELECT external_id FROM raw.{STREAM}")}
        return len(landed - set(newest_first[: len(landed)]))

    def _delete(self) -> None:
        """Delete orders at the source and find it out by a whole listing."""
        ids = self._control("ids", merchant=MERCHANT, system="zoho")
        ids = ids[: int(self._plan.size * self._plan.deleted_share)]
        for each in ids:
            self._control("delete_order", merchant=MERCHANT, system="zoho", order_id=each)
        self._tell(f"{len(ids)} orders deleted, a whole listing")
        self.clock.jump(2 * DAY)
        run = self.daemon.run(
            pull_request(
                MERCHANT, "zoho", [STREAM], trigger=tags.TRIGGER_FULL, priority=PRIORITY_NIGHTLY
            )
        )
        self.story.delete_calls, self.story.vanished = run.calls, len(ids)
        self.story.deleted = int(run.metadata[f"raw/{STREAM}"]["deleted"])

    def _scan(self) -> dict[str, Any] | None:
        with database.transaction() as conn:
            row = conn.execute(
                "SELECT cursor -> 'scan' FROM platform.sync_state WHERE stream = %s", (STREAM,)
            ).fetchone()
        scan: dict[str, Any] | None = row[0] if row else None
        return scan

    def _landed(self) -> int:
        with database.transaction() as conn:
            row = conn.execute(f"SELECT count(*) FROM raw.{STREAM}").fetchone()
        return row[0] if row else 0

    def _left(self) -> float:
        """Return the estimated rest in days."""
        return ((self._scan() or {}).get("estimate_seconds") or 0) * self.clock.scale / DAY


def _last_week(control: Control) -> set[str]:
    """Return the ids of the orders created in the last 7 days."""
    found = set()
    newest_first = control("ids", merchant=MERCHANT, system="zoho")[::-1]
    since: datetime | None = None
    for each in newest_first:
        document = control("document", merchant=MERCHANT, system="zoho", record_id=each)
        modified = parse_instant(document["last_modified_time"])
        since = since or modified - WEEK
        if modified < since:
            break
        if parse_instant(document["created_time"]) >= since:
            found.add(each)
    return found


def _status_line() -> str:
    """Return what the command ``schemabase status`` says about the stream."""
    command = [sys.executable, "-m", "schemabase_dagster", "status", MERCHANT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if STREAM in line]
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s,]", " ", line)).strip()
