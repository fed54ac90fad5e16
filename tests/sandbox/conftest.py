"""Fixtures of the sandbox tests: one sandbox per session, reset per test, and plain clients."""

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from sandbox.runner import Sandbox
from tests.sandbox.callers import Receiver, SaleorCaller, ZohoCaller


@pytest.fixture(scope="session")
def _shared_sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=7, size=450) as sandbox:
        yield sandbox


@pytest.fixture
def box(_shared_sandbox: Sandbox) -> Sandbox:
    """The sandbox, as new."""
    _shared_sandbox.reset()
    return _shared_sandbox


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    """An HTTP client of the test's own."""
    with httpx.Client(timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture
def zoho(box: Sandbox, http: httpx.Client) -> ZohoCaller:
    """Acme's Zoho with a valid token."""
    caller = ZohoCaller(box.info["merchants"]["acme"]["zoho"], http)
    caller.sign_in()
    return caller


@pytest.fixture
def saleor(box: Sandbox, http: httpx.Client) -> SaleorCaller:
    """Acme's shop."""
    return SaleorCaller(box.info["merchants"]["acme"]["saleor"], http)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A listening webhook receiver."""
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port nobody listens on, nor can while the test runs."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield int(sock.getsockname()[1])
