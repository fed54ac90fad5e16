"""Zoho's web side: accounts server and the two API roots over one shared store."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.changes import move_rows
from sandbox.faults import Fault, find, spoil
from sandbox.merchants import Merchant
from sandbox.state import Account, State
from sandbox.times import now_us
from sandbox.web import refusal_by_fault, reply, spoil_body
from sandbox.world import World
from sandbox.zoho import consent, items, settings
from sandbox.zoho.entities import ENTITIES, ITEMS, ORDERS, Entity
from sandbox.zoho.limits import TOO_FAST
from sandbox.zoho.listing import BadValueError, page_body
from sandbox.zoho.payments import account_rows

ROOTS = ("/inventory/v1", "/books/v3", "/api/v1", "/api/v3")
MOST_DETAILS = 100
UNKNOWN_PATH = "We couldnt find any resource for the given ID. Please verify the ID and try again."


class ZohoApi:
    """The Zoho side of a sandbox."""

    def __init__(self, state: State) -> None:
        self._state = state

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [Route("/oauth/v2/token", self._token, methods=["POST"])]
        routes += [
            Route(f"{root}/{{path:path}}", self._api, methods=["GET", "POST", "PUT", "DELETE"])
            for root in ROOTS
        ]
        routes += consent.routes(self._state)
        return Starlette(routes=[*routes, Route("/{path:path}", _unknown)])

    async def _token(self, request: Request) -> Response:
        body = parse_qsl((await request.body()).decode())
        form = {**request.query_params, **dict(body)}
        account = self._state.by_client(form.get("client_id", ""))
        if account is None:
            return reply({"error": "invalid_client"})
        name = account.world.merchant.name
        with self._state.lock:
            self._state.calls.note(name, "zoho", "token", "token")
            faults = self._state.faults.strike(name, "zoho", "/oauth/v2/token", "token")
        early = await refusal_by_fault(faults, {"error": "Access Denied", "status": "failure"})
        if early:
            return early
        with self._state.lock:
            status, answer = account.tokens.grant(form, str(request.base_url).rstrip("/"))
        return spoil_body(reply(answer, status), faults)

    async def _api(self, request: Request) -> Response:
        path = request.path_params["path"].strip("/")
        organization_id = request.query_params.get("organization_id", "")
        account, owner = self._state.by_organization(organization_id), self._by_token(request)
        if path == "organizations":
            account = account or owner
        if account is None or owner not in {None, account}:
            return self._foreign(request, organization_id)
        collection, _, rest = path.partition("/")
        is_detail = rest and collection in ENTITIES
        where = "detail" if is_detail or path == "itemdetails" else "list"
        name = account.world.merchant.name
        with self._state.lock:
            self._state.calls.note(name, "zoho", where, collection if where == "detail" else path)
            faults = self._state.faults.strike(name, "zoho", f"/{path}", where)
            refusal = account.limits.enter()
        try:
            response = await self._guarded(request, account, path, faults, refusal)
        finally:
            account.limits.leave()
        if response.status_code == 429:
            self._state.calls.refused(name, "zoho")
        return response

    async def _guarded(
        self,
        request: Request,
        account: Account,
        path: str,
        faults: list[Fault],
        refusal: tuple[int, str] | None,
    ) -> Response:
        if self._state.options.latency:
            await asyncio.sleep(self._state.options.latency)
        early = await refusal_by_fault(faults, _body(*TOO_FAST))
        if early:
            return early
        if refusal:
            return _error(429, *refusal)
        with self._state.lock:
            if find(faults, "expired_token"):
                account.tokens.expire_all()
            denied = account.tokens.refusal(request.headers.get("authorization", ""))
            if denied:
                return _error(401, *denied)
            if request.method != "GET":
                return _error(405, 6, "This method is not allowed here.")
            return spoil_body(self._read(request, account, path, faults), faults)

    def _read(self, request: Request, account: Account, path: str, faults: list[Fault]) -> Response:
        world = account.world
        collection, _, record_id = path.partition("/")
        entity = ENTITIES.get(collection)
        if path in _SINGLE_PAGES:
            return reply(_success(_SINGLE_PAGES[path](world.merchant)))
        if path == "itemdetails":
            return _item_details(world, request.query_params.get("item_ids", ""), faults)
        record_id, _, inside = record_id.partition("/")
        if entity is None or (inside and inside not in entity.inside):
            return _error(404, 5, UNKNOWN_PATH)
        if record_id:
            within = _inside(world, entity, record_id, inside) if inside else None
            return within or _detail(world, entity, record_id, faults)
        inline = self._state.options.inline_lines and entity is ORDERS
        if (moving := find(faults, "moving_rows")) and request.query_params.get("page") != "1":
            name = "orders" if entity is ORDERS else entity.plural
            move_rows(world, "zoho", name, moving.rows, now_us())
        try:
            return reply(
                page_body(world, entity, request.query_params, inline=inline, faults=faults)
            )
        except BadValueError as error:
            return _error(400, 2, str(error))

    def _by_token(self, request: Request) -> Account | None:
        header = request.headers.get("authorization", "")
        for account in self._state.accounts.values():
            if header.partition(" ")[2] in account.tokens.expires:
                return account
        return None

    def _foreign(self, request: Request, organization_id: str) -> Response:
        account = self._by_token(request)
        denied = (14, "Invalid value passed for authtoken")
        if account:
            denied = account.tokens.refusal(request.headers["authorization"]) or (0, "")
        if denied[0]:
            return _error(401, *denied)
        name = f"CompanyID/CompanyName:{organization_id}"
        return _error(400, 6041, f"This user is not associated with the {name}.")


def _detail(world: World, entity: Entity, record_id: str, faults: list[Fault]) -> Response:
    record = entity.table(world).by_id.get(record_id)
    if record is None:
        return _error(404, 1002, entity.missing)
    (row,) = spoil([orjson.dumps(entity.detail(world, record))], faults, entity.id_key)
    return reply(b'{"code":0,"message":"success","%b":%b}' % (entity.singular.encode(), row))


def _inside(world: World, entity: Entity, record_id: str, path: str) -> Response:
    record = entity.table(world).by_id.get(record_id)
    if record is None:
        return _error(404, 1002, entity.missing)
    return reply(_success(entity.inside[path](world, record)))


def _item_details(world: World, ids: str, faults: list[Fault]) -> Response:
    """Details of up to 100 items; unknown ids are left out."""
    wanted = [each for each in ids.split(",") if each]
    if not wanted or len(wanted) > MOST_DETAILS:
        return _error(400, 2, "Invalid value passed for item_ids")
    known = [world.erp_articles.by_id[each] for each in wanted if each in world.erp_articles.by_id]
    rows = spoil([orjson.dumps(ITEMS.detail(world, each)) for each in known], faults, "item_id")
    return reply(b'{"code":0,"message":"success","items":[%b]}' % b",".join(rows))


def _organizations(merchant: Merchant) -> dict[str, Any]:
    return {"organizations": [settings.organization(merchant)]}


def _taxes(merchant: Merchant) -> dict[str, Any]:
    context = {"page": 1, "per_page": 200, "has_more_page": False, "report_name": "Taxes"}
    return {"taxes": settings.tax_rows(merchant), "page_context": context}


def _bank_accounts(merchant: Merchant) -> dict[str, Any]:
    # No page_context (zoho.md 1.5).
    return {"bankaccounts": account_rows(merchant)}


def _warehouses(merchant: Merchant) -> dict[str, Any]:
    return {"warehouses": items.warehouse_rows(merchant)}


_SINGLE_PAGES = {
    "organizations": _organizations,
    "settings/taxes": _taxes,
    "bankaccounts": _bank_accounts,
    "settings/warehouses": _warehouses,
}


def _success(body: dict[str, Any]) -> dict[str, Any]:
    return {"code": 0, "message": "success", **body}


def _body(code: int, message: str) -> dict[str, Any]:
    return {"code": code, "message": message}


def _error(status: int, code: int, message: str) -> Response:
    return reply(_body(code, message), status)


async def _unknown(request: Request) -> Response:
    del request
    return _error(404, 5, UNKNOWN_PATH)
