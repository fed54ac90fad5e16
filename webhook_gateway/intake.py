"""Intake: read, verify, dedupe, store, answer: the way of a delivery (webhooks C3)."""

import ipaddress
import math
import re
import secrets
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

import structlog
from uuid_utils.compat import uuid7

from schemabase_dagster.clock import utc_now
from schemabase_dagster.inbox import Delivery, Stored
from webhook_gateway import metrics
from webhook_gateway.answers import (
    JSON_CONTENT,
    TRACE_HEADER,
    Headers,
    Refusal,
    error_body,
    respond,
)
from webhook_gateway.buckets import Buckets
from webhook_gateway.deadlines import Deadlines
from webhook_gateway.endpoints import ENDPOINT_ID, Endpoint, Endpoints
from webhook_gateway.inbound import FORM_CONTENT, Inbound
from webhook_gateway.notes import Notes, Refused
from webhook_gateway.providers.base import Reply, key_digests
from webhook_gateway.settings import GatewaySettings
from webhook_gateway.writer import Store

MAX_HEADERS: Final = 100
MAX_HEADER_BYTES: Final = 32 * 1024
MAX_QUERY_BYTES: Final = 8 * 1024
OVERLOAD_SECONDS: Final = 2
ENDPOINT_SHARE: Final = 0.5
"""Of the requests in flight: a sender that is slow with its bodies, or whose keys have to be waited
for, must not take the places of all others."""

HANDSHAKE_METHODS: Final = frozenset({"GET", "HEAD"})
GZIP_WINDOW: Final = 31
MAX_PACKED_PARTS: Final = 100
"""Of a packed body. Each is looked for in what is left, and all other requests wait meanwhile."""

_TRACE_ID: Final = re.compile(rb"[A-Za-z0-9_-]{1,64}", re.ASCII)

log = structlog.get_logger(__name__)


