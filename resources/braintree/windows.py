"""Windows of time for searches that give at most so many ids and do not say when they cut."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Window:
    """The whole minutes from ``begin`` to ``end``, the latter not included."""

    begin: datetime
    end: datetime

    @property
    def last(self) -> datetime:
        """Return its last minute: an upper bound of the gateway includes the whole minute."""
        return self.end - MINUTE

    @property
    def is_shortest(self) -> bool:
        """Return whether it cannot be split."""
        return self.end - self.begin <= MINUTE

    def halves(self) -> "tuple[Window, Window]":
        """Return its two halves, the newer one first."""
        middle = floor_minute(self.begin + (self.end - self.begin) / 2)
        return Window(middle, self.end), Window(self.begin, middle)


def floor_minute(at: datetime) -> datetime:
    """Return the minute in which an instant lies."""
    return at.replace(second=0, microsecond=0)


def end_of_minute(at: datetime) -> datetime:
    """Return the end of that minute."""
    return floor_minute(at) + MINUTE
