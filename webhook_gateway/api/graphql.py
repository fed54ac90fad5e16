"""The route ``/graphql``: who calls, what they ask, within which limits."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson
from psycopg.rows import class_row
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from schemabase_dagster import api_tokens
from schemabase_dagster.api_tokens import Caller
from webhook_gateway.answers import CODES, Refusal
from webhook_gateway.api.reader import Connection, Reader
from webhook_gateway.api.visits import Rarely, Visit, answer, headers_of, log_fault
from webhook_gateway.buckets import Buckets
from webhook_gateway.deadlines import Deadlines
from webhook_gateway.intake import read_body
from webhook_gateway.link import DATABASE_TROUBLE, Desk
from webhook_gateway.notes import Notes
from webhook_gateway.settings import GatewaySettings

Answer: TypeAlias = tuple[int, Mapping[str, Any]]

MAX_BODY_BYTES: Final = 64 * 1024
UNKNOWN_PER_MINUTE: Final = 120
"""Tokens that one address may try out."""

CALLS_PER_MINUTE: Final = 600
"""Documents that one token may send."""

UNAUTHORIZED: Final = "A valid token is needed: Authorization: Bearer ..."
HEADERS: Final = {"cache-control": "no-store"}
_BEARER: Final = re.compile(r"bearer +([\x21-\x7e]+) *", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks: a document, its variables and the operation to run."""

    query: str
    variables: dict[str, Any] | None
    operation: str | None


class GraphQL:
    """Answers documents of callers with a token, and shows GraphiQL where that is switched on."""

    def __init__(
        self,
        settings: GatewaySettings,
        reader: Reader,
        desk: Desk,
        notes: Notes,
        deadlines: Deadlines,
    ) -> None:
        self._has_graphiql = settings.graphiql
        self._reader = reader
        self._desk = desk
        self._notes = notes
        self._deadlines = deadlines
        self._unknown = Buckets()
        self._calls = Buckets()
        self._marked = Rarely()

    async def serve(self, request: Request) -> Response:
        """Answer one document; a batch of them is refused."""
        visit = Visit(request, "graphql")
        return await answer(visit, self._notes, lambda: self._serve(visit), _refused)

    async def _serve(self, visit: Visit) -> Response:
        if visit.request.method == "GET" and self._has_graphiql:
            from strawberry.http.ides import get_graphql_ide_html  # noqa: PLC0415 - see _execute

            return HTMLResponse(get_graphql_ide_html())
        if visit.request.method != "POST":
            raise Refusal(405, "method", headers=[(b"allow", b"POST")])
        token = _token_of(visit.request)
        asked = _asked(await self._body(visit.request))
        status, body = await self._reader.read(lambda conn: self._work(visit, conn, token, asked))
        if visit.token is not None and self._marked.passes(visit.token):
            with suppress(Refusal):
                await self._desk.ask(api_tokens.mark_used, visit.token)
        return Response(orjson.dumps(body), status, HEADERS, media_type="application/json")

    async def _body(self, request: Request) -> bytes:
        announced = request.headers.get("content-length", "0")
        if not announced.isdigit() or int(announced) > MAX_BODY_BYTES:
            raise Refusal(413, "body_size", headers=[(b"connection", b"close")])
        with self._deadlines.watch():
            return await read_body(request.receive, MAX_BODY_BYTES)

    async def _work(self, visit: Visit, conn: Connection, token: str, asked: Asked) -> Answer:
        caller = await _find_caller(conn, token)
        if caller is None:
            wait = self._unknown.take(visit.source_ip or "", UNKNOWN_PER_MINUTE)
            raise Refusal(429, "unknown_tokens", retry_after=wait) if wait else _unauthorized()
        visit.token, visit.tenants = caller.token_id, list(caller.tenants)
        if not caller.tenant_ids:
            raise Refusal(403, "no_open_tenant")
        if wait := self._calls.take(caller.token_id, CALLS_PER_MINUTE):
            raise Refusal(429, "token_rate", retry_after=wait)
        return await _execute(visit, conn, caller, asked)


