"""Deadlines: cut off senders that never finish their body.

One task looks at all readers, which is cheaper than a timer for each request: nearly every body is
there before anybody could wait for it.
"""

import asyncio
import time
from types import TracebackType
from typing import Any, Final, Self

from webhook_gateway.answers import Refusal

LOOK_SECONDS: Final = 0.25


class Deadlines:
    """Knows who reads since when, and cancels those that take too long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._readers: dict[asyncio.Task[Any], _Reading] = {}

    def watch(self) -> "_Reading":
        """Return a context in which the current task must finish in time.

        Leaving it late raises a 408 ``Refusal``.
        """
        return _Reading(self._readers, time.monotonic() + self._seconds)

    async def run(self) -> None:
        """Cut off late readers until cancelled."""
        while True:
            await asyncio.sleep(min(LOOK_SECONDS, self._seconds))
            now = time.monotonic()
            for task, reading in list(self._readers.items()):
                if reading.ends_at < now:
                    reading.is_late = True
                    task.cancel()


class _Reading:
    __slots__ = ("_readers", "_task", "ends_at", "is_late")

    def __init__(self, readers: "dict[asyncio.Task[Any], _Reading]", ends_at: float) -> None:
        self._readers = readers
        self.ends_at = ends_at
        self.is_late = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("reading happens in a task")
        self._task = task
        self._readers[task] = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _fault: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        del self._readers[self._task]
        if self.is_late and kind is asyncio.CancelledError:
            self._task.uncancel()
            raise Refusal(408, "read_time", headers=[(b"connection", b"close")]) from None
