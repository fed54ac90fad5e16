"""The shared call budget of an external account: who may call now, over all processes.

``platform.rate_window`` holds two windows of each account. *minute* is a bucket of tokens that
refills steadily, *day* counts the calls of the last 24 hours by lane: no 60 seconds and no 24 hours
see more calls than the limit, wherever the provider's own windows begin. Lanes are served in the
order webhook, head, backfill: the later ones must leave a reserve in both windows, so a back-fill
never delays a webhook.
"""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, LiteralString, Protocol

import psycopg
from psycopg.types.json import Jsonb

from resources.budget import Admitted, Denied, Limits, Window, decide
from schemabase_dagster import database
from schemabase_dagster.errors import ProviderUnavailable, QuotaExhausted, RateLimited
from schemabase_dagster.streams import Lane

__all__ = ["Limiter", "Limits", "SharedLimiter", "Unlimited"]

SLOT: Final = "slot"
SLOT_POLL_SECONDS: Final = 0.05
LONGEST_NAP_SECONDS: Final = 5.0
PROBE_SECONDS: Final = 3600.0
"""Pause after "the day is used up": the provider's midnight is unknown, so it is tried hourly."""

ENSURE_WINDOWS: Final = """
INSERT INTO platform.rate_window (account, window_name, window_started_at)
VALUES (%(account)s, 'day', clock_timestamp()), (%(account)s, 'minute', clock_timestamp())
ON CONFLICT DO NOTHING
"""
READ_WINDOWS: Final = """
SELECT window_name, window_started_at, used, blocked_until, clock_timestamp()
FROM platform.rate_window
WHERE account = %(account)s
ORDER BY window_name
FOR UPDATE
"""
WRITE_WINDOWS: Final = """
UPDATE platform.rate_window AS w
SET window_started_at = n.started_at, used = n.used, blocked_until = n.blocked_until
FROM (VALUES
    ('minute', %(minute_at)s::timestamptz, %(minute)s::jsonb, %(minute_until)s::timestamptz),
    ('day', %(day_at)s, %(day)s, %(day_until)s)
) AS n (name, started_at, used, blocked_until)
WHERE w.account = %(account)s AND w.window_name = n.name
"""
# What the last calls used may be forgotten by a server that crashes; a wait for the disk before
# every call would cost more than that.
FORGIVE: Final = "SET synchronous_commit = off"
BLOCK_MINUTE: Final = """
UPDATE platform.rate_window
SET blocked_until = greatest(
    blocked_until, clock_timestamp() + make_interval(secs => %(seconds)s))
WHERE account = %(account)s AND window_name = 'minute'
"""
BLOCK_DAY: Final = """
UPDATE platform.rate_window
SET used = used || '{"exhausted": 1}',
    blocked_until = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE account = %(account)s AND window_name = 'day'
"""


