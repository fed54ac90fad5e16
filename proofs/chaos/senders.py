"""Senders: keep to the rules of providers, at a rate that does not depend on the answers."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import uvloop

from benchmarks import open_loop
from proofs.chaos.mix import Notice

ANSWER_SECONDS: Final = 18.0
"""How long Saleor waits for an answer (webhooks B2)."""

NO_ANSWER: Final = 0


@dataclass
class Book:
    """What was sent and what came back.

    Attributes:
        deliveries: deliveries begun, repeats included, tries after a failure not.
        statuses: answers by status; 0 = none.
        acknowledged: how often each fact was acknowledged.
        refused: deliveries that ended with 3xx or 4xx, by status.
        given_up: facts of deliveries whose last try failed.
        late_seconds: the most by which a delivery began late.
    """

    deliveries: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    given_up: list[str] = field(default_factory=list)
    late_seconds: float = 0.0


class Senders:
    """Sends deliveries in a thread of its own.

    A try is repeated after 5xx and after a fault of the network, never after 3xx and 4xx.

    Args:
        root: root of the gateway.
        make: makes the next delivery.
        pauses: seconds before the second and each later try.
    """

    def __init__(self, root: str, make: Callable[[], Notice], pauses: Sequence[float]) -> None:
        self.book = Book()
        self._url = urlsplit(root)
        self._make = make
        self._pauses = pauses
        self._fault: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self, per_second: float, seconds: float) -> None:
        """Begin to send for some seconds; repeated tries may last longer."""

        def work() -> None:
            try:
                uvloop.run(self._send(per_second, seconds))
            except BaseException as fault:  # noqa: BLE001 - told by join()
                self._fault = fault

        # Who interrupts a storm need not wait for its end.
        self._thread = threading.Thread(target=work, name="senders", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait until every delivery has ended."""
        if self._thread is not None:
            self._thread.join()
        if self._fault is not None:
            raise self._fault

    async def _send(self, per_second: float, seconds: float) -> None:
        pool = open_loop.Pool(self._url.hostname or "", self._url.port or 80)
        late = await open_loop.run(per_second, seconds, lambda _planned: self._deliver(pool))
        self.book.late_seconds = late
        pool.close()

    async def _deliver(self, pool: open_loop.Pool) -> None:
        notice, book = self._make(), self.book
        book.deliveries += 1
        for pause in (0.0, *self._pauses):
            await asyncio.sleep(pause)
            status = await _try(pool, notice)
            book.statuses[status] += 1
            if 200 <= status < 300:
                book.acknowledged[notice.fact] += 1
                return
            if 300 <= status < 500:
                book.refused[status] += 1
                return
        book.given_up.append(notice.fact)


async def _try(pool: open_loop.Pool, notice: Notice) -> int:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return (await pool.exchange(notice.request)).status
    except OSError:  # a time-out is one
        return NO_ANSWER
