"""Signals through Postgres: tell listeners of new deliveries, hear of changed endpoints."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from psycopg import AsyncConnection

from schemabase_dagster.webhook_secrets import ENDPOINT_CHANNEL
from webhook_gateway.link import DATABASE_TROUBLE, Database

INBOX_CHANNEL: Final = "webhook_inbox"
EVERY_SECONDS: Final = 0.1
RECONNECT_SECONDS: Final = 1


class Notifier:
    """Wakes listeners of the inbox, at most ten times a second, outside of the inserts.

    A transaction that notifies takes a database-wide lock while it commits. A lost signal costs
    time only: the table says what is due.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wake = asyncio.Event()

    def stored(self) -> None:
        """Note that deliveries were stored."""
        self._wake.set()

    async def run(self) -> None:
        """Notify until cancelled."""
        conn: AsyncConnection[Any] | None = None
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                try:
                    conn = conn or await self._database.connect_async()
                    await conn.execute(f"NOTIFY {INBOX_CHANNEL}")
                except DATABASE_TROUBLE:
                    await _close(conn)
                    conn = None
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            await _close(conn)


async def listen(database: Database, forget: Callable[[str | None], None]) -> None:
    """Call ``forget`` with the id of every changed endpoint, until cancelled.

    After a lost connection it is called with None: signals may have been missed.
    """
    while True:
        conn: AsyncConnection[Any] | None = None
        try:
            conn = await database.connect_async()
            await conn.execute(f"LISTEN {ENDPOINT_CHANNEL}")
            forget(None)
            async for signal in conn.notifies():
                forget(signal.payload or None)
        except DATABASE_TROUBLE:
            await asyncio.sleep(RECONNECT_SECONDS)
        finally:
            await _close(conn)


async def _close(conn: AsyncConnection[Any] | None) -> None:
    if conn is not None:
        with suppress(*DATABASE_TROUBLE):
            await conn.close()