class Intake:
    """The ASGI endpoint of all deliveries."""

    def __init__(
        self,
        settings: GatewaySettings,
        endpoints: Endpoints,
        store: Store,
        notes: Notes,
        deadlines: Deadlines,
    ) -> None:
        self._settings = settings
        self._endpoints = endpoints
        self._store = store
        self._notes = notes
        self._buckets = Buckets()
        self._deadlines = deadlines
        self._in_flight = 0
        self._most_of_one = math.ceil(settings.max_in_flight * ENDPOINT_SHARE)
        self._in_flight_of: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take one request and answer it; what nobody foresaw is a 500, never another 4xx."""
        visit = Visit(scope)
        self._in_flight += 1
        metrics.IN_FLIGHT.set(self._in_flight)
        try:
            status, reply = await self._take(visit, receive)
            body, headers = reply.body, [(b"content-type", reply.content), *reply.headers]
        except Refusal as refusal:
            status, body, headers = self._refuse(visit, refusal)
        except Exception as fault:  # noqa: BLE001 - the outermost edge of the gateway
            _log_fault(fault, visit.trace_id)
            status, body, headers = self._refuse(visit, Refusal(500, "internal", retry_after=5))
        finally:
            self._in_flight -= 1
        self._note(visit, status)
        await respond(send, status, body, [(TRACE_HEADER, visit.trace), *headers])

    async def _take(self, visit: "Visit", receive: Any) -> tuple[int, Reply]:
        if self._in_flight > self._settings.max_in_flight:
            raise Refusal(503, "in_flight", retry_after=OVERLOAD_SECONDS)
        endpoint = self._endpoints.cached(visit.provider, visit.endpoint_id)
        if endpoint is None:
            endpoint = await self._endpoints.find(
                visit.provider, visit.endpoint_id, visit.source_ip
            )
        visit.endpoint = endpoint
        self._admit(visit, endpoint)
        with self._one_of(endpoint):
            return await self._serve(visit, receive, endpoint)

    async def _serve(self, visit: "Visit", receive: Any, endpoint: Endpoint) -> tuple[int, Reply]:
        body = await self._read(visit, receive, endpoint)
        today, yesterday = _days(utc_now().date())
        inbound = Inbound(
            visit.headers, visit.query, body, visit.source_ip, today, yesterday, visit.method
        )
        greeting = endpoint.provider.handshake(inbound, endpoint.options, endpoint.verifier)
        if greeting is not None:
            visit.reason = "handshake"
            return 200, greeting
        if visit.method != endpoint.provider.method:
            raise _wrong_method(endpoint)
        secret_id = await endpoint.verifier.verify(inbound)
        if secret_id is not None:
            metrics.secret_used(secret_id).inc()
            self._notes.secret_used(secret_id)
        return await self._finish(visit, endpoint, inbound)

    async def _finish(
        self, visit: "Visit", endpoint: Endpoint, inbound: Inbound
    ) -> tuple[int, Reply]:
        """Store a verified request and return the status and what is answered then."""
        if endpoint.provider.is_asking:
            raise Refusal(404, "not_a_delivery")
        delivery = make_delivery(endpoint, inbound, visit)
        visit.event_type = delivery.event_type
        stored = await self._store.store(delivery)
        self._notes.delivered(endpoint.id)
        status, reply = _accepted(visit, endpoint, stored)
        if endpoint.provider.acknowledge is not None:
            reply = endpoint.provider.acknowledge(inbound, endpoint.options)
        return status, reply

    def _admit(self, visit: "Visit", endpoint: Endpoint) -> None:
        if not endpoint.is_enabled:
            is_standard = endpoint.options.get("scheme") == "standard_webhooks"
            raise Refusal(410 if is_standard else 403, "endpoint_disabled")
        if endpoint.is_refused:
            raise Refusal(403, "entitlement")
        if visit.method != endpoint.provider.method and visit.method not in HANDSHAKE_METHODS:
            raise _wrong_method(endpoint)
        if (
            len(visit.given_headers) > MAX_HEADERS
            or sum(len(name) + len(value) for name, value in visit.given_headers) > MAX_HEADER_BYTES
            or len(visit.query) > MAX_QUERY_BYTES
        ):
            raise Refusal(413, "head_size", headers=[(b"connection", b"close")])
        wait = self._buckets.take(endpoint.id, endpoint.rate_per_minute)
        if wait:
            raise Refusal(endpoint.provider.overload_status, "endpoint_rate", retry_after=wait)

    @contextmanager
    def _one_of(self, endpoint: Endpoint) -> Iterator[None]:
        """Count a request of an endpoint as long as it takes.

        Raises:
            Refusal: 503, the endpoint has too many in flight.
        """
        if self._in_flight_of[endpoint.id] >= self._most_of_one:
            raise Refusal(503, "endpoint_in_flight", retry_after=OVERLOAD_SECONDS)
        self._in_flight_of[endpoint.id] += 1
        try:
            yield
        finally:
            self._in_flight_of[endpoint.id] -= 1
            if not self._in_flight_of[endpoint.id]:
                del self._in_flight_of[endpoint.id]

    async def _read(self, visit: "Visit", receive: Any, endpoint: Endpoint) -> bytes:
        limit = min(endpoint.max_body_bytes, self._settings.max_body_bytes)
        announced = visit.headers.get(b"content-length", b"0")
        if not announced.isdigit() or int(announced) > limit:
            raise _too_large()
        with self._deadlines.watch():
            body = await read_body(receive, limit)
        visit.body_bytes = len(body)
        metrics.BODY_BYTES.observe(len(body))
        if visit.headers.get(b"content-encoding", b"").strip().lower() == b"gzip":
            check_unpacked_size(body, limit)
        return body

    def _refuse(self, visit: "Visit", refusal: Refusal) -> tuple[int, bytes, Headers]:
        metrics.REJECTS.labels(refusal.reason).inc()
        is_id = ENDPOINT_ID.fullmatch(visit.endpoint_id) is not None
        self._notes.refused(
            Refused(
                visit.endpoint_id if is_id else None,
                refusal.reason,
                refusal.status,
                visit.source_ip,
                visit.body_bytes,
                visit.trace_id,
            )
        )
        headers = [JSON_CONTENT, *refusal.headers]
        if refusal.retry_after is not None:
            headers.append((b"retry-after", b"%d" % math.ceil(refusal.retry_after)))
        visit.reason = refusal.reason
        return refusal.status, error_body(refusal.status, visit.trace_id), headers

    def _note(self, visit: "Visit", status: int) -> None:
        seconds = time.perf_counter() - visit.started
        metrics.IN_FLIGHT.set(self._in_flight)
        metrics.SECONDS.observe(seconds)
        endpoint = visit.endpoint
        provider = "unknown" if endpoint is None else endpoint.provider.name
        metrics.requests(provider, status).inc()
        self._notes.access(
            {
                "event": "request",
                "timestamp": utc_now(),
                "trace_id": visit.trace_id,
                "endpoint": None if endpoint is None else endpoint.shown_id,
                "tenant": None if endpoint is None else endpoint.tenant_slug,
                "provider": provider,
                "event_type": visit.event_type,
                "status": status,
                "reason": visit.reason,
                "bytes": visit.body_bytes,
                "ms": round(seconds * 1000, 1),
                "duplicate": visit.is_duplicate,
            }
        )


class Visit:
    """One request on its way, with what is known of it so far."""

    __slots__ = (
        "body_bytes", "endpoint", "endpoint_id", "event_type", "given_headers", "headers",
        "is_duplicate", "method", "provider", "query", "reason", "source_ip", "started", "trace",
        "trace_id",
    )  # fmt: skip

    def __init__(self, scope: Any) -> None:
        self.started = time.perf_counter()
        self.method: str = scope["method"]
        self.given_headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.headers = dict(self.given_headers)
        self.query: bytes = scope["query_string"]
        parameters = scope["path_params"]
        self.provider: str = parameters["provider"]
        self.endpoint_id: str = parameters["endpoint_id"]
        client = scope.get("client")
        self.source_ip = _address(client[0]) if client else None
        self.trace = trace_of(self.headers)
        self.trace_id = self.trace.decode()
        self.endpoint: Endpoint | None = None
        self.event_type: str | None = None
        self.reason: str | None = None
        self.body_bytes: int | None = None
        self.is_duplicate = False


@lru_cache(4096)
def _address(text: str) -> str | None:
    # What a proxy passes on may have a port or be no address at all: no reason to refuse.
    try:
        return str(ipaddress.ip_address(text)).partition("%")[0]
    except ValueError:
        return None


def _log_fault(fault: Exception, trace_id: str) -> None:
    # The text of a fault may hold parts of a payload: only its class and place are logged.
    frame = traceback.extract_tb(fault.__traceback__)[-1]
    place = f"{frame.filename}:{frame.lineno}"
    log.warning("request_failed", error=type(fault).__name__, place=place, trace_id=trace_id)


def trace_of(headers: dict[bytes, bytes]) -> bytes:
    """Return the sender's trace id if it is harmless, else a new one."""
    given = headers.get(b"traceparent") or headers.get(TRACE_HEADER)
    if given and _TRACE_ID.fullmatch(given):
        return given
    return b"tr_" + secrets.token_hex(16).encode()


