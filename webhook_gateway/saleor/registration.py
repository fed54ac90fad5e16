"""Registration: how a Saleor shop installs one of our apps (saleor 10.2; Saleor app SDK 0.50).

The request is not signed and says itself who it comes from. What it says is believed only after the
shop that the operator named has recognised the token. Saleor shows the message of a refusal to who
installs, and takes the app away again.
"""

import math
import re
from typing import Any, Final

import orjson
from psycopg import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemabase_dagster import installs
from schemabase_dagster.errors import SchemabaseError
from schemabase_dagster.installs import InstallConflict, InstallRefused, Pending
from webhook_gateway import metrics
from webhook_gateway.answers import TRACE_HEADER, Refusal
from webhook_gateway.buckets import Buckets
from webhook_gateway.deadlines import Deadlines
from webhook_gateway.intake import read_body, trace_of
from webhook_gateway.link import Desk
from webhook_gateway.saleor.manifest import manifest
from webhook_gateway.saleor.shops import ShopFailed, ShopProhibited, Shops
from webhook_gateway.settings import GatewaySettings

KINDS: Final = ("entitysync", "prepayment")
MAX_BODY_BYTES: Final = 4096
CALLS_PER_MINUTE: Final = 60
"""From one address; every call costs a question to the database, and some one to a shop."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9]{30}", re.ASCII)
_INSTALL_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class Declined(SchemabaseError):  # noqa: N818 - an answer rather than a fault
    """A registration that does not take place, as Saleor's own kit words it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.message = message
        super().__init__(f"declined with {status}: {code}")


VOID: Final = Declined(
    401, "INSTALL_TOKEN", "The install link is unknown, over or used. Ask for a new one."
)


class Registration:
    """The routes of the manifest and of the registration."""

    def __init__(
        self, settings: GatewaySettings, desk: Desk, shops: Shops, deadlines: Deadlines
    ) -> None:
        self._base = settings.public_url
        self._desk = desk
        self._shops = shops
        self._deadlines = deadlines
        self._calls = Buckets()

    async def manifest(self, request: Request) -> Response:
        """Answer with the manifest of an app, for who holds an install token."""
        return await self._answered(request, self._manifest)

    async def register(self, request: Request) -> Response:
        """Install an app for the tenant of the install token."""
        return await self._answered(request, self._register)

    async def _answered(self, request: Request, work: Any) -> Response:
        trace = trace_of(dict(request.scope["headers"])).decode()
        headers = {TRACE_HEADER.decode(): trace}
        try:
            self._admit(request)
            body, status = await work(request), 200
        except Declined as declined:
            metrics.REJECTS.labels(declined.code.lower()).inc()
            status = declined.status
            error = {"code": declined.code, "message": declined.message}
            body = {"success": False, "error": error, "traceId": trace}
        except Refusal as refusal:
            metrics.REJECTS.labels(refusal.reason).inc()
            status = refusal.status
            error = {"code": "UNAVAILABLE", "message": "Not possible right now, try again."}
            body = {"success": False, "error": error, "traceId": trace}
            if refusal.retry_after is not None:
                headers["retry-after"] = str(math.ceil(refusal.retry_after))
        metrics.requests("saleor_install", status).inc()
        return JSONResponse(body, status, headers)

    def _admit(self, request: Request) -> None:
        address = request.client.host if request.client else ""
        wait = self._calls.take(address, CALLS_PER_MINUTE)
        if wait:
            raise Refusal(429, "install_rate", retry_after=wait)

    async def _manifest(self, request: Request) -> dict[str, Any]:
        kind = request.path_params["apptype"]
        if kind not in KINDS:
            raise Declined(400, "APP_TYPE", f"Use one of {', '.join(KINDS)}.")
        if self._base is None:
            raise Declined(503, "NOT_CONFIGURED", "The gateway does not know its public address.")
        token = request.query_params.get("install", "")
        pending = await self._pending(token)
        if pending.kind != kind:
            raise VOID
        return manifest(kind, self._base, token, pending.endpoint_id)

    async def _register(self, request: Request) -> dict[str, Any]:
        install_token = request.path_params["install_token"]
        auth_token = await self._auth_token(request)
        api_url = request.headers.get("saleor-api-url", "")
        if not api_url or not request.headers.get("saleor-domain"):
            raise Declined(400, "MISSING_HEADER", "Saleor-Api-Url and Saleor-Domain are missing.")
        pending = await self._pending(install_token)
        if api_url != pending.draft.api_url:
            raise Declined(403, "SALEOR_URL_PROHIBITED", "The link was made for another shop.")
        app_id = await self._recognised(pending, auth_token)
        failure = await self._desk.ask(_complete, install_token, app_id, auth_token)
        if failure is not None:
            raise failure
        return {"success": True}

    async def _pending(self, token: str) -> Pending:
        found = None
        if _INSTALL_TOKEN.fullmatch(token):
            found = await self._desk.ask(installs.find, token)
        if found is None:
            raise VOID
        return found

    async def _auth_token(self, request: Request) -> str:
        with self._deadlines.watch():
            body = await read_body(request.receive, MAX_BODY_BYTES)
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            content = None
        token = content.get("auth_token") if isinstance(content, dict) else None
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise Declined(400, "MISSING_TOKEN", "The body holds no auth_token of an app.")
        return token

    async def _recognised(self, pending: Pending, auth_token: str) -> str:
        """Return the id of the installation, by the shop itself."""
        draft = pending.draft
        try:
            app_id = await self._shops.app_id(draft.api_url, auth_token)
        except ShopProhibited:
            raise Declined(
                403, "SALEOR_URL_PROHIBITED", "The gateway may not call this shop."
            ) from None
        except ShopFailed:
            raise Declined(401, "UNKNOWN_APP_ID", "The shop did not recognise the token.") from None
        try:
            await self._shops.check_keys(draft.jwks_url)
        except (ShopProhibited, ShopFailed):
            raise Declined(401, "JWKS_NOT_AVAILABLE", "The shop shows no keys.") from None
        return app_id


def _complete(
    conn: Connection[Any], install_token: str, app_id: str, auth_token: str
) -> Declined | None:
    """Store the installation; what stands against it is returned, as a value of the transaction."""
    try:
        installs.complete(conn, install_token, app_id, {"token": auth_token})
    except InstallRefused:
        return VOID
    except InstallConflict:
        return Declined(
            409, "CONFLICT", "The shop is connected already, or its app cannot be stored."
        )
    return None
