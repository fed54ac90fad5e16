"""SimulatedClock: weeks of an account within minutes, for the stand-in and the product alike.

Time passes in two ways. While anybody works it is scaled: the stand-in's windows, and the product's
through the resource setting ``clock_scale``, are shortened by one factor. While nobody does
anything it jumps: the stand-in's clock goes forward, and the instants that the product's budget and
tokens are counted from go back by the same span. The sensor is asked with the simulated instant.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, LiteralString

from schemabase_dagster import database
from schemabase_dagster.clock import utc_now

_SHIFT_BUDGET: LiteralString = """
UPDATE platform.rate_window
SET window_started_at = window_started_at - %(span)s,
    blocked_until = blocked_until - %(span)s
"""

_SHIFT_TOKENS: LiteralString = """
UPDATE platform.app_token
SET expires_at = expires_at - %(span)s
"""

Control = Callable[..., Any]
"""Makes something happen at the stand-in: ``control(action, **arguments)``."""


class SimulatedClock:
    """Seconds and instants of the simulated account.

    Args:
        scale: simulated seconds per real second.
        control: the stand-in's control port.
    """

    def __init__(self, scale: float, control: Control) -> None:
        self.scale = scale
        self._control = control
        self._began = utc_now()
        self._real = time.monotonic()
        self._jumped = 0.0

    def seconds(self) -> float:
        """Return the simulated seconds since the start."""
        return (time.monotonic() - self._real) * self.scale + self._jumped

    def now(self) -> datetime:
        """Return the simulated instant."""
        return self._began + timedelta(seconds=self.seconds())

    def set_scale(self, scale: float) -> None:
        """Let time pass faster from now on; only after a day in which nobody called.

        What was counted by the old scale would be read by the new one.
        """
        self._jumped, self._real = self.seconds(), time.monotonic()
        self.scale = scale
        self._control("set_clock_scale", scale=scale)

    def jump(self, seconds: float) -> None:
        """Let time pass; nobody may be at work."""
        span = timedelta(seconds=seconds / self.scale)
        with database.transaction() as conn:
            conn.execute(_SHIFT_BUDGET, {"span": span})
            conn.execute(_SHIFT_TOKENS, {"span": span})
        self._control("pass_time", seconds=seconds)
        self._jumped += seconds
