"""When a lane may call: the arithmetic of a shared call budget, without clock or database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from schemabase_dagster.streams import Lane

EXHAUSTED: Final = "exhausted"
DAY_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What an external account may do.

    The burst plus the rate of a minute must not exceed the provider's limit: then no 60 seconds
    see more calls than that, wherever the provider's window begins.

    Attributes:
        calls_per_minute: steady rate.
        calls_per_day: all lanes together.
        concurrency: calls at one time.
        burst: tokens that a rested account has at once.
        webhook_burst: tokens that only webhooks may take.
        head_burst: tokens that the back-fill may not take either.
        webhook_share: share of the day that only webhooks may use.
        head_share: share of the day that the back-fill may not use either.
    """

    calls_per_minute: float
    calls_per_day: float
    concurrency: int
    burst: float = 8.0
    webhook_burst: float = 2.0
    head_burst: float = 2.0
    webhook_share: float = 0.1
    head_share: float = 0.1


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
        day: calls by lane since ``started_at``.
        lane: who asks.
        now: present instant, by the clock that wrote the windows.
        scale: by how much all windows are shortened.
    """
    day = _current_day(day, now, scale)
    if day.blocked_until and day.blocked_until > now:
        return Denied((day.blocked_until - now).total_seconds(), day_is_used_up=True)
    if _day_total(day) + 1 + _day_reserve(limits, day, lane) > limits.calls_per_day:
        end = day.started_at + timedelta(seconds=DAY_SECONDS / scale)
        return Denied((end - now).total_seconds(), day_is_used_up=True)
    if minute.blocked_until and minute.blocked_until > now:
        return Denied((minute.blocked_until - now).total_seconds())
    tokens = _tokens(limits, minute, now, scale)
    missing = 1.0 + _token_reserve(limits, lane) - tokens
    if missing > 0:
        return Denied(missing / _tokens_per_second(limits, scale))
    return Admitted(
        minute=Window(now, {"tokens": round(tokens - 1.0, 4)}),
        day=Window(day.started_at, {**day.used, lane: day.used.get(lane, 0) + 1}),
    )


def _current_day(day: Window, now: datetime, scale: float) -> Window:
    """Return the running day: a new one after its end, keeping its time of day.

    When the provider had said that its day was used up, the first call after the pause begins a
    day of ours: its midnight lies before, so both days run in step from then on.
    """
    if EXHAUSTED in day.used:
        over = day.blocked_until is None or day.blocked_until <= now
        return Window(now, {}) if over else day
    length = timedelta(seconds=DAY_SECONDS / scale)
    passed = (now - day.started_at) // length
    return Window(day.started_at + passed * length, {}) if passed > 0 else day


def _day_total(day: Window) -> float:
    return float(sum(day.used.values()))


def _day_reserve(limits: Limits, day: Window, lane: Lane) -> float:
    """Calls that must be left for the lanes before this one, less what they have used."""
    used = {name: float(day.used.get(name, 0)) for name in ("webhook", "head")}
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
