"""Open loop: requests leave at their planned times, whatever became of those before.

Who waits for an answer before the next request measures only how fast that goes: a server that
stands still for a second delays one request of his, and two hundred of ours.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, NamedTuple

HEAD_END: Final = b"\r\n\r\n"


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    body: bytes


class Pool:
    """Keep-alive connections to one server, as many as there are requests at once.

    Args:
        host: address.
        port: its port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._connect = partial(
            asyncio.get_running_loop().create_connection, _Connection, host, port
        )
        self._idle: list[_Connection] = []

    async def exchange(self, request: bytes) -> Answer:
        """Send one request and return its answer.

        Raises:
            OSError: nobody listens, or the connection broke before the answer was complete.
        """
        connection = self._take() or (await self._connect())[1]
        try:
            answer = await connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if connection.is_usable:
            self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close the connections that nobody uses."""
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _take(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
        return None


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[Answer] | None = None
        self._transport: Any = None
        self._is_lost = False

    @property
    def is_usable(self) -> bool:
        return not self._is_lost and self._answer is None

    async def exchange(self, request: bytes) -> Answer:
        if self._is_lost:
            raise ConnectionResetError("the connection is gone")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self._is_lost = True
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head_end = self._received.find(HEAD_END)
        if head_end < 0 or self._answer is None:
            return
        head = self._received[:head_end].lower()
        at = head.find(b"content-length: ") + len(b"content-length: ")
        end = head.find(b"\r\n", at)
        length = int(head[at:] if end < 0 else head[at:end])
        body = self._received[head_end + len(HEAD_END) :]
        if len(body) < length:
            return
        self._received = b""
        if b"connection: close" in head:
            self.close()
        answer, self._answer = self._answer, None
        if not answer.done():
            answer.set_result(Answer(int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed without an answer"))
        self._answer = None


async def run(per_second: float, seconds: float, send: Callable[[float], Awaitable[None]]) -> float:
    """Call ``send`` at evenly spread times, and return when all calls have ended.

    Args:
        per_second: calls in a second.
        seconds: how long calls are begun.
        send: gets the planned time of its call, by the monotonic clock.

    Returns:
        The most by which a call began late, in seconds: the generator's own share of what is
        measured.
    """
    started = time.monotonic()
    latest = 0.0
    async with asyncio.TaskGroup() as calls:
        for number in range(round(per_second * seconds)):
            planned = started + number / per_second
            wait = planned - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            latest = max(latest, time.monotonic() - planned)
            calls.create_task(_call(send, planned))
    return latest


async def _call(send: Callable[[float], Awaitable[None]], planned: float) -> None:
    await send(planned)
