"""When a lane may call: the arithmetic of a shared call budget, without clock or database."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from schemabase_dagster.streams import Lane

EXHAUSTED: Final = "exhausted"
DAY_SECONDS: Final = 86_400.0
PERIOD_SECONDS: Final = 1800.0
"""Calls of a day are counted by such periods; one counts until all of it is a day ago."""

PERIODS: Final = int(DAY_SECONDS // PERIOD_SECONDS)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an external account may do.

    The burst plus the rate of a minute must not exceed the provider's limit: then no 60 seconds
    see more calls than that, wherever the provider's window begins. Nor do any 24 hours see more
    than the limit of a day, so the provider's midnight need not be known.

    Attributes:
        calls_per_minute: steady rate.
        calls_per_day: all lanes together.
        concurrency: calls at one time.
        burst: tokens that a rested account has at once.
        webhook_burst: tokens that only webhooks may take.
        head_burst: tokens that the back-fill may not take either.
        webhook_share: share of the day that only webhooks may use.
        head_share: share of the day that the back-fill may not use either: a look for new records
            every four minutes in one stream and every fifteen in two takes 550 calls.
    """

    calls_per_minute: float
    calls_per_day: float
    concurrency: int
    burst: float = 8.0
    webhook_burst: float = 2.0
    head_burst: float = 2.0
    webhook_share: float = 0.1
    head_share: float = 0.3

    def seconds_for(self, calls: float) -> float:
        """Return the least time that calls of the back-fill take while other lanes take theirs."""
        a_day = self.calls_per_day * (1.0 - self.webhook_share - self.head_share)
        days = max(0, math.ceil(calls / a_day) - 1)
        minutes = (calls - days * a_day) / self.calls_per_minute
        return days * (DAY_SECONDS + PERIOD_SECONDS) + minutes * 60.0


@dataclass(frozen=True, slots=True)
class Window:
    """One row of ``platform.rate_window``."""

    started_at: datetime
    used: Mapping[str, Any]
    blocked_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """The call may be made once these windows are stored."""

    minute: Window
    day: Window


@dataclass(frozen=True, slots=True)
class Denied:
    """The call may not be made for so many seconds."""

    seconds: float
    day_is_used_up: bool = False


def decide(
    limits: Limits, minute: Window, day: Window, lane: Lane, *, now: datetime, scale: float
) -> Admitted | Denied:
    """Decide about one call of a lane.

    Args:
        limits: what the account may do.
        minute: bucket of tokens; ``started_at`` is when ``used["tokens"]`` was counted.
        day: calls by lane in each period since ``started_at``, of the last 24 hours.
        lane: who asks.
        now: present instant, by the clock that wrote the windows.
        scale: by how much all windows are shortened.
    """
    day = _current_day(day, now, scale)
    if day.blocked_until and day.blocked_until > now:
        return Denied((day.blocked_until - now).total_seconds(), day_is_used_up=True)
    leaving = _periods_to_leave(limits, day, lane)
    if leaving is not None:
        end = day.started_at + (leaving + 1 + PERIODS) * _period(scale)
        return Denied((end - now).total_seconds(), day_is_used_up=True)
    if minute.blocked_until and minute.blocked_until > now:
        return Denied((minute.blocked_until - now).total_seconds())
    tokens = _tokens(limits, minute, now, scale)
    missing = 1.0 + _token_reserve(limits, lane) - tokens
    if missing > 0:
        return Denied(missing / _tokens_per_second(limits, scale))
    return Admitted(
        minute=Window(now, {"tokens": round(tokens - 1.0, 4)}),
        day=_counted(day, lane, now, scale),
    )


def _period(scale: float) -> timedelta:
    return timedelta(seconds=PERIOD_SECONDS / scale)


def _current_day(day: Window, now: datetime, scale: float) -> Window:
    """Return the day without the periods that are more than 24 hours ago.

    When the provider had said that its day was used up, the first call after the pause begins
    anew: its midnight lies before.
    """
    if EXHAUSTED in day.used:
        over = day.blocked_until is None or day.blocked_until <= now
        return Window(now, {}) if over else day
    oldest = (now - day.started_at) // _period(scale) - PERIODS
    kept = {number: calls for number, calls in day.used.items() if int(number) >= oldest}
    return Window(day.started_at, kept) if kept else Window(now, {})


def _counted(day: Window, lane: Lane, now: datetime, scale: float) -> Window:
    """Return the day with one more call."""
    number = str((now - day.started_at) // _period(scale))
    calls = day.used.get(number, {})
    return Window(day.started_at, {**day.used, number: {**calls, lane: calls.get(lane, 0) + 1}})


def _periods_to_leave(limits: Limits, day: Window, lane: Lane) -> int | None:
    """Return the last period that must be a day ago before the lane may call; None: it may now."""
    used: Counter[str] = Counter()
    for calls in day.used.values():
        used.update(calls)
    if _fits(limits, used, lane):
        return None
    numbers = sorted(map(int, day.used))
    for number in numbers:
        used.subtract(day.used[str(number)])
        if _fits(limits, used, lane):
            return number
    return numbers[-1]


def _fits(limits: Limits, used: Counter[str], lane: Lane) -> bool:
    return used.total() + 1 + _day_reserve(limits, used, lane) <= limits.calls_per_day


def _day_reserve(limits: Limits, used: Counter[str], lane: Lane) -> float:
    """Calls that must be left for the lanes before this one, less what they have used."""
    webhook = max(0.0, limits.webhook_share * limits.calls_per_day - used["webhook"])
    head = max(0.0, limits.head_share * limits.calls_per_day - used["head"])
    reserves = {"webhook": 0.0, "head": webhook, "backfill": webhook + head}
    return reserves[lane]


def _token_reserve(limits: Limits, lane: Lane) -> float:
    webhook, head = limits.webhook_burst, limits.head_burst
    return {"webhook": 0.0, "head": webhook, "backfill": webhook + head}[lane]


def _tokens_per_second(limits: Limits, scale: float) -> float:
    return limits.calls_per_minute * scale / 60.0


def _tokens(limits: Limits, minute: Window, now: datetime, scale: float) -> float:
    left = float(minute.used.get("tokens", limits.burst))
    seconds = max(0.0, (now - minute.started_at).total_seconds())
    return min(limits.burst, left + seconds * _tokens_per_second(limits, scale))
