"""Authorisation of requests: a fixed token, HTTP digest, or an OAuth token all processes share."""

import threading
import time
from collections.abc import Callable, Generator
from typing import Final

import httpx

from schemabase_dagster import tokens
from schemabase_dagster.tenancy import App

KEPT_SHARE: Final = 0.1
"""A token is kept for so much of the time that it has left at least, before it is looked up."""


class FixedToken(httpx.Auth):
    """Sends one token that never changes.

    Args:
        scheme: word before the token; empty = none.
        token: the secret; empty = nothing is sent.
        header: where it is sent.
    """

    def __init__(self, scheme: str, token: str, *, header: str = "Authorization") -> None:
        self._name = header
        self._header = f"{scheme} {token}".lstrip() if token else ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header."""
        if self._header:
            request.headers[self._name] = self._header
        yield request

    def renew(self) -> bool:
        """Return False: nothing can be renewed after a refusal."""
        return False


class Digest(httpx.DigestAuth):
    """Answers the server's challenge with user name and password (RFC 7616).

    The challenge is kept for the calls that follow; one that the server takes for too old is
    answered by a new one, and the call is made again at once.
    """

    def renew(self) -> bool:
        """Return False: a refusal of the answer to a new challenge cannot be helped."""
        return False


class SharedToken(httpx.Auth):
    """Sends the app's access token of ``platform.app_token``, refreshed once for all processes.

    Args:
        app: whose token.
        scheme: word before the token in the header.
        refresh: asks the system for a new token; called under the lock of the app's token.
        min_seconds_left: a token closer to its end is renewed before it is used.
    """

    def __init__(
        self,
        app: App,
        *,
        scheme: str,
        refresh: Callable[[], tokens.Token],
        min_seconds_left: float,
    ) -> None:
        self._app = app
        self._scheme = scheme
        self._refresh = refresh
        self._min_seconds_left = min_seconds_left
        self._sent = threading.local()
        self._kept: tuple[str, float] | None = None
        self._refused: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header, with the token that is valid now."""
        token = self._sent.token = self._valid_token()
        request.headers["Authorization"] = f"{self._scheme} {token}"
        yield request

    def renew(self) -> bool:
        """Drop the token that this thread sent last, unless another one replaced it already."""
        token: str | None = getattr(self._sent, "token", None)
        if token is not None:
            self._refused = token
            tokens.invalidate(self._app, token)
        return token is not None

    def _valid_token(self) -> str:
        """Return the shared token; looking it up for every call would cost as much as a call."""
        kept = self._kept
        # A thread that looked it up before the refusal may keep it after it.
        if kept is not None and kept[0] != self._refused and kept[1] > time.monotonic():
            return kept[0]
        token = tokens.shared_token(
            self._app, refresh=self._refresh, min_seconds_left=self._min_seconds_left
        )
        self._kept = (token, time.monotonic() + KEPT_SHARE * self._min_seconds_left)
        return token