class Limiter(Protocol):
    """Asked before every call."""

    def admit(self, lane: Lane, what: str) -> AbstractContextManager[None]:
        """Wait until a call may be made; the context is the call."""
        ...

    def block(self, seconds: float) -> None:
        """Hold everybody back: the provider asked to slow down."""
        ...

    def exhaust(self) -> None:
        """Note that the provider says that the day's calls are used up."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...


class Unlimited:
    """Limiter of accounts without limits."""

    def admit(self, _lane: Lane, _what: str) -> AbstractContextManager[None]:
        """Admit at once."""
        return nullcontext()

    def block(self, _seconds: float) -> None:
        """Do nothing: the caller pauses by itself."""

    def exhaust(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class SharedLimiter:
    """Limiter over ``platform.rate_window`` and advisory-lock slots.

    It holds one connection of its own, because the slots live as long as its session: when the
    process dies, Postgres gives them back.

    Args:
        system: name of the system in errors.
        account: key of the account, the same in every process.
        limits: what the account may do.
        max_wait_seconds: longest wait for the minute window or a slot.
        clock_scale: by how much windows are shortened; above 1 only in tests and benchmarks.
        stopping: ends every wait when set.
    """

    def __init__(
        self,
        system: str,
        account: str,
        limits: Limits,
        *,
        max_wait_seconds: float,
        clock_scale: float,
        stopping: threading.Event,
    ) -> None:
        self._system = system
        self._account = account
        self._limits = limits
        self._max_wait_seconds = max_wait_seconds
        self._scale = clock_scale
        self._stopping = stopping
        self._lock = threading.Lock()
        self._held: set[int] = set()
        self._connection: psycopg.Connection[Any] | None = None

    @contextmanager
    def admit(self, lane: Lane, what: str) -> Iterator[None]:
        """Wait for the windows and a slot.

        Raises:
            QuotaExhausted: the lane's share of the day is used up.
            RateLimited: the wait would be longer than ``max_wait_seconds``.
        """
        deadline = time.monotonic() + self._max_wait_seconds
        self._wait_for_windows(lane, what, deadline)
        slot = self._wait_for_slot(lane, what, deadline)
        try:
            yield
        finally:
            self._give_back(slot)

    def block(self, seconds: float) -> None:
        """Hold all lanes back for some seconds."""
        self._execute(BLOCK_MINUTE, seconds)

    def exhaust(self) -> None:
        """Hold all lanes back until the next probe, which begins the count of the day anew."""
        self._execute(BLOCK_DAY, PROBE_SECONDS / self._scale)

    def close(self) -> None:
        """Close the connection, which frees the slots."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _wait_for_windows(self, lane: Lane, what: str, deadline: float) -> None:
        while isinstance(verdict := self._ask(lane), Denied):
            seconds = verdict.seconds
            if verdict.day_is_used_up:
                raise QuotaExhausted(self._system, what, retry_after=seconds)
            if time.monotonic() + seconds > deadline or self._stopping.is_set():
                raise RateLimited(self._system, f"{what}: no call left", retry_after=seconds)
            self._stopping.wait(min(seconds, LONGEST_NAP_SECONDS) * _spread())

    def _ask(self, lane: Lane) -> Admitted | Denied:
        # In pipeline mode the transaction takes two round trips instead of four.
        with (
            self._lock,
            self._session() as connection,
            connection.pipeline(),
            connection.transaction(),
        ):
            rows = connection.execute(READ_WINDOWS, {"account": self._account}).fetchall()
            windows = {name: Window(start, used, until) for name, start, used, until, _ in rows}
            verdict = decide(
                self._limits,
                windows["minute"],
                windows["day"],
                lane,
                now=rows[0][4],
                scale=self._scale,
            )
            if isinstance(verdict, Admitted):
                self._write(connection, verdict)
        return verdict

    def _write(self, connection: psycopg.Connection[Any], admitted: Admitted) -> None:
        values: dict[str, Any] = {"account": self._account}
        for name, window in (("minute", admitted.minute), ("day", admitted.day)):
            values[f"{name}_at"] = window.started_at
            values[name] = Jsonb(dict(window.used))
            values[f"{name}_until"] = window.blocked_until
        connection.execute(WRITE_WINDOWS, values)

    def _wait_for_slot(self, lane: Lane, what: str, deadline: float) -> int:
        while (slot := self._take_slot(lane)) is None:
            if time.monotonic() > deadline or self._stopping.is_set():
                raise RateLimited(self._system, f"{what}: too many calls in flight")
            self._stopping.wait(SLOT_POLL_SECONDS * _spread())
        return slot

    def _take_slot(self, lane: Lane) -> int | None:
        """Take a free slot; the last one is for webhooks only.

        Session locks can be taken twice by one session, hence the own book of what is held.
        """
        number = self._limits.concurrency
        slots = reversed(range(number)) if lane == "webhook" else range(max(1, number - 1))
        with self._lock, self._session() as connection:
            for slot in slots:
                if slot in self._held:
                    continue
                if database.try_advisory_lock(connection, SLOT, self._account, slot):
                    self._held.add(slot)
                    return slot
        return None

    def _give_back(self, slot: int) -> None:
        with self._lock:
            if self._connection is not None:
                database.advisory_unlock(self._connection, SLOT, self._account, slot)
            self._held.discard(slot)

    def _execute(self, statement: LiteralString, seconds: float) -> None:
        with self._lock, self._session() as connection:
            connection.execute(statement, {"account": self._account, "seconds": seconds})

    @contextmanager
    def _session(self) -> Iterator[psycopg.Connection[Any]]:
        if self._connection is None:
            if self._stopping.is_set():
                raise ProviderUnavailable(self._system, "the client was closed")
            self._connection = database.connect(autocommit=True)
            self._connection.execute(FORGIVE)
            self._connection.execute(ENSURE_WINDOWS, {"account": self._account})
        yield self._connection


def _spread() -> float:
    return random.uniform(1.0, 1.2)  # noqa: S311 - keeps waiting processes apart
