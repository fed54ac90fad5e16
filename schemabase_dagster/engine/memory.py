"""Python's cycle collector, told to run rarely while batches are made."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

YOUNG_OBJECTS: Final = 50_000
"""About what two pages of records make: lists and dictionaries without cycles."""

_lock = threading.Lock()
_users = 0
_before = gc.get_threshold()


@contextmanager
def rare_collection() -> Iterator[None]:
    """Let the collector look at young objects rarely, and never at what was there before.

    Batches are made of hundreds of thousands of objects that reference counting alone frees. By
    Python's own thresholds the collector walks all of them, and everything that was imported, again
    and again: measured, that was a third of the time of a sync.
    """
    _begin()
    try:
        yield
    finally:
        _end()


def _begin() -> None:
    global _users, _before  # noqa: PLW0603 - the collector is one of the process, too
    with _lock:
        _users += 1
        if _users == 1:
            _before = gc.get_threshold()
            gc.freeze()
            gc.set_threshold(YOUNG_OBJECTS, *_before[1:])


def _end() -> None:
    global _users  # noqa: PLW0603 - as above
    with _lock:
        _users -= 1
        if _users == 0:
            gc.set_threshold(*_before)
            gc.unfreeze()
