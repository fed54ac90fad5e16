"""Saleor's web side: the GraphQL endpoint, which dispatches on operation names, and the JWKS."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.changes import move_rows
from sandbox.faults import Fault, find
from sandbox.saleor.catalogue import ROOTS, Root
from sandbox.saleor.installed import InstalledApp
from sandbox.saleor.listing import (
    MAX_FIRST,
    FieldError,
    VariableError,
    connection,
    node_page,
    single,
    whole_list,
)
from sandbox.saleor.shapes import global_id
from sandbox.state import Account, State
from sandbox.times import now_us
from sandbox.web import refusal_by_fault, reply, spoil_body

COST = b'{"cost":{"requestedQueryCost":%d,"maximumAvailable":50000}}'
MANAGE_ORDERS = "MANAGE_ORDERS"

Variables: TypeAlias = Mapping[str, Any]
Resolver: TypeAlias = Callable[["SaleorApi", str, Variables, list[Fault]], bytes]

_OPERATION = re.compile(r"\bquery\s+(\w+)")
_NULL_LITERAL = re.compile(r":\s*null\b")


class SaleorApi:
    """The Saleor side of one merchant."""

    def __init__(self, state: State, merchant: str) -> None:
        self._state = state
        self._name = merchant
        self._token: str | None = None

    def app(self) -> Starlette:
        """The ASGI application."""
        app = Starlette(
            routes=[
                Route("/graphql/", self._graphql, methods=["POST"]),
                Route("/.well-known/jwks.json", self._jwks),
                Route("/health/", lambda _request: Response("")),
            ],
        )
        # The real server answers 404 without the slash and redirects nobody.
        app.router.redirect_slashes = False
        return app

    @property
    def _account(self) -> Account:
        return self._state.accounts[self._name]

    async def _jwks(self, request: Request) -> Response:
        del request
        with self._state.lock:
            self._state.calls.note(self._name, "saleor", "jwks", "jwks")
            faults = self._state.faults.strike(
                self._name, "saleor", "/.well-known/jwks.json", "jwks"
            )
            body = self._account.shop.keys.jwks()
        early = await refusal_by_fault(faults, {})
        return early or spoil_body(reply(body), faults)

    async def _graphql(self, request: Request) -> Response:
        try:
            body = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            return _refused("Unable to parse query.")
        if isinstance(body, list):
            return _refused("Number of batch queries exceeded.")
        query = body.get("query") or ""
        if not query.strip():
            return _refused("Must provide a query string.")
        operation = body.get("operationName") or _first_name(query)
        is_detail = operation == "OrderOne" or operation.endswith("ByIds")
        where = "detail" if is_detail else "list"
        with self._state.lock:
            self._state.calls.note(self._name, "saleor", where, operation)
            faults = self._state.faults.strike(self._name, "saleor", operation, where)
        if self._state.options.latency:
            await asyncio.sleep(self._state.options.latency)
        early = await refusal_by_fault(faults, {"errors": [{"message": "Too Many Requests"}]})
        if early:
            if early.status_code == 429:
                self._state.calls.refused(self._name, "saleor")
            return early
        with self._state.lock:
            answer = self._answer(request, query, operation, body.get("variables") or {}, faults)
        return spoil_body(answer, faults)

    def _answer(
        self,
        request: Request,
        query: str,
        operation: str,
        variables: Variables,
        faults: list[Fault],
    ) -> Response:
        refusal = _invalid(query, operation)
        if refusal:
            return refusal
        field, permission, resolve = OPERATIONS[operation]
        self._token = self._caller(request)
        is_known = self._token is not None and not find(faults, "expired_token")
        if not is_known or not self._may(permission):
            return _field_error(
                field,
                "To access this path, you need one of the following permissions:"
                f" {permission or 'AUTHENTICATED_APP'}",
                "PermissionDenied",
                extra=b'"shop":%b,' % self._shop() if field == "app" else b"",
            )
        try:
            data = resolve(self, query, variables, faults)
        except FieldError as error:
            return _field_error(field, str(error), "GraphQLError")
        except VariableError as error:
            return _refused(str(error), "GraphQLError")
        errors = b""
        if find(faults, "partial_data"):
            errors = b'"errors":[%b],' % orjson.dumps(_error("Internal Server Error", "Exception"))
        return reply(b'{%b"data":{%b},"extensions":%b}' % (errors, data, COST % 14))

    def _caller(self, request: Request) -> str | None:
        """Return the token of the request if it opens the shop."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        header = request.headers.get("authorization-bearer")
        if header is not None:
            token = header
        elif scheme not in {"Bearer", "JWT"}:
            return None
        shop = self._account.shop
        own = self._account.world.merchant.shop_token
        is_valid = token == own or any(app.token == token for app in shop.apps)
        return token if is_valid and not shop.is_revoked else None

    def _may(self, permission: str) -> bool:
        return not permission or permission in self._account.shop.permissions

    def orders(self, query: str, variables: Variables, faults: list[Fault]) -> bytes:
        """Resolve the ``orders`` connection."""
        moving = find(faults, "moving_rows")
        if moving and variables.get("after"):
            move_rows(self._account.world, "saleor", "orders", moving.rows, now_us())
        return b'"orders":' + connection(self._account.world, query, variables, faults)

    def order(self, query: str, variables: Variables, faults: list[Fault]) -> bytes:
        """Resolve ``order(id:)``."""
        del query
        return b'"order":' + single(self._account.world, variables, faults)

    def master_data(
        self, root: Root, query: str, variables: Variables, faults: list[Fault]
    ) -> bytes:
        """Resolve a root field of master data."""
        nodes = root.nodes(self._account.world)
        if root.is_list:
            return b'"%b":%b' % (root.field.encode(), whole_list(nodes, faults))
        page = node_page(nodes, query, variables, faults)
        return b'"%b":%b' % (root.field.encode(), page)

    def check(self, query: str, variables: Variables, faults: list[Fault]) -> bytes:
        """Resolve ``shop`` and the caller's own ``app``."""
        del query, variables, faults
        permissions = [{"code": code} for code in self._account.shop.permissions]
        installed = self._installed()
        app = {
            "id": installed.id if installed else global_id("App", 1),
            "name": installed.manifest["name"] if installed else "Schemabase",
            "permissions": permissions,
        }
        return b'"shop":%b,"app":%b' % (self._shop(), orjson.dumps(app))

    def missed(self, query: str, variables: Variables, faults: list[Fault]) -> bytes:
        """Resolve the failed deliveries of the caller's webhooks, the newest first."""
        del query, variables, faults
        installed = self._installed()
        failed = list(reversed(installed.failed))[:MAX_FIRST] if installed else []
        edges = [
            {
                "node": {
                    "id": global_id("EventDelivery", each.number),
                    "createdAt": each.created,
                    "status": "FAILED",
                    "eventType": each.event.upper(),
                    "payload": each.payload,
                }
            }
            for each in failed
        ]
        hooks = [{"id": global_id("Webhook", 1), "eventDeliveries": {"edges": edges}}]
        return b'"app":' + orjson.dumps({"webhooks": hooks if installed else []})

    def _installed(self) -> InstalledApp | None:
        apps = self._account.shop.apps
        return next((app for app in apps if app.token == self._token), None)

    def _shop(self) -> bytes:
        return orjson.dumps({"name": self._account.world.merchant.title})


