"""Zoho's three rate limits per organisation: per minute, concurrent, per day."""

from collections import deque
from dataclasses import dataclass, field

from sandbox.clock import ScaledClock

DAY_SECONDS = 86_400.0
MINUTE_SECONDS = 60.0
BLOCK_SECONDS = 60.0

TOO_FAST = (
    44,
    (
        "For security reasons your organization has been blocked as it have exceeded the maximum"
        " number of requests per minute that can originate from an organization."
    ),
)
TOO_MANY_OPEN = (
    1070,
    (
        "You have reached the maximum number of in process requests allowed."
        " Kindly try again after some time."
    ),
)


@dataclass(slots=True)
class Limits:
    """Counters of one organisation; a limit of None is off.

    Who passes the minute limit is blocked for a whole minute of the stand-in's clock.
    """

    clock: ScaledClock
    per_minute: int | None = None
    per_day: int | None = None
    concurrent: int | None = None
    in_flight: int = 0
    most_in_flight: int = 0
    used_today: int = 0
    day: int = 0
    blocked_until: float = 0.0
    recent: deque[float] = field(default_factory=deque)

    def enter(self) -> tuple[int, str] | None:
        """Count a request in; the code and message of the refusal when it is over a limit."""
        now = self.clock.now()
        if now // DAY_SECONDS != self.day:
            self.day, self.used_today = int(now // DAY_SECONDS), 0
        while self.recent and self.recent[0] <= now - MINUTE_SECONDS:
            self.recent.popleft()
        refusal = self._refusal(now)
        if refusal is None:
            self.recent.append(now)
            self.used_today += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return refusal

    def leave(self) -> None:
        """Count a request out; every ``enter`` needs one."""
        self.in_flight -= 1

    def _refusal(self, now: float) -> tuple[int, str] | None:
        if self.per_day is not None and self.used_today >= self.per_day:
            return 45, (
                "The API call for this organization has exceeded the maximum call rate limit"
                f" of {self.per_day}."
            )
        if now < self.blocked_until:
            return TOO_FAST
        if self.per_minute is not None and len(self.recent) >= self.per_minute:
            self.blocked_until = now + BLOCK_SECONDS
            return TOO_FAST
        if self.concurrent is not None and self.in_flight >= self.concurrent:
            return TOO_MANY_OPEN
        return None
