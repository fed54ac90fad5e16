"""A clock that can run faster, so that minute and day limits can be seen within seconds."""

import time


class ScaledClock:
    """Seconds that pass ``scale`` times as fast as real ones; never goes back."""

    def __init__(self, scale: float = 1.0) -> None:
        self._scale = scale
        self._real = time.monotonic()
        self._base = 0.0

    @property
    def scale(self) -> float:
        """Stand-in seconds per real second."""
        return self._scale

    @scale.setter
    def scale(self, scale: float) -> None:
        self._base, self._real, self._scale = self.now(), time.monotonic(), scale

    def advance(self, seconds: float) -> None:
        """Let stand-in seconds pass at once."""
        self._base += seconds

    def now(self) -> float:
        """Stand-in seconds since the clock was made."""
        return self._base + (time.monotonic() - self._real) * self._scale
