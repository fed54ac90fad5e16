"""Token buckets: how many requests an endpoint or an address may make."""

import time
from typing import Final

MAX_BUCKETS: Final = 10_000


class Buckets:
    """One bucket per key; each holds a minute's worth and refills evenly."""

    def __init__(self) -> None:
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, key: str, per_minute: int) -> float:
        """Take one token; return 0, or the seconds until there is one."""
        now = time.monotonic()
        level, filled_at = self._levels.get(key, (float(per_minute), now))
        level = min(level + (now - filled_at) * per_minute / 60, per_minute)
        if level < 1:
            return (1 - level) * 60 / per_minute
        if len(self._levels) >= MAX_BUCKETS and key not in self._levels:
            # Only addresses of scanners can be so many; a fresh start costs us nothing.
            self._levels.clear()
        self._levels[key] = (level - 1, now)
        return 0
