"""Legacy: the addresses of the gateway before this one (webhooks A3, A9).

No sender has to change on the day of the move. What arrives goes the way of the endpoint that an
alias names; only errors look as they did.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemabase_dagster.webhook_aliases import Target, Targets, load_targets
from webhook_gateway import metrics
from webhook_gateway.answers import JSON_CONTENT, TRACE_HEADER, Refusal, error_body, respond
from webhook_gateway.api.published import Published
from webhook_gateway.intake import Intake, trace_of
from webhook_gateway.link import Desk

NOWHERE: Final = Target("unknown", "")
"""No endpoint has this id: the intake answers and counts as for every unknown one."""

OLD_ID: Final = "old_id"

ALIASED: Final = (
    "/api/v1/tracking/dpd/{old_id}",
    "/api/tracking/dpd/v1",
    "/api/v1/tracking/easypost/{old_id}",
    "/api/odoo/webhook/v1/{old_id}",
    "/api/saleor/webhook/v1/{old_id}",
    "/api/strapi/webhook/v1/{old_id}",
    "/api/zoho/order/create/v1/{old_id}",
)
"""Old addresses of deliveries. One without an id in it is an alias as a whole."""

OLD_FEED: Final = "/api/product-data-feed/v1/{variant}/{old_id}"
OLD_NUMBERS: Final = "/api/zoho/logistics/v1/{old_id}"
SHOP_EVENTS: Final = "/api/saleor/webhook/v1"
SHOP_QUESTIONS: Final = "/api/saleor/syncwebhook/v1/prepayment"


class AliasTable:
    """Where old addresses lead: one question to the database for all of them and ten seconds.

    So a flood of unknown ones costs nothing.
    """

    def __init__(self, desk: Desk, keep_seconds: float) -> None:
        self._desk = desk
        self._keep_seconds = keep_seconds
        self._targets: Targets | None = None
        self._loaded_at = 0.0
        self._lock = asyncio.Lock()

    async def alias(self, name: str) -> Target:
        """Return where an alias leads, ``NOWHERE`` for an unknown one.

        Raises:
            Refusal: 503 without a database.
        """
        return (await self._fresh()).aliases.get(name, NOWHERE)

    async def shop(self, provider: str, addresses: Sequence[str]) -> Target:
        """Return the endpoint of a shop by the first address of it that is known.

        Raises:
            Refusal: 503 without a database.
        """
        shops = (await self._fresh()).shops
        found = (shops[provider, each] for each in addresses if (provider, each) in shops)
        return next(found, NOWHERE)

    async def _fresh(self) -> Targets:
        async with self._lock:
            age = time.monotonic() - self._loaded_at
            if self._targets is None or age >= self._keep_seconds:
                self._targets = await self._desk.ask(load_targets)
                self._loaded_at = time.monotonic()
            return self._targets


class OldAddress:
    """The ASGI endpoint of an old address.

    Args:
        table: where it leads.
        intake: takes what arrives.
        shop_provider: the sender, where a shop says in headers who it is; None = by alias.
    """

    def __init__(self, table: AliasTable, intake: Intake, shop_provider: str | None = None) -> None:
        self._table = table
        self._intake = intake
        self._shop_provider = shop_provider

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Lead a request to its endpoint."""
        answer = _OldErrors(send)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            target = await self._target(scope, headers)
        except Refusal as refusal:
            metrics.REJECTS.labels(refusal.reason).inc()
            trace = trace_of(headers)
            own = [(TRACE_HEADER, trace), *refusal.headers]
            if refusal.retry_after is not None:
                own.append((b"retry-after", b"%d" % math.ceil(refusal.retry_after)))
            await respond(answer, refusal.status, error_body(refusal.status, trace.decode()), own)
            return
        scope["path_params"] = target._asdict()
        await self._intake(scope, receive, answer)

    async def _target(self, scope: Any, headers: dict[bytes, bytes]) -> Target:
        if self._shop_provider is None:
            return await self._table.alias(scope["path_params"].get(OLD_ID, scope["path"]))
        domain = headers.get(b"saleor-domain")
        if not domain:
            raise Refusal(400, "shop_unnamed")
        addresses = (headers.get(b"saleor-api-url", b""), domain)
        return await self._table.shop(
            self._shop_provider, [each.decode("latin-1") for each in addresses]
        )


class OldReading:
    """The ASGI endpoint of an old address that is read, by the former id in it."""

    def __init__(
        self, serve: Callable[[Request], Awaitable[Response]], methods: Sequence[str]
    ) -> None:
        self._serve = serve
        self._methods = methods

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as under the new address, but for the form of errors."""
        answer = _OldErrors(send)
        if scope["method"] not in self._methods:
            trace = trace_of(dict(scope["headers"]))
            allow = (b"allow", ", ".join(self._methods).encode())
            body = error_body(HTTPStatus.METHOD_NOT_ALLOWED, trace.decode())
            own = [(TRACE_HEADER, trace), allow]
            await respond(answer, HTTPStatus.METHOD_NOT_ALLOWED, body, own)
            return
        response = await self._serve(Request(scope, receive))
        await response(scope, receive, answer)


def old_senders(table: AliasTable, intake: Intake, questions: Intake) -> list[Route]:
    """Return the routes of the old addresses to which is sent.

    Args:
        table: where they lead.
        intake: takes deliveries.
        questions: answers a shop's questions about payments.
    """
    return [
        *(Route(path, OldAddress(table, intake)) for path in ALIASED),
        Route(SHOP_EVENTS, OldAddress(table, intake, "saleor")),
        Route(SHOP_QUESTIONS, OldAddress(table, questions, "saleor_sync")),
    ]


def old_readers(published: Published) -> list[Route]:
    """Return the routes of the old addresses of feeds and numbers."""
    return [
        Route(OLD_FEED, OldReading(published.feed, ("GET", "HEAD"))),
        Route(OLD_NUMBERS, OldReading(published.logistics, ("GET", "HEAD", "OPTIONS"))),
    ]


class _OldErrors:
    """Sends answers on, errors in the old form: one body for all of them."""

    def __init__(self, send: Any) -> None:
        self._send = send
        self._start: MutableMapping[str, Any] | None = None

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
            self._start = message
            return
        if self._start is None:
            await self._send(message)
            return
        of_body = {b"content-length", b"content-type"}
        kept = [pair for pair in self._start["headers"] if pair[0] not in of_body]
        trace = dict(kept)[TRACE_HEADER].decode()
        body = orjson.dumps({"error": "Something went wrong", "traceId": trace})
        await respond(self._send, self._start["status"], body, [JSON_CONTENT, *kept])
