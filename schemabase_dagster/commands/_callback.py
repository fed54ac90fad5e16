"""A listener on this machine that waits for the browser to come back from a consent page."""

import hmac
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from typing_extensions import override

from schemabase_dagster.errors import ConfigurationError

PATH: Final = "/callback"
DONE: Final = b"<!doctype html><title>Done</title><p>Done. Go back to the terminal."


class _Handler(BaseHTTPRequestHandler):
    server: "_Listener"

    def do_GET(self) -> None:
        """Take the answer of the consent page; anything else, such as an icon, is not there."""
        parts = urlsplit(self.path)
        answer = dict(parse_qsl(parts.query))
        is_ours = parts.path == PATH and hmac.compare_digest(
            answer.get("state", ""), self.server.state
        )
        self.send_response(200 if is_ours else 404)
        self.send_header("Content-Type", "text/html")
        # The address holds the code: no other page may learn it.
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        if is_ours:
            self.wfile.write(DONE)
            self.server.answer = answer

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the address holds the code."""


class _Listener(HTTPServer):
    state = ""
    answer: Mapping[str, str] | None = None


class Callback:
    """Listens on the loopback interface for the block.

    Args:
        port: where; 0 = any free one.

    Raises:
        ConfigurationError: somebody else listens there.
    """

    def __init__(self, port: int) -> None:
        try:
            self._server = _Listener(("127.0.0.1", port), _Handler)
        except OSError:
            raise ConfigurationError(
                f"Port {port} is in use.", "Choose another --port, and register its address, too."
            ) from None

    @property
    def address(self) -> str:
        """The redirect address that the system's console must know."""
        return redirect_address(self._server.server_port)

    def wait(self, state: str, seconds: float) -> Mapping[str, str]:
        """Return the parameters with which the browser came back.

        Args:
            state: what tells our consent from a forged one.
            seconds: how long to wait.

        Raises:
            ConfigurationError: nobody came.
        """
        self._server.state = state
        until = time.monotonic() + seconds
        while self._server.answer is None and (left := until - time.monotonic()) > 0:
            self._server.timeout = left
            self._server.handle_request()
        if self._server.answer is None:
            raise ConfigurationError(
                "Nobody came back from the consent page.",
                "Repeat the command; with --paste the browser may run on another machine.",
            )
        return self._server.answer

    def close(self) -> None:
        """Stop listening."""
        self._server.server_close()


def redirect_address(port: int) -> str:
    """Return the redirect address of a port."""
    return f"http://localhost:{port}{PATH}"
