"""Without these, whoever never ends a request, or never stops sending, takes the gateway down."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Final

import pytest

from schemabase_dagster.webhooks import Created
from tests.webhook_gateway.raw import Wire, everything_on, fill, head, paths
from tests.webhook_gateway.servers import running
from webhook_gateway.app import create_app
from webhook_gateway.connections import MAX_FRAMING_BYTES, Guarded

GIB: Final = 1024**3
CHUNK: Final = b"10000\r\n" + bytes(0x10000) + b"\r\n"
CHUNKED: Final = {"Host": "x", "Transfer-Encoding": "chunked"}

SOON: Final = 32 * 1024 * 1024
"""Bytes of which a sender gets rid before it notices: buffers of both sides, and our limits."""


SLOW_SECONDS: Final = 60.0
"""So long may a slow machine take for what is due after half a second."""


class Impatient(Guarded):
    """Waits half a second for a request."""

    patience_seconds = 0.5


class Patient(Guarded):
    """Waits two seconds for a request: none that a slow machine sends takes so long."""

    patience_seconds = 2.0


@pytest.fixture
def root(postgres: str) -> Iterator[str]:
    """Root of a gateway without patience."""
    with running(create_app(everything_on(), address=lambda: postgres), Impatient) as url:
        yield url


@pytest.fixture
def known(endpoint: Created) -> dict[str, str]:
    """Parameters of paths that lead to an endpoint."""
    return {"provider": endpoint.provider, "endpoint_id": endpoint.endpoint_id}


def dripping_ends(wire: Wire, drop: bytes) -> bool:
    """Send drop after drop; tell whether the other side ends that."""
    ends = time.monotonic() + SLOW_SECONDS
    while time.monotonic() < ends and wire.send(drop):
        if wire.is_closed(within=0.1):
            return True
    return time.monotonic() < ends


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_body_without_end_is_cut_off_on_every_route(
    root: str, known: dict[str, str], method: str
):
    sent = dict.fromkeys(paths(), 0)
    for path in sent:
        with Wire(root) as wire:
            wire.send(head(method, fill(path, known), CHUNKED))
            while sent[path] < GIB and wire.send(CHUNK):
                sent[path] += len(CHUNK)

    assert max(sent.values()) < SOON, sent


def test_a_body_that_drips_is_cut_off_on_every_route(root: str, known: dict[str, str]):
    def is_cut_off(path: str) -> bool:
        with Wire(root) as wire:
            wire.send(head("POST", fill(path, known), CHUNKED))
            return dripping_ends(wire, b"1\r\nx\r\n")

    everywhere = paths()
    with ThreadPoolExecutor(len(everywhere)) as threads:
        ends = dict(zip(everywhere, threads.map(is_cut_off, everywhere), strict=True))

    assert all(ends.values()), ends


@pytest.mark.parametrize(
    "start", [b"", b"POST /healthz HTTP/1.1\r\nX-Slow: "], ids=["none", "some"]
)
def test_a_head_that_does_not_end_is_cut_off(root: str, start: bytes):
    with Wire(root) as wire:
        wire.send(start)

        assert wire.is_closed(within=SLOW_SECONDS)


def test_a_head_that_drips_is_cut_off(root: str):
    with Wire(root) as wire:
        wire.send(b"POST /healthz HTTP/1.1\r\nX-Slow: ")

        assert dripping_ends(wire, b"x")


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
        b"Content-Length: 6\r\nContent-Length: 7\r\n",
        b"Content-Length : 6\r\n",
        b"Content-Length: +6\r\n",
        b"Content-Length: 6\r\n Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, gzip\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
    ],
    ids=repr,
)
def test_a_body_whose_end_two_servers_see_at_two_places_is_refused(root: str, framing: bytes):
    """Behind a proxy that sees the other place, one sender would write another one's request."""
    with Wire(root) as wire:
        wire.send(b"POST /healthz HTTP/1.1\r\nHost: x\r\n" + framing + b"\r\n0\r\n\r\nX")

        assert (wire.answer() or (0, b""))[0] == HTTPStatus.BAD_REQUEST
        assert wire.is_closed(within=SLOW_SECONDS)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"POST /healthz HTTP/1.1\r\nX-Long: ", id="header"),
        pytest.param(b"POST /", id="path"),
        pytest.param(
            b"POST /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
            id="trailer",
        ),
        pytest.param(
            b"POST /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;extension=",
            id="chunk extension",
        ),
    ],
)
def test_what_is_no_body_is_cut_off_by_size(postgres: str, start: bytes):
    piece = b"x" * 65536
    with running(create_app(everything_on(), address=lambda: postgres)) as url, Wire(url) as wire:
        wire.send(start)
        sent = 0
        while sent < GIB and wire.send(piece):
            sent += len(piece)

    assert MAX_FRAMING_BYTES <= sent < SOON


def test_many_requests_on_one_connection_are_many_requests(postgres: str):
    """What is counted of one is forgotten with it."""
    body = b"x" * 200_000
    request = head("POST", "/nothing", {"Host": "x", "Content-Length": len(body)}) + body
    answers = 0
    app = create_app(everything_on(), address=lambda: postgres)
    with running(app, Patient) as root, Wire(root) as wire:
        ends = time.monotonic() + 1.2 * (Patient.patience_seconds or 0)
        while time.monotonic() < ends or answers < 2 * MAX_FRAMING_BYTES // len(body):
            wire.send(request)
            assert wire.answer() is not None
            answers += 1
