"""Reader: a thread with an event loop and a few connections that can only read."""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias, TypeVar

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from webhook_gateway.answers import Refusal
from webhook_gateway.link import DATABASE_TROUBLE
from webhook_gateway.settings import GatewaySettings

T = TypeVar("T")

Connection: TypeAlias = AsyncConnection[Any]

OVERLOAD_SECONDS: Final = 2
DATABASE_SECONDS: Final = 5
WORK_SECONDS: Final = 10
"""Longest time of one reading, all its statements together."""

IDLE_SECONDS: Final = 60
SWITCH_SECONDS: Final = 0.0005
"""How long the reader may keep the interpreter while the loop of the deliveries waits for it. With
Python's 5 ms a delivery beside two readers of large pages took twice as long."""


class Reader:
    """Runs what reads away from the loop that takes deliveries.

    Parsing a query takes the processor for milliseconds: on the loop of the deliveries all senders
    would wait for it. The pool is small and nobody else's, so that readers cannot take the
    connections of the inbox.
    """

    def __init__(self, settings: GatewaySettings, address: Callable[[], str]) -> None:
        self._settings = settings
        self._address = address
        self._running: tuple[asyncio.AbstractEventLoop, threading.Thread] | None = None
        self._pool: AsyncConnectionPool[Connection] | None = None
        self._at_work = 0

    async def read(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run work on the thread's loop, in one read-only transaction of one snapshot.

        Raises:
            Refusal: 503, too many read at once, or the database is not there or too slow.
        """
        if self._at_work >= self._settings.read_in_flight:
            raise Refusal(503, "reads_in_flight", retry_after=OVERLOAD_SECONDS)
        self._at_work += 1
        try:
            reading = asyncio.run_coroutine_threadsafe(self._work(work), self._loop())
            return await asyncio.wrap_future(reading)
        except DATABASE_TROUBLE:
            raise Refusal(503, "database", retry_after=DATABASE_SECONDS) from None
        finally:
            self._at_work -= 1

    async def close(self) -> None:
        """Close connections and thread."""
        if self._running is None:
            return
        loop, thread = self._running
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._close(), loop))
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.get_running_loop().run_in_executor(None, thread.join)
        loop.close()

    def _loop(self) -> asyncio.AbstractEventLoop:
        if self._running is None:
            sys.setswitchinterval(SWITCH_SECONDS)
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever, name="reader", daemon=True)
            thread.start()
            self._running = loop, thread
        return self._running[0]

    async def _work(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        if self._pool is None:
            self._pool = self._make_pool()
            await self._pool.open()
        async with (
            asyncio.timeout(WORK_SECONDS),
            self._pool.connection() as conn,
            conn.transaction(),
        ):
            return await work(conn)

    async def _close(self) -> None:
        if self._pool is not None:
            await self._pool.close()

    def _make_pool(self) -> AsyncConnectionPool[Connection]:
        limits = {
            "statement_timeout": round(self._settings.statement_seconds * 1000),
            "idle_in_transaction_session_timeout": WORK_SECONDS * 1000,
            "default_transaction_read_only": "on",
            "default_transaction_isolation": "repeatable\\ read",
        }
        return AsyncConnectionPool(
            self._address,
            min_size=0,
            max_size=self._settings.read_connections,
            timeout=self._settings.connect_seconds,
            max_idle=IDLE_SECONDS,
            # A server that was restarted must cost nobody an error.
            check=AsyncConnectionPool.check_connection,
            kwargs={
                "autocommit": True,
                "application_name": "webhook_gateway reads",
                "connect_timeout": max(round(self._settings.connect_seconds), 1),
                "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
            },
            name="reads",
            open=False,
        )