def _operations_of(root: Root) -> dict[str, tuple[str, str, Resolver]]:
    """Return the operations of a root field by name."""

    def resolve(api: SaleorApi, query: str, variables: Variables, faults: list[Fault]) -> bytes:
        return api.master_data(root, query, variables, faults)

    name = root.field[0].upper() + root.field[1:]
    names = (name,) if root.is_list else (f"{name}Page", f"{name}ByIds")
    return dict.fromkeys(names, (root.field, root.permission, resolve))


OPERATIONS: dict[str, tuple[str, str, Resolver]] = {
    name: operation for root in ROOTS.values() for name, operation in _operations_of(root).items()
} | {
    "OrdersPage": ("orders", MANAGE_ORDERS, SaleorApi.orders),
    "OrdersByIds": ("orders", MANAGE_ORDERS, SaleorApi.orders),
    "OrderOne": ("order", MANAGE_ORDERS, SaleorApi.order),
    "ShopCheck": ("app", "", SaleorApi.check),
    "AppCheck": ("app", "", SaleorApi.check),
    "MissedDeliveries": ("app", "", SaleorApi.missed),
}


def _first_name(query: str) -> str:
    found = _OPERATION.search(query)
    return found.group(1) if found else ""


def _invalid(query: str, operation: str) -> Response | None:
    """The refusal of a document that the server would not execute."""
    if _NULL_LITERAL.search(query):
        return _refused('Syntax Error GraphQL: Unexpected Name "null"', "GraphQLSyntaxError")
    if query.count("{") != query.count("}") or query.count("(") != query.count(")"):
        return _refused("Syntax Error GraphQL: Expected Name, found EOF", "GraphQLSyntaxError")
    if not re.search(rf"\bquery\s+{re.escape(operation)}\b", query):
        return _refused(f'Unknown operation named "{operation}".', "GraphQLError")
    if operation not in OPERATIONS:
        return _refused(f'This sandbox does not answer "{operation}".', "GraphQLError")
    return None


def _refused(message: str, code: str = "") -> Response:
    """An answer that was never executed: HTTP 400 without ``data``."""
    error = _error(message, code) if code else {"message": message}
    return reply({"errors": [error]}, 400)


def _error(message: str, code: str) -> dict[str, Any]:
    return {"message": message, "extensions": {"exception": {"code": code}}}


def _field_error(field: str, message: str, code: str, extra: bytes = b"") -> Response:
    """An executed answer whose root field failed: HTTP 200, the field null."""
    error = _error(message, code) | {"locations": [{"line": 2, "column": 3}], "path": [field]}
    body = b'{"errors":[%b],"data":{%b"%b":null},"extensions":%b}' % (
        orjson.dumps(error),
        extra,
        field.encode(),
        COST % 0,
    )
    return reply(body)
