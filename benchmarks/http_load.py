"""A load generator for one endpoint: closed loop on many connections, or open loop at a rate.

Runs in a process of its own, ``python -m benchmarks.http_load``, reads a JSON plan from stdin and
prints the result as JSON. Every request has another body, signed with HMAC-SHA256.

A plan with ``per_second`` is an open loop: times are measured from when a request was to be sent.
Without it each of ``connections`` sends as soon as it has its answer, for ``seconds`` or until
``requests`` were sent.
"""

import asyncio
import hmac
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvloop

from benchmarks import open_loop

HEAD_END = b"\r\n\r\n"


@dataclass
class Load:
    """What is sent, and what came of it."""

    host: str
    port: int
    path: str
    secret: bytes
    body_bytes: int
    stop_at: float
    stop_after: float = float("inf")
    sent: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    prefix: str = field(default_factory=lambda: f"{time.time_ns():x}")

    def request(self) -> bytes:
        """Return the next request."""
        self.sent += 1
        start = f'{{"__typename":"OrderUpdated","order":{{"id":"{self.prefix}-{self.sent}","note":"'
        body = start.encode().ljust(self.body_bytes - 3, b"x") + b'"}}'
        signature = hmac.digest(self.secret, body, "sha256").hex()
        return (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host}\r\nUser-Agent: Saleor/3.23\r\n"
            "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n"
            "Content-Type: application/json\r\nSaleor-Event: order_updated\r\n"
            "Saleor-Domain: shop.example.com\r\n"
            "Saleor-Api-Url: https://shop.example.com/graphql/\r\n"
            f"X-Signature: {signature}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


class Connection(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends again."""

    def __init__(self, load: Load, done: asyncio.Future[None]) -> None:
        self._load = load
        self._done = done
        self._received = b""
        self._transport: Any = None
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Gather the answer; once complete, count it and go on."""
        self._received += data
        head_end = self._received.find(HEAD_END)
        if head_end < 0:
            return
        head = self._received[:head_end].lower()
        at = head.find(b"content-length: ") + 16
        end = head.find(b"\r\n", at)
        length = int(head[at:] if end < 0 else head[at:end])
        if len(self._received) < head_end + 4 + length:
            return
        self._load.statuses[head[9:12].decode()] += 1
        self._load.seconds.append(time.perf_counter() - self._sent_at)
        self._received = b""
        if time.monotonic() < self._load.stop_at and self._load.sent < self._load.stop_after:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        """End this connection's share of the load."""
        if not self._done.done():
            self._done.set_result(None)

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._load.request())


async def run(plan: dict[str, Any]) -> dict[str, Any]:
    """Load an endpoint as planned and return rates, statuses and times."""
    load = Load(
        plan["host"],
        plan["port"],
        plan["path"],
        plan["secret"].encode(),
        plan["body_bytes"],
        time.monotonic() + plan.get("seconds", float("inf")),
        plan.get("requests", float("inf")),
    )
    started = time.perf_counter()
    late = 0.0
    if "per_second" in plan:
        late = await _open(load, plan["per_second"], plan["seconds"])
    else:
        await _closed(load, plan["connections"])
    seconds = time.perf_counter() - started
    times = sorted(load.seconds)
    return {
        "requests": len(times),
        "per_second": len(times) / seconds,
        "statuses": dict(load.statuses),
        "p50_ms": 1000 * times[len(times) // 2],
        "p99_ms": 1000 * times[int(len(times) * 0.99)],
        "most_ms": 1000 * times[-1],
        "late_ms": 1000 * late,
    }


async def _closed(load: Load, connections: int) -> None:
    loop = asyncio.get_running_loop()
    ends = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(partial(Connection, load, done), load.host, load.port)
        ends.append(done)
    await asyncio.gather(*ends)


async def _open(load: Load, per_second: float, seconds: float) -> float:
    pool = open_loop.Pool(load.host, load.port)

    async def send(planned: float) -> None:
        try:
            status = str((await pool.exchange(load.request())).status)
        except OSError:
            status = "none"
        load.statuses[status] += 1
        load.seconds.append(time.monotonic() - planned)

    late = await open_loop.run(per_second, seconds, send)
    pool.close()
    return late


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.load(sys.stdin)))))
