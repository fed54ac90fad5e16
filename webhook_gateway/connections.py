"""Guarded: uvicorn's HTTP protocol, for senders who never end a request or never stop sending.

uvicorn waits for ever for the end of a head, takes heads and trailers of any size, and throws away
what comes after an answer for as long as it comes (uvicorn 0.54 over httptools). Here such a
connection is closed, without an answer: to the sender that is a network fault, worth a repeat.
"""

import asyncio
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from webhook_gateway.settings import gateway_settings

GRACE_SECONDS: Final = 5.0
"""A slow body is answered 408 by whoever reads it; only what nobody reads is cut off by us."""

MAX_FRAMING_BYTES: Final = 1024 * 1024
"""Of a request without its body: head, trailers, sizes of chunks. Their limits for an answer are
much lower, but count once they are complete."""

MAX_UNREAD_BYTES: Final = 1024 * 1024
"""Of a body that comes after the answer; closing at once would keep a sender from reading it."""


class Guarded(HttpToolsProtocol):
    """One connection; a request must be complete in time and within its size.

    Attributes:
        patience_seconds: time for a whole request, from its first bytes or the connection's
            start; None = that for a body (``GATEWAY_READ_SECONDS``) and five seconds.
    """

    patience_seconds: ClassVar[float | None] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_open = True
        self._framing_bytes = 0
        self._unread_bytes = 0
        self._clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # TCP
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; watch the request that they leave unfinished."""
        self._framing_bytes += len(data)
        super().data_received(data)
        if not self._is_open:
            self._stop_clock()
        elif self._framing_bytes > MAX_FRAMING_BYTES or self._unread_bytes > MAX_UNREAD_BYTES:
            self._cut()
        elif self._clock is None:
            self._start_clock()

    def on_message_begin(self) -> None:
        """Note that a request has begun."""
        self._is_open = True
        self._unread_bytes = 0
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body, and count it if nobody reads it any more."""
        self._framing_bytes -= len(body)
        if self.cycle.response_complete:
            self._unread_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request is complete."""
        self._is_open = False
        self._framing_bytes = 0
        super().on_message_complete()

    def _start_clock(self) -> None:
        seconds = self.patience_seconds
        if seconds is None:
            seconds = gateway_settings().read_seconds + GRACE_SECONDS
        self._clock = self.loop.call_later(seconds, self._cut)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _cut(self) -> None:
        self._stop_clock()
        if not self.transport.is_closing():
            self.transport.close()
