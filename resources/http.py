"""HttpClient: one request, retried and counted, over httpx; the base of every system's client.

What a system adds is its authorisation and a *judge*: a function that looks at a reply and raises
what it means. Every attempt asks the limiter first. No message, cause or context of an error that
leaves this module holds a URL query, a header or a body: httpx errors are replaced, not chained.
"""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, TypeAlias

import httpx
import orjson
import tenacity

from resources.limits import Limiter
from schemabase_dagster import __version__, source_json
from schemabase_dagster.clock import utc_now
from schemabase_dagster.errors import (
    ProviderContractError,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from schemabase_dagster.streams import JsonObject, Lane

KEEP_ALL: Final = httpx.Limits(max_connections=16, max_keepalive_connections=16)
"""Of connections that are too many to keep, httpcore closes some that were just given a request
(encode/httpcore#1110); as many are kept as are opened, so it closes none."""
USER_AGENT: Final = f"schemabase-dagster/{__version__}"
MAX_BODY_BYTES: Final = 64 * 1024 * 1024
NOT_JSON: Final = object()
"""Payload of a reply whose body is not JSON."""

CallKind: TypeAlias = Literal["list", "detail", "token", "check", "write"]

logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO lines hold URLs with queries


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """How patient a client is.

    Attributes:
        connect_seconds: time to connect.
        read_seconds: longest silence while reading.
        total_seconds: longest time of one attempt, so that a dripping body ends.
        attempts: attempts at one call.
        backoff_seconds: first pause between attempts; doubles.
        max_wait_seconds: longest pause taken inside a run; a longer one ends the run.
        rate_limit_seconds: pause after a 429 that does not say how long.
    """

    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    total_seconds: float = 120.0
    attempts: int = 3
    backoff_seconds: float = 0.5
    max_wait_seconds: float = 150.0
    rate_limit_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request as a client means it.

    Attributes:
        kind: how it is counted; ``token`` calls are not limited and carry no authorisation.
        what: name in error messages, such as ``list salesorders``.
        headers: further headers, a token request's proof among them.
        content: body that is sent as it is, with its type in ``headers``.
        as_text: the answer is not JSON: ``Reply.payload`` is its text.
    """

    kind: CallKind
    what: str
    method: Literal["GET", "POST"]
    url: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    json: JsonObject | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: str | bytes | None = field(default=None, repr=False)
    as_text: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end.

    Attributes:
        payload: parsed JSON, or ``NOT_JSON``; text, where the call asks for it.
        retry_after: seconds, from the header.
        made_at: the server's clock, at the latest when it began to answer.
    """

    status: int
    payload: Any = field(repr=False)
    retry_after: float | None
    made_at: datetime

    def body(self, system: str, what: str) -> JsonObject:
        """Return the JSON object of a successful answer.

        Raises:
            ProviderUnavailable: the body is not JSON, which passes when it was cut or garbled.
            ProviderContractError: it is JSON, but not an object.
        """
        if self.payload is NOT_JSON:
            raise ProviderUnavailable(system, f"{what}: answer is not JSON", status=self.status)
        if not isinstance(self.payload, dict):
            raise ProviderContractError(
                system, f"{what}: answer is not an object", status=self.status
            )
        return self.payload


class RefusedError(Exception):
    """The system refused the authorisation; ``code`` is its error code."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


Judge: TypeAlias = Callable[[Call, Reply], None]
"""Looks at a reply and raises a ``ProviderError`` or ``RefusedError`` if it is no success."""


def judge_status(system: str, call: Call, reply: Reply, code: str | None = None) -> None:
    """Raise what the HTTP status means, if it is not 2xx.

    Raises:
        RateLimited: 429.
        ProviderUnavailable: 408 and 5xx.
        RefusedError: 401.
        ProviderRejected: any other.
    """
    status, what = reply.status, call.what
    if 200 <= status < 300:  # noqa: PLR2004
        return
    if status == httpx.codes.UNAUTHORIZED:
        raise RefusedError(code or str(status))
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise RateLimited(system, what, status=status, code=code, retry_after=reply.retry_after)
    if status >= 500 or status == httpx.codes.REQUEST_TIMEOUT:  # noqa: PLR2004
        raise ProviderUnavailable(
            system, what, status=status, code=code, retry_after=reply.retry_after
        )
    raise ProviderRejected(system, what, status=status, code=code)


class HttpClient:
    """Sends calls of one app to one system; safe to use from several threads.

    Args:
        system: name of the system in errors.
        options: time-outs and retries.
        limiter: shared budget of the account.
        stopping: set by ``close``; ends every wait.
    """

    def __init__(
        self, system: str, options: HttpOptions, limiter: Limiter, stopping: threading.Event
    ) -> None:
        self.system = system
        self.lane: Lane = "head"
        self.calls_by_kind: Counter[CallKind] = Counter()
        self._options = options
        self._limiter = limiter
        self._stopping = stopping
        self._counting = threading.Lock()
        self._http = httpx.Client(
            http2=False,
            follow_redirects=False,
            trust_env=True,
            timeout=httpx.Timeout(
                options.read_seconds, connect=options.connect_seconds, pool=options.total_seconds
            ),
            limits=KEEP_ALL,
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        )

    @property
    def calls(self) -> int:
        """Number of requests sent, failed attempts and token requests included."""
        return sum(self.calls_by_kind.values())

    def send(self, call: Call, judge: Judge, auth: httpx.Auth | None = None) -> Reply:
        """Send a call until it succeeds, cannot succeed, or the attempts are used up.

        Raises:
            ProviderError: what the judge or the network said last.
            RefusedError: the judge says that the authorisation was refused.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._is_worth_waiting),
            stop=tenacity.stop_after_attempt(self._options.attempts),
            wait=self._pause,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(self._attempt, call, judge, auth)

    def close(self) -> None:
        """End waits and give back connections."""
        self._stopping.set()
        self._http.close()

    def _attempt(self, call: Call, judge: Judge, auth: httpx.Auth | None) -> Reply:
        if self._stopping.is_set():
            raise ProviderUnavailable(self.system, f"{call.what}: the client was closed")
        if call.kind == "token":
            reply = self._exchange(call, auth)
        else:
            with self._limiter.admit(self.lane, call.what):
                reply = self._exchange(call, auth)
        try:
            judge(call, reply)
        except QuotaExhausted:
            self._limiter.exhaust()
            raise
        except RateLimited as error:
            if call.kind != "token":
                self._limiter.block(error.retry_after or self._options.rate_limit_seconds)
            raise
        return reply

    def _exchange(self, call: Call, auth: httpx.Auth | None) -> Reply:
        with self._counting:
            self.calls_by_kind[call.kind] += 1
        trouble: str
        try:
            return self._read(call, auth)
        except httpx.TimeoutException as error:
            trouble = f"no answer in time ({type(error).__name__})"
        except httpx.HTTPError as error:
            trouble = f"connection failed ({type(error).__name__})"
        except httpx.InvalidURL:
            trouble = "the URL of the app's configuration is not valid"
        # raised outside of the handlers: the httpx error, which holds the request, is not linked
        raise ProviderUnavailable(self.system, f"{call.what}: {trouble}")

    def _read(self, call: Call, auth: httpx.Auth | None) -> Reply:
        request = self._http.build_request(
            call.method,
            call.url,
            params=dict(call.params) or None,
            data=dict(call.form) if call.form is not None else None,
            content=orjson.dumps(call.json) if call.json is not None else call.content,
            headers={
                **({"Content-Type": "application/json"} if call.json is not None else {}),
                **call.headers,
            },
        )
        started = time.monotonic()
        response = self._http.send(request, auth=auth, stream=True)
        try:
            seconds_to_answer = time.monotonic() - started
            body = self._body(response, started + self._options.total_seconds)
        finally:
            response.close()
        return Reply(
            status=response.status_code,
            payload=body.decode(errors="replace") if call.as_text else _parse(body),
            retry_after=_seconds(response.headers.get("Retry-After")),
            made_at=_server_time(response.headers.get("Date"), seconds_to_answer),
        )

    @staticmethod
    def _body(response: httpx.Response, deadline: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("the body took too long")
            if len(body) > MAX_BODY_BYTES:
                raise httpx.ReadError("the body is too long")
        return bytes(body)

    def _is_worth_waiting(self, error: BaseException) -> bool:
        if not isinstance(error, ProviderError) or isinstance(error, QuotaExhausted):
            return False
        too_long = (error.retry_after or 0) > self._options.max_wait_seconds
        return error.passing and not too_long and not self._stopping.is_set()

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        backoff = self._options.backoff_seconds * 2.0 ** (state.attempt_number - 1)
        pause = backoff * random.uniform(0.5, 1.5)  # noqa: S311 - spreads retries
        if isinstance(error, ProviderError) and error.retry_after is not None:
            return error.retry_after + pause
        extra = self._options.rate_limit_seconds if isinstance(error, RateLimited) else 0.0
        return extra + pause

    def _sleep(self, seconds: float) -> None:
        self._stopping.wait(seconds)


def _parse(body: bytes) -> Any:
    try:
        return source_json.loads(body)
    except ValueError:
        return NOT_JSON


def _seconds(header: str | None) -> float | None:
    """Parse ``Retry-After``: seconds or an HTTP date (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    at = _http_date(header)
    return max(0.0, (at - utc_now()).total_seconds()) if at else None


def _server_time(header: str | None, seconds_to_answer: float) -> datetime:
    """Return a time by the server's clock that lies before it looked at its data."""
    at = _http_date(header) if header else None
    return (at or utc_now()) - timedelta(seconds=seconds_to_answer)


def _http_date(header: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    return at if at.tzinfo else None
