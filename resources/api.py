"""Api: the HTTP client and the authorisation of one app, and what a refusal means."""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from resources.auth import Digest, FixedToken, SharedToken
from resources.http import Call, HttpClient, HttpOptions, Judge, RefusedError, Reply
from resources.limits import Limiter, Limits, SharedLimiter, Unlimited
from schemabase_dagster import database, tenancy
from schemabase_dagster.errors import CredentialError
from schemabase_dagster.streams import Fetched, JsonObject, Lane, Page, Stream
from schemabase_dagster.systems import System
from schemabase_dagster.tenancy import App


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """What a resource sets for all clients of a system.

    Attributes:
        http: time-outs and retries.
        clock_scale: by how much the provider's windows and token lives are shortened; above 1
            only against a sandbox whose clock is scaled alike.
    """

    http: HttpOptions = field(default_factory=HttpOptions)
    clock_scale: float = 1.0


class Api:
    """Calls of one app; safe to use from several threads.

    Args:
        app: the app, named in errors.
        options: set by the resource.
        lane: share of the account's budget that the calls use.
        account: key of the external account, if it has limits.
        limits: these limits; None for an account without.
    """

    def __init__(
        self,
        app: App,
        options: ClientOptions,
        lane: Lane,
        *,
        account: str = "",
        limits: Limits | None = None,
    ) -> None:
        self.app = app
        self.scale = options.clock_scale
        self._limits = limits
        stopping = threading.Event()
        self._limiter: Limiter = Unlimited()
        if limits is not None:
            self._limiter = SharedLimiter(
                app.type,
                account,
                limits,
                max_wait_seconds=options.http.max_wait_seconds,
                clock_scale=options.clock_scale,
                stopping=stopping,
            )
        self._http = HttpClient(app.type, options.http, self._limiter, stopping)
        self.lane = lane

    @property
    def lane(self) -> Lane:
        """Whose share of the account's budget the next calls use."""
        return self._http.lane

    @lane.setter
    def lane(self, lane: Lane) -> None:
        self._http.lane = lane

    @property
    def calls(self) -> int:
        """Number of requests sent."""
        return self._http.calls

    def seconds_for(self, calls: float) -> float:
        """Return the least time that calls of a back-fill take by the account's limits."""
        return self._limits.seconds_for(calls) / self.scale if self._limits is not None else 0.0

    def calls_by_kind(self) -> Mapping[str, int]:
        """Return how many calls of each kind were made."""
        return dict(self._http.calls_by_kind.items())

    def call(self, call: Call, judge: Judge, auth: Digest | FixedToken | SharedToken) -> Reply:
        """Make a call; after a refusal once more with a new token, if there can be one.

        Raises:
            CredentialError: refused again.
            ProviderError: any other failure.
        """
        try:
            return self._http.send(call, judge, auth)
        except RefusedError as refusal:
            code = refusal.code
        if auth.renew():
            try:
                return self._http.send(call, judge, auth)
            except RefusedError as refusal:
                code = refusal.code
        raise self.refused(code)

    def call_openly(self, call: Call, judge: Judge) -> Reply:
        """Make a call that carries its own proof, such as a token request."""
        return self._http.send(call, judge)

    def refused(self, code: str) -> CredentialError:
        """Return the error that names tenant, app and the system's code."""
        return CredentialError(self.app.tenant_slug, self.app.key, code)

    def close(self) -> None:
        """Give back connections and slots."""
        self._http.close()
        self._limiter.close()


def read_credentials(app: App, system: System) -> Any:
    """Return an app's credentials as the system's model, for its client only.

    Raises:
        CredentialError: none are set.
        ConfigurationError: they cannot be decrypted, or are not valid any more.
    """
    with database.transaction() as connection:
        return tenancy.load_credentials(connection, app, system)


@contextmanager
def open_api(
    app: App,
    options: ClientOptions,
    lane: Lane,
    *,
    account: str = "",
    limits: Limits | None = None,
) -> Iterator[Api]:
    """Open the calls of an app, see ``Api``, and give everything back at the end."""
    api = Api(app, options, lane, account=account, limits=limits)
    try:
        yield api
    finally:
        api.close()


class ApiClient:
    """What the clients of all systems share of the engine's ``Client`` protocol.

    Args:
        api: calls of the app.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    @property
    def lane(self) -> Lane:
        """Whose share of the account's budget the next calls use."""
        return self._api.lane

    @lane.setter
    def lane(self, lane: Lane) -> None:
        self._api.lane = lane

    @property
    def calls(self) -> int:
        """Number of calls made so far, token requests included."""
        return self._api.calls

    def calls_by_kind(self) -> Mapping[str, int]:
        """Return how many calls of each kind were made."""
        return self._api.calls_by_kind()

    def seconds_for(self, calls: float) -> float:
        """Return the least time that calls of a back-fill take by the account's limits."""
        return self._api.seconds_for(calls)

    def close(self) -> None:
        """Give back connections."""
        self._api.close()


class UnreadClient(ApiClient):
    """Client of a system that is not read: it sends by itself, or only takes what we send."""

    def iter_pages(
        self, stream: Stream, *, since: datetime | None, resume: JsonObject | None = None
    ) -> Iterator[Page]:
        """Refuse: there is nothing to list.

        Raises:
            TypeError: always.
        """
        del since, resume
        raise TypeError(f"stream '{stream.name}' cannot be listed")

    def iter_details(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Refuse: there is nothing to fetch.

        Raises:
            TypeError: always.
        """
        del ids
        raise TypeError(f"stream '{stream.name}' cannot be fetched")

    def look_up(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Refuse like ``iter_details``."""
        return self.iter_details(stream, ids)

    def count(self, _stream: Stream) -> int | None:
        """Return None: there is no list to count."""
        return None
