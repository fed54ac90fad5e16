"""Fixtures of the client tests: a server that answers as it is told, and a large sandbox."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from psycopg import sql

from sandbox.runner import Sandbox
from schemabase_dagster import database
from schemabase_dagster.settings import forget_settings
from tests.resources.script import Script
from tests.support import server
from tests.support.shops import MERCHANT


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

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    script.url = f"http://127.0.0.1:{listener.server_address[1]}"
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    yield script
    script.released.set()
    listener.shutdown()
    thread.join()
    listener.server_close()


@pytest.fixture(scope="module")
def module_database(postgres_server: str) -> Iterator[str]:
    """URL of a database that the tests of a module use one after the other."""
    url = server.clone(postgres_server)
    yield url
    server.drop(postgres_server, url)


@pytest.fixture
def postgres(
    module_database: str, _environment: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The module's database without tenants; clients write little, so emptying is cheaper."""
    monkeypatch.setenv("DATABASE_URL", module_database)
    forget_settings()
    with database.connect(url=module_database) as connection:
        for table in ("rate_window", "app", "entitlement", "tenant"):
            connection.execute(sql.SQL("DELETE FROM platform.{}").format(sql.Identifier(table)))
    yield module_database
    database.close_pools()


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
