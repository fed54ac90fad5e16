"""The web side of Strapi: REST of every merchant's server, below the merchant's name."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.faults import Fault, spoil
from sandbox.state import Account, State
from sandbox.strapi.desk import BulkOrder, Editor
from sandbox.strapi.documents import entry, rest, shown_modified
from sandbox.web import refusal_by_fault, reply, spoil_body

COLLECTION = "bulkorders"
PAGE_SIZE, LARGEST = 25, 100
_POPULATE = re.compile(r"populate(\[\w+\])*")
_IDS = re.compile(r"filters\[id\]\[\$in\]\[\d+\]")
_SORT = re.compile(r"sort(\[\d+\])?")


class BadQueryError(Exception):
    """A parameter that the API does not know."""


class StrapiApi:
    """Strapi for all merchants; the first part of the path tells whose server it is."""

    def __init__(self, state: State) -> None:
        self._state = state

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/{merchant}/api/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        name, path = request.path_params["merchant"], request.path_params["path"].strip("/")
        account = self._state.accounts.get(name)
        if account is None:
            return _error(404, "NotFoundError", "Not Found")
        with self._state.lock:
            self._state.calls.note(name, "strapi", "list", path)
            faults = self._state.faults.strike(name, "strapi", f"/{path}", "list")
        if self._state.options.latency:
            await asyncio.sleep(self._state.options.latency)
        early = await refusal_by_fault(faults, {"data": None, "error": {"status": 429}})
        if early:
            return early
        given = request.headers.get("Authorization", "")
        with self._state.lock:
            refused = _refusal(account.editor, given, path)
            answer = refused or _listed(account, dict(request.query_params), faults)
        return spoil_body(answer, faults)


def _refusal(editor: Editor, given: str, path: str) -> Response | None:
    if editor.is_revoked or given != f"Bearer {editor.token}":
        return _error(401, "UnauthorizedError", "Missing or invalid credentials")
    if editor.is_forbidden:
        return _error(403, "ForbiddenError", "Forbidden")
    if path != COLLECTION:
        return _error(404, "NotFoundError", "Not Found")
    return None


def _listed(account: Account, query: Mapping[str, str], faults: Sequence[Fault]) -> Response:
    try:
        found = _chosen(account, query)
    except BadQueryError as error:
        return _error(400, "ValidationError", f"Invalid key {error}")
    size = min(int(query.get("pagination[pageSize]", PAGE_SIZE)), LARGEST)
    page = int(query.get("pagination[page]", 1))
    populate = {name for key in query for name in re.findall(r"^populate\[(\w+)\]", key)}
    part = found[(page - 1) * size : page * size]
    rows = [rest(entry(account.world, order), account.editor.version, populate) for order in part]
    if faults:
        rows = [orjson.loads(row) for row in spoil([orjson.dumps(r) for r in rows], faults, "id")]
    pagination = {
        "page": page,
        "pageSize": size,
        "pageCount": -(-len(found) // size),
        "total": len(found),
    }
    return reply({"data": rows, "meta": {"pagination": pagination}})


def _chosen(account: Account, query: Mapping[str, str]) -> list[BulkOrder]:
    orders = account.world.bulk_orders.view("entry", lambda order: int(order.id))
    wanted: set[str] = set()
    for name, value in query.items():
        if name == "filters[updatedAt][$gte]":
            orders = [order for order in orders if shown_modified(order) >= value]
        elif _IDS.fullmatch(name):
            wanted.add(value)
        elif not (_POPULATE.fullmatch(name) or _SORT.fullmatch(name)) and name not in {
            "pagination[page]",
            "pagination[pageSize]",
        }:
            raise BadQueryError(name)
    if wanted:
        orders = [order for order in orders if order.id in wanted]
    if query.get("sort[0]") == "updatedAt:asc":
        orders = sorted(orders, key=lambda order: (shown_modified(order), int(order.id)))
    return orders


def _error(status: int, name: str, message: str) -> Response:
    error: dict[str, Any] = {"status": status, "name": name, "message": message, "details": {}}
    return reply({"data": None, "error": error}, status)
