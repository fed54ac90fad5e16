"""Readiness and metrics for those who run the gateway."""

import asyncio
import hmac
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from psycopg import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemabase_dagster import migrations
from webhook_gateway import metrics
from webhook_gateway.answers import Refusal
from webhook_gateway.inbox_metrics import registry_of, take_snapshot
from webhook_gateway.link import Desk
from webhook_gateway.settings import GatewaySettings

READY_SECONDS: Final = 1.0
LOOPBACK: Final = ("127.0.0.1", "::1")


class Health:
    """The routes ``/healthz``, ``/readyz`` and ``/metrics``."""

    def __init__(self, settings: GatewaySettings, desk: Desk) -> None:
        self._settings = settings
        self._desk = desk

    async def alive(self, _request: Request) -> Response:
        """Answer 200 as long as the process lives; the database is not asked."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """Answer 200 when the database answers in time and is migrated, else 503."""
        failed = [
            name
            for name, check in (("database", _select_one), ("migrations", _is_migrated))
            if not await self._passes(check)
        ]
        if failed:
            return JSONResponse({"status": "unavailable", "failed": failed}, 503)
        return JSONResponse({"status": "ready"})

    async def metrics(self, request: Request) -> Response:
        """Answer with the Prometheus text to who holds the token, or to a direct local client."""
        if not self._may_read(request):
            raise HTTPException(403)
        try:
            inbox = registry_of(await self._desk.ask(take_snapshot))
        except Refusal:
            inbox = None
        text, content_type = metrics.exposition(inbox)
        return Response(text, media_type=content_type)

    def _may_read(self, request: Request) -> bool:
        token = self._settings.metrics_token
        if token is not None:
            expected = f"Bearer {token.get_secret_value()}".encode()
            given = request.headers.get("authorization", "").encode("latin-1")
            return hmac.compare_digest(expected, given)
        # Behind a proxy on this machine every client looks local.
        is_forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
        is_local = request.client is not None and request.client.host in LOOPBACK
        return is_local and not is_forwarded

    async def _passes(self, check: Callable[[Connection[Any]], bool]) -> bool:
        try:
            async with asyncio.timeout(READY_SECONDS):
                return await self._desk.ask(check)
        except (Refusal, TimeoutError):
            return False


def _select_one(conn: Connection[Any]) -> bool:
    return conn.execute("SELECT 1").fetchone() == (1,)


def _is_migrated(conn: Connection[Any]) -> bool:
    row = conn.execute("SELECT to_regclass('platform.alembic_version') IS NOT NULL").fetchone()
    if row != (True,):
        return False
    found = conn.execute("SELECT version_num FROM platform.alembic_version").fetchall()
    return found == [(_newest_revision(),)]


@cache
def _newest_revision() -> str:
    # Revisions bear the names of their files, which begin with a date; asking Alembic would take
    # SQLAlchemy and a second of every start.
    versions = Path(migrations.__file__).parent / "versions"
    return max(path.stem for path in versions.glob("[0-9]*.py"))
