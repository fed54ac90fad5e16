"""Turns: a thread that computes ahead does so only while another one waits for Postgres.

Python computes in one thread at a time. Left to themselves, two threads share that time evenly: the
one that writes a batch gets half of it, and when it waits for Postgres at last, the other one has
nothing left to do. Measured, a merge takes a tenth less time with turns.
"""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import psycopg

Result = TypeVar("Result")


class Turns:
    """The turns of a thread that waits for Postgres and of one that computes meanwhile."""

    def __init__(self) -> None:
        self._is_free = threading.Event()

    def wait(self) -> None:
        """Wait, in the other thread, until the first one waits for something."""
        self._is_free.wait()

    @contextmanager
    def free(self) -> Iterator[None]:
        """Let the other thread compute during the block, in which this one only waits."""
        self._is_free.set()
        try:
            yield
        finally:
            self._is_free.clear()

    @contextmanager
    def given(self) -> Iterator[None]:
        """Let the other thread compute whenever the block waits for Postgres, and after it."""
        token = _turns.set(self)
        try:
            yield
        finally:
            _turns.reset(token)
            self._is_free.set()


class TurnConnection(psycopg.Connection[Any]):
    """A connection whose waits are turns of another thread, where its own thread gives turns."""

    def wait(self, gen: Generator[Any, Any, Result], *args: Any, **kwargs: Any) -> Result:
        """Wait for Postgres (all of psycopg's traffic passes here)."""
        turns = _turns.get()
        if turns is None:
            return super().wait(gen, *args, **kwargs)
        with turns.free():
            return super().wait(gen, *args, **kwargs)


_turns: ContextVar[Turns | None] = ContextVar("turns", default=None)
