"""Writer: group commit. Whatever waits is written by one statement and one commit.

There is no linger: while a batch is being committed the next one gathers by itself, so that a lone
delivery is stored at once and a flood in few commits. Each request is answered after its commit.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import psycopg
import structlog
from psycopg import AsyncConnection

from schemabase_dagster.inbox import Delivery, Stored, insert_batch_async
from webhook_gateway import metrics
from webhook_gateway.answers import Refusal
from webhook_gateway.link import DATABASE_TROUBLE, Database, break_off

MAX_BATCH_ROWS: Final = 256
MAX_BATCH_BYTES: Final = 16 * 1024 * 1024
RETRY_AFTER_SECONDS: Final = 5

log = structlog.get_logger(__name__)


class Store(Protocol):
    """Takes a delivery and returns once it is committed."""

    async def store(self, delivery: Delivery) -> Stored:
        """Store one delivery.

        Raises:
            Refusal: 503, the database did not take it; the sender should repeat it.
        """
        ...


class Writer:
    """Writes waiting deliveries over a few connections of its own."""

    def __init__(self, database: Database, on_stored: Callable[[], None]) -> None:
        self._database = database
        self._on_stored = on_stored
        self._waiting: deque[tuple[Delivery, asyncio.Future[Stored]]] = deque()
        self._waiting_since = 0.0
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopping = False

    def start(self) -> None:
        """Start the writing tasks."""
        self._tasks = [
            asyncio.create_task(self._run()) for _ in range(self._database.settings.writers)
        ]

    async def stop(self) -> None:
        """Write what waits and close the connections."""
        self._is_stopping = True
        self._wake.set()
        await asyncio.gather(*self._tasks)

    async def store(self, delivery: Delivery) -> Stored:
        """Store one delivery with the next batch (see ``Store``)."""
        future: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._waiting_since = time.perf_counter()
        self._waiting.append((delivery, future))
        self._wake.set()
        return await future

    async def _run(self) -> None:
        conn: AsyncConnection[Any] | None = None
        while True:
            await self._wake.wait()
            batch = self._take()
            if batch:
                conn = await self._write(conn, batch)
            elif self._is_stopping:
                break
            else:
                self._wake.clear()
        if conn is not None:
            await conn.close()

    def _take(self) -> list[tuple[Delivery, asyncio.Future[Stored]]]:
        batch: list[tuple[Delivery, asyncio.Future[Stored]]] = []
        size = 0
        while self._waiting and len(batch) < MAX_BATCH_ROWS and size < MAX_BATCH_BYTES:
            batch.append(self._waiting.popleft())
            size += len(batch[-1][0].body)
        if batch:
            metrics.WAIT_SECONDS.observe(time.perf_counter() - self._waiting_since)
            self._waiting_since = time.perf_counter()
        return batch

    async def _write(
        self,
        conn: AsyncConnection[Any] | None,
        batch: Sequence[tuple[Delivery, asyncio.Future[Stored]]],
    ) -> AsyncConnection[Any] | None:
        """Write a batch and resolve its futures; return the connection if it is still good."""
        started = time.perf_counter()
        try:
            if conn is None:
                conn = await self._database.connect_async()
            answers = await self._insert(conn, [delivery for delivery, _ in batch])
        except DATABASE_TROUBLE as trouble:
            metrics.DATABASE_ERRORS.inc()
            log.warning("batch_failed", error=type(trouble).__name__, deliveries=len(batch))
            if conn is not None:
                with suppress(*DATABASE_TROUBLE):
                    await conn.close()
            for _, future in batch:
                _settle(future, Refusal(503, "database", retry_after=RETRY_AFTER_SECONDS))
            return None
        metrics.INSERT_SECONDS.observe(time.perf_counter() - started)
        metrics.BATCH_ROWS.observe(len(batch))
        for (_, future), answer in zip(batch, answers, strict=True):
            _settle(future, answer or Refusal(503, "endpoint_gone", retry_after=1))
        if any(isinstance(answer, Stored) and answer.is_new for answer in answers):
            self._on_stored()
        return conn

    async def _insert(
        self, conn: AsyncConnection[Any], deliveries: Sequence[Delivery]
    ) -> Sequence[Stored | Refusal | None]:
        inserting = asyncio.ensure_future(insert_batch_async(conn, deliveries))
        await asyncio.wait({inserting}, timeout=self._database.patience_seconds)
        if not inserting.done():
            break_off(conn)
        try:
            return await inserting
        except (psycopg.DataError, psycopg.IntegrityError) as fault:
            if len(deliveries) == 1:
                log.warning("delivery_not_storable", error=type(fault).__name__)
                return [Refusal(503, "not_storable", retry_after=RETRY_AFTER_SECONDS)]
        # One delivery that cannot be stored must not take the others down with it.
        answers: list[Stored | Refusal | None] = []
        for delivery in deliveries:
            answers.extend(await self._insert(conn, [delivery]))
        return answers


def _settle(future: asyncio.Future[Stored], answer: Stored | Refusal) -> None:
    if future.done():
        return
    if isinstance(answer, Refusal):
        future.set_exception(answer)
    else:
        future.set_result(answer)