async def _find_caller(conn: Connection, token: str) -> Caller | None:
    values = {"token_hash": api_tokens.hash_of(token), "feature": api_tokens.FEATURE}
    async with conn.cursor(row_factory=class_row(Caller)) as cursor:
        await cursor.execute(api_tokens.FIND_CALLER, values)
        return await cursor.fetchone()


async def _execute(visit: Visit, conn: Connection, caller: Caller, asked: Asked) -> Answer:
    # Imported by the first document: it takes longer than the start of the whole gateway.
    from webhook_gateway.api import limits, rows, schema  # noqa: PLC0415

    try:
        document = limits.parsed(asked.query)
        known = schema.SCHEMA._schema  # noqa: SLF001 - the library's own, which has no other way
        limits.check(document, known, frozenset(caller.scopes), asked.operation)
    except limits.LimitError as error:
        visit.reason = error.code.lower()
        return (403 if error.code == "FORBIDDEN" else 400), {"errors": [error.formatted]}
    context = schema.Context(caller, rows.Rows(conn, caller.tenant_ids), document)
    try:
        result = await schema.SCHEMA.execute(
            asked.query,
            variable_values=asked.variables,
            operation_name=asked.operation,
            context_value=context,
        )
    except schema.NOT_EXECUTABLE:
        visit.reason = "not_executable"
        return 400, {"errors": [{"message": "The document has no such query to run."}]}
    return _answered(visit, result.data, result.errors or [])


def _answered(visit: Visit, data: Any, errors: list[Any]) -> Answer:
    """Return result and status; errors that are not the client's tell nothing about our inside."""
    is_ours = False
    shown = []
    for error in errors:
        fault = error.original_error
        if isinstance(fault, DATABASE_TROUBLE):
            raise fault
        if fault is None or isinstance(fault, type(error)):
            shown.append(error.formatted)
        else:
            is_ours = True
            log_fault(fault, visit.trace_id)
            shown.append(
                {"message": CODES[500][1], "path": error.path, "extensions": {"code": "INTERNAL"}}
            )
    if not shown:
        return 200, {"data": data}
    visit.reason = "internal" if is_ours else "errors"
    if data is not None:
        return 200, {"data": data, "errors": shown}
    return (500 if is_ours else 400), {"errors": shown}


def _token_of(request: Request) -> str:
    """Return the bearer token of a request.

    Raises:
        Refusal: 401, it has none.
    """
    found = _BEARER.fullmatch(request.headers.get("authorization", ""))
    if found is None or len(found.group(1)) > api_tokens.MAX_LENGTH:
        raise _unauthorized()
    return found.group(1)


def _unauthorized() -> Refusal:
    # equal for a missing, unknown, revoked and expired one
    return Refusal(401, "token", headers=[(b"www-authenticate", b"Bearer")])


def _asked(body: bytes) -> Asked:
    """Read the body of a request.

    Raises:
        Refusal: 400, it is no document with its variables.
    """
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Refusal(400, "not_json") from None
    if not isinstance(given, dict):
        raise Refusal(400, "no_document")
    query, variables = given.get("query"), given.get("variables")
    operation = given.get("operationName")
    if (
        not isinstance(query, str)
        or not isinstance(variables, dict | None)
        or not isinstance(operation, str | None)
    ):
        raise Refusal(400, "no_document")
    return Asked(query, variables, operation)


def _refused(refusal: Refusal, trace_id: str) -> Response:
    code, message = CODES.get(refusal.status, CODES[500])
    error = {
        # the usual text of 401 speaks of deliveries
        "message": UNAUTHORIZED if code == "unauthorized" else message,
        "extensions": {"code": code.upper(), "traceId": trace_id},
    }
    return Response(
        orjson.dumps({"errors": [error]}),
        refusal.status,
        {**HEADERS, **headers_of(refusal)},
        media_type="application/json",
    )
