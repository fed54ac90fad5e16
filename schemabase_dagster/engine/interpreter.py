"""Python's own machinery while batches are made: its cycle collector and its turns of threads."""

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

YOUNG_OBJECTS: Final = 1_000_000
"""More than a batch holds at a time: lists and dictionaries without cycles."""

TURN_SECONDS: Final = 0.0005
"""How long a thread may compute while another one waits for its turn."""

_lock = threading.Lock()
_users = 0
_before = (gc.get_threshold(), sys.getswitchinterval())


@contextmanager
def busy_interpreter() -> Iterator[None]:
    """Let the collector look at young objects rarely, and threads take short turns.

    Batches are made of hundreds of thousands of objects that reference counting alone frees. By
    Python's own thresholds the collector walks all of them, and everything that was imported, again
    and again: measured, that was a third of the time of a sync.

    The thread that speaks to Postgres gives its turn away at every wait, and by Python's own
    interval gets it back 5 ms later, while the one that reads or maps ahead computes: measured,
    another third.
    """
    _begin()
    try:
        yield
    finally:
        _end()


def _begin() -> None:
    global _users, _before  # noqa: PLW0603 - both are of the process, too
    with _lock:
        _users += 1
        if _users == 1:
            _before = (gc.get_threshold(), sys.getswitchinterval())
            gc.freeze()
            gc.set_threshold(YOUNG_OBJECTS, *_before[0][1:])
            sys.setswitchinterval(TURN_SECONDS)


def _end() -> None:
    global _users  # noqa: PLW0603 - of the process
    with _lock:
        _users -= 1
        if _users == 0:
            gc.set_threshold(*_before[0])
            gc.unfreeze()
            sys.setswitchinterval(_before[1])
