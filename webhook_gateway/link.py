"""Connections of the gateway: short time-outs, opened when needed, dropped when they break."""

import asyncio
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg import AsyncConnection, Connection

from schemabase_dagster.errors import ConfigurationError
from webhook_gateway.answers import Refusal
from webhook_gateway.settings import GatewaySettings

P = ParamSpec("P")
T = TypeVar("T")

DATABASE_TROUBLE = (psycopg.Error, OSError, TimeoutError, ConfigurationError)
"""What a missing database raises; a ConfigurationError while the embedded server is stopped."""


class Database:
    """Makes connections. The address is asked for each time: an embedded server may move."""

    def __init__(self, settings: GatewaySettings, conninfo: Callable[[], str]) -> None:
        self.settings = settings
        self._conninfo = conninfo
        self._options: dict[str, Any] = {
            "autocommit": True,
            "options": f"-c statement_timeout={round(settings.statement_seconds * 1000)}",
            "application_name": "webhook_gateway",
            # A network that swallows packets is noticed within seconds.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 2,
            "tcp_user_timeout": 5000,
        }

    @property
    def patience_seconds(self) -> float:
        """How long an answer is waited for: the server gives up earlier, if it can be reached."""
        return self.settings.statement_seconds + 1

    async def connect_async(self) -> AsyncConnection[Any]:
        """Open an asynchronous connection or raise one of ``DATABASE_TROUBLE``."""
        async with asyncio.timeout(self.settings.connect_seconds):
            return await AsyncConnection.connect(self._conninfo(), **self._options)

    def connect(self) -> Connection[Any]:
        """Open a connection or raise one of ``DATABASE_TROUBLE``."""
        seconds = max(round(self.settings.connect_seconds), 1)
        return psycopg.connect(self._conninfo(), connect_timeout=seconds, **self._options)


def break_off(conn: AsyncConnection[Any] | Connection[Any] | None) -> None:
    """Shut down a connection whose answer does not come, so that whoever waits gets an error.

    Cancelling would wait for the server to confirm, which is what does not happen.
    """
    if conn is not None and not conn.closed:
        with suppress(OSError), socket.socket(fileno=os.dup(conn.fileno())) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)


class Desk:
    """One connection in a thread of its own, for rare questions: settings, upkeep, health.

    The ground's functions are synchronous; here they run without a second copy of them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="desk")
        self._conn: Connection[Any] | None = None

    async def ask(
        self,
        function: Callable[Concatenate[Connection[Any], P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a function on the connection, in a transaction.

        It may run twice when the connection was found broken, so it must be repeatable.

        Raises:
            Refusal: 503, the database is not there.
        """
        loop = asyncio.get_running_loop()
        asked = loop.run_in_executor(
            self._thread, lambda: self._run(lambda conn: function(conn, *args, **kwargs))
        )
        try:
            while not asked.done():
                await asyncio.wait({asked}, timeout=self._database.patience_seconds)
                if not asked.done():
                    break_off(self._conn)
            return await asked
        except DATABASE_TROUBLE:
            raise Refusal(503, "database", retry_after=5) from None

    async def close(self) -> None:
        """Close connection and thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown()

    def _run(self, function: Callable[[Connection[Any]], T]) -> T:
        if self._conn is not None:
            try:
                return self._in_transaction(self._conn, function)
            except psycopg.OperationalError:
                self._drop()
        self._conn = self._database.connect()
        try:
            return self._in_transaction(self._conn, function)
        except psycopg.OperationalError:
            self._drop()
            raise

    def _drop(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    @staticmethod
    def _in_transaction(conn: Connection[Any], function: Callable[[Connection[Any]], T]) -> T:
        with conn.transaction():
            return function(conn)
