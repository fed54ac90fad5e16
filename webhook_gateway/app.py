"""The gateway's Starlette app: routes and lifespan."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemabase_dagster import logs
from schemabase_dagster.database import conninfo
from webhook_gateway.answers import TRACE_HEADER, error_body
from webhook_gateway.api.graphql import GraphQL
from webhook_gateway.api.published import Published
from webhook_gateway.api.reader import Reader
from webhook_gateway.deadlines import Deadlines
from webhook_gateway.endpoints import Endpoints
from webhook_gateway.health import Health
from webhook_gateway.intake import Intake, trace_of
from webhook_gateway.jwks import Jwks
from webhook_gateway.legacy import AliasTable, old_readers, old_senders
from webhook_gateway.link import Database, Desk
from webhook_gateway.notes import Notes
from webhook_gateway.saleor.registration import Registration
from webhook_gateway.saleor.shops import Shops
from webhook_gateway.saleor.sync import SaleorSync
from webhook_gateway.settings import GatewaySettings, gateway_settings
from webhook_gateway.signals import Notifier, listen
from webhook_gateway.writer import Store, Writer

GC_THRESHOLDS: Final = (50_000, 20, 100)


def create_app(
    settings: GatewaySettings | None = None,
    *,
    address: Callable[[], str] = conninfo,
    store: Store | None = None,
) -> Starlette:
    """Make the app; it connects when it starts and works without a database until one is there.

    Args:
        settings: limits; from the environment when None.
        address: tells the connection string of the database, asked for every connection.
        store: where deliveries go instead of the inbox; for benchmarks.
    """
    settings = settings or gateway_settings()
    database = Database(settings, address)
    desk = Desk(database)
    jwks = Jwks()
    endpoints = Endpoints(desk, jwks, settings.cache_seconds)
    notes = Notes(desk, access_log=settings.access_log)
    notifier = Notifier(database)
    writer = Writer(database, notifier.stored)
    health = Health(settings, desk)
    deadlines = Deadlines(settings.read_seconds)
    reader = Reader(settings, address)
    published = Published(reader, desk, notes)
    graphql = GraphQL(settings, reader, desk, notes, deadlines)
    intake = Intake(settings, endpoints, store or writer, notes, deadlines)
    questions = SaleorSync(settings, endpoints, store or writer, notes, deadlines, desk=desk)
    shops = Shops(settings.shop_hosts, allow_local=settings.allow_local_shops)
    registration = Registration(settings, desk, shops, deadlines)
    aliases = AliasTable(desk, settings.cache_seconds)

    routes: list[Route] = []
    if settings.serves != "reads":
        routes += _for_senders(intake, questions, registration)
        routes += old_senders(aliases, intake, questions) if settings.legacy_routes else ()
    if settings.serves != "webhooks":
        routes += _for_readers(published, graphql)
        routes += old_readers(published) if settings.legacy_routes else ()

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        writer.start()
        background = [
            asyncio.create_task(work)
            for work in (
                notifier.run(),
                listen(database, endpoints.forget),
                notes.run(),
                deadlines.run(),
                questions.run(),
            )
        ]
        try:
            yield
        finally:
            await writer.stop()
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            notes.write_log()
            await notes.flush()
            await questions.flush()
            await shops.close()
            await jwks.close()
            await reader.close()
            await desk.close()

    app = Starlette(
        routes=[
            *routes,
            Route("/healthz", health.alive),
            Route("/readyz", health.ready),
            Route("/metrics", health.metrics),
        ],
        exception_handlers={HTTPException: _refuse, Exception: _fail},
        lifespan=lifespan,
    )
    # A redirect ends a delivery at many senders, and its address would come from the Host header.
    app.router.redirect_slashes = False
    return app


def serve() -> Starlette:
    """Make the app for a process that does nothing else: the factory that uvicorn calls."""
    logs.configure(stream="stderr")
    app = create_app()
    # What is loaded by now stays. Without this the collector looks at it again and again, and all
    # requests wait for tens of milliseconds each time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    return app


def _for_senders(intake: Intake, questions: SaleorSync, registration: Registration) -> list[Route]:
    return [
        Route("/v1/webhooks/{provider}/{endpoint_id}", intake),
        Route("/v1/logs/{provider}/{endpoint_id}", intake),
        Route("/v1/sync/saleor/{endpoint_id}", questions),
        Route("/v1/saleor/manifest/{apptype}", registration.manifest),
        Route("/v1/saleor/register/{install_token}", registration.register, methods=["POST"]),
    ]


def _for_readers(published: Published, graphql: GraphQL) -> list[Route]:
    numbers = published.logistics
    return [
        Route("/v1/feeds/{variant}/{endpoint_id}", published.feed),
        Route("/v1/stats/logistics/{endpoint_id}", numbers, methods=["GET", "OPTIONS"]),
        Route("/graphql", graphql.serve, methods=["GET", "POST"]),
    ]


async def _refuse(request: Request, fault: Exception) -> Response:
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    headers = fault.headers if isinstance(fault, HTTPException) else None
    return _error(request, status, headers)


async def _fail(request: Request, _fault: Exception) -> Response:
    return _error(request, 500, None)


def _error(request: Request, status: int, headers: Any) -> Response:
    trace = trace_of(dict(request.scope["headers"])).decode()
    body = error_body(status, trace)
    return Response(
        body,
        status,
        {**(headers or {}), TRACE_HEADER.decode(): trace},
        media_type="application/json",
    )
