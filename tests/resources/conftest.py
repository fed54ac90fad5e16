"""Fixtures of the client tests: a server that answers as it is told, and a large sandbox."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sandbox.runner import Sandbox
from tests.resources.sandboxes import MERCHANT
from tests.resources.script import Script


@pytest.fixture
def script() -> Iterator[Script]:
    """A real HTTP server whose answers a test writes down beforehand."""
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            script.answer(self)

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield script
    script.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def large_sandbox_server() -> Iterator[Sandbox]:
    """A sandbox whose lists have several pages."""
    with Sandbox(seed=11, size=900, merchants=(MERCHANT,)) as sandbox:
        yield sandbox


@pytest.fixture
def large_sandbox(large_sandbox_server: Sandbox) -> Sandbox:
    """The large sandbox as it was at its start."""
    large_sandbox_server.reset()
    large_sandbox_server.control.set_clock_scale(1)
    return large_sandbox_server
