"""Raw requests to a gateway, byte by byte, and the paths of all its routes."""

import contextlib
import http.client
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from starlette.routing import BaseRoute, Mount, Route

from webhook_gateway.app import create_app
from webhook_gateway.settings import GatewaySettings

SECONDS: Final = 60.0

PATIENT: Final = {"connect_seconds": 30.0, "statement_seconds": 30.0}
"""Settings with which a slow machine does not look like a database that is away, which is a 503."""

PATIENT_ENVIRONMENT: Final = {f"GATEWAY_{name.upper()}": f"{n:g}" for name, n in PATIENT.items()}
"""The same for a gateway that is a process."""

_PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")


def everything_on() -> GatewaySettings:
    """Return settings that switch on every route that can be switched on."""
    switches: dict[str, Any] = {
        name: True
        for name, field in GatewaySettings.model_fields.items()
        if field.annotation is bool
    }
    given = {
        "access_log": False,
        "cache_seconds": 60.0,
        "public_url": "https://gateway.example",
    }
    return GatewaySettings(**switches | PATIENT | given)


def paths() -> list[str]:
    """Return the path of every route of the app, a new one's too; parameters are in braces."""
    return sorted(set(_paths(create_app(everything_on()).routes)))


def _paths(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[str]:
    for route in routes:
        if isinstance(route, Route):
            yield prefix + route.path
        elif isinstance(route, Mount):
            yield f"{prefix}{route.path}/"
            yield from _paths(route.routes, prefix + route.path)
        else:
            raise NotImplementedError(f"{type(route).__name__} is not known to these tests")


def fill(path: str, values: Mapping[str, str], default: str = "x") -> str:
    """Return a path with its parameters replaced."""
    return _PARAMETER.sub(lambda found: values.get(found.group(1), default), path)


class Wire:
    """A connection to a server, for requests that no HTTP client would send."""

    def __init__(self, root: str) -> None:
        url = urlsplit(root)
        self._address = (url.hostname, url.port or 80)
        self._socket = socket.create_connection(self._address, timeout=SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> bool:
        """Send bytes; tell whether the other side still takes them."""
        try:
            self._socket.sendall(data)
        except ConnectionError:
            return False
        return True

    def end(self) -> None:
        """Tell the other side that nothing more will come."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def reopen(self) -> None:
        """Connect anew."""
        self._socket.close()
        self._socket = socket.create_connection(self._address, timeout=SECONDS)

    def answer(self, method: str = "POST") -> tuple[int, bytes] | None:
        """Return status and body of the next answer; None = closed without one."""
        response = http.client.HTTPResponse(self._socket, method=method)
        try:
            response.begin()
            return response.status, response.read()
        except (ConnectionError, http.client.HTTPException):
            return None
        finally:
            response.close()

    def is_closed(self, within: float) -> bool:
        """Tell whether the other side closes within some seconds; what it says is thrown away."""
        self._socket.settimeout(within)
        try:
            while self._socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True


def head(method: str, target: str, headers: Mapping[str, Any]) -> bytes:
    """Return the head of a request; nothing is checked."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
