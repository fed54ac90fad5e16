"""Waiting for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.02


def wait_until(condition: Callable[[], T], timeout: float = 90.0, what: str = "") -> T:
    """Return the condition's value as soon as it is true.

    Args:
        condition: is asked again and again.
        timeout: seconds after which the test fails.
        what: what was waited for, for the failure's message.
    """
    end = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout:g} s in vain: {what or condition}")
        time.sleep(PAUSE_SECONDS)
    return value
