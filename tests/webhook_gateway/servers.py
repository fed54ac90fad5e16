"""Real servers for tests of the gateway: the gateway itself, a shop's key set, a breakable link."""

import contextlib
import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import uvicorn

from schemabase_dagster.ports import free_port
from tests.support.wait import wait_until
from webhook_gateway.connections import Guarded

DROPS = 60
DROP_SECONDS = 0.05


@contextlib.contextmanager
def running(app: Any, protocol: type[Guarded] = Guarded, port: int = 0) -> Iterator[str]:
    """Serve an ASGI app on a port of loopback, as the product does, and yield its root."""
    sock = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(
        app, loop="uvloop", http=protocol, access_log=False, log_level="error", ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        wait_until(lambda: server.started, what="the server to start")
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        sock.close()


@contextlib.contextmanager
def answering(answer: Callable[[str], tuple[int, bytes]]) -> Iterator[str]:
    """Answer every request on a free port of loopback by its method; yield the root."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, body = answer(self.command)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            pass

    with _handling(Handler) as root:
        yield root


class KeySet:
    """A shop's ``/.well-known/jwks.json``; counts how often it is read.

    Attributes:
        is_packed: it answers with gzip, whether or not that was asked for.
        is_dripping: it sends byte after byte, each soon enough, for seconds.
    """

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.status = 200
        self.reads = 0
        self.url = ""
        self.is_packed = False
        self.is_dripping = False
        self._is_over = threading.Event()

    @contextlib.contextmanager
    def serve(self) -> Iterator["KeySet"]:
        """Answer on a free port of loopback."""
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.reads += 1
                body = orjson.dumps({"keys": owner.keys})
                if owner.is_packed:
                    body = gzip.compress(body)
                self.send_response(owner.status)
                if owner.is_packed:
                    self.send_header("Content-Encoding", "gzip")
                drops = DROPS if owner.is_dripping else 0
                self.send_header("Content-Length", str(drops + len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    for _ in range(drops):
                        self.wfile.write(b" ")
                        owner._is_over.wait(DROP_SECONDS)
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        with _handling(Handler) as root:
            self.url = f"{root}/.well-known/jwks.json"
            try:
                yield self
            finally:
                self._is_over.set()


class Link:
    """A TCP link to a server that can be cut, and that can lose the answers."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener: socket.socket | None = None
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.is_losing_answers = False
        self.port = free_port()

    @contextlib.contextmanager
    def serve(self) -> Iterator["Link"]:
        """Forward connections until the context ends."""
        self.mend()
        try:
            yield self
        finally:
            self.cut()

    def mend(self) -> None:
        """Accept connections, on the same port as before."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._start(self._accept, self._listener)

    def cut(self) -> None:
        """Drop all connections and refuse new ones."""
        with self._lock:
            if self._listener is not None:
                _close(self._listener)
                self._listener = None
            for sock in self._sockets:
                _close(sock)
            self._sockets.clear()
            threads, self._threads = self._threads, []
        for thread in threads:
            thread.join()

    def _start(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near = listener.accept()[0]
                with self._lock:
                    if self._listener is not listener:
                        near.close()
                        return
                    far = socket.create_connection(self._target)
                    self._sockets += [near, far]
                    self._start(self._pump, near, far, False)
                    self._start(self._pump, far, near, True)

    def _pump(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not (is_answer and self.is_losing_answers):
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def _close(sock: socket.socket) -> None:
    # Shutting down wakes the threads that wait in accept and recv.
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


@contextlib.contextmanager
def _handling(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