async def read_body(receive: Any, limit: int) -> bytes:
    """Read a body, stopping as soon as it is larger than the limit.

    Raises:
        Refusal: 413; or 400 when the sender went away.
    """
    chunks = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Refusal(400, "disconnected")
        chunk = message.get("body", b"")
        if len(chunks) + len(chunk) > limit:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(chunks + chunk) if chunks else chunk
        chunks += chunk


def check_unpacked_size(body: bytes, limit: int) -> None:
    """Refuse a packed body that unpacks to more than the limit; broken ones are stored as they are.

    Raises:
        Refusal: 413.
    """
    size = parts = 0
    while body:
        parts += 1
        if parts > MAX_PACKED_PARTS:
            raise _too_large()
        # a body may be several packed ones in a row (RFC 1952, 2.2)
        member = zlib.decompressobj(GZIP_WINDOW)
        try:
            size += len(member.decompress(body, limit + 1 - size))
        except zlib.error:
            return
        if size > limit:
            raise _too_large()
        body = member.unused_data


def _wrong_method(endpoint: Endpoint) -> Refusal:
    return Refusal(405, "method", headers=[(b"allow", endpoint.provider.method.encode())])


def _too_large() -> Refusal:
    # Closing spares reading the rest only to throw it away.
    return Refusal(413, "body_size", headers=[(b"connection", b"close")])


def make_delivery(endpoint: Endpoint, inbound: Inbound, visit: Visit) -> Delivery:
    """Return a verified request as it is stored."""
    provider = endpoint.provider
    key = provider.dedupe(inbound, endpoint.options)
    today, yesterday = key_digests(provider.name, key, inbound)
    secret_names = endpoint.verifier.secret_names
    body, query = inbound.body, inbound.stored_query(secret_names)
    content_type = inbound.header(b"content-type")
    if provider.body is not None:
        # the query may name people: of such a request only what the provider keeps is stored
        body, query, content_type = provider.body(inbound), None, FORM_CONTENT.decode()
    return Delivery(
        id=uuid7(),
        endpoint_id=endpoint.id,
        event_type=provider.event_type(inbound, endpoint.options),
        dedupe_key=today,
        earlier_key=yesterday,
        body_sha256=inbound.body_sha256,
        method=visit.method,
        query=query,
        headers=inbound.stored_headers(secret_names),
        content_type=content_type,
        body=body,
        verify_scheme=str(endpoint.options["scheme"]),
        source_ip=visit.source_ip,
        trace_id=visit.trace_id,
        held=endpoint.held,
    )


def _accepted(visit: Visit, endpoint: Endpoint, stored: Stored) -> tuple[int, Reply]:
    labels = (endpoint.provider.name, endpoint.tenant_slug)
    if stored.body_conflict:
        metrics.BODY_CONFLICTS.labels(*labels).inc()
    if stored.is_new:
        metrics.stored(*labels).inc()
        status, word = endpoint.provider.accepted_status, "accepted"
    else:
        metrics.DUPLICATES.labels(*labels).inc()
        visit.is_duplicate = True
        status, word = 200, "duplicate"
    text = f'{{"status":"{word}","id":"{stored.inbox_id}","traceId":"{visit.trace_id}"}}'
    return status, Reply(text.encode(), JSON_CONTENT[1])


@lru_cache(2)
def _days(today: date) -> tuple[str, str]:
    return today.isoformat(), (today - timedelta(days=1)).isoformat()
