"""The web side of Xentral: REST v1 of every merchant's instance, below the merchant's name."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.faults import Fault, find, spoil
from sandbox.state import Account, State
from sandbox.web import refusal_by_fault, reply, spoil_body
from sandbox.xentral.digest import Gate
from sandbox.xentral.listing import (
    RESOURCES,
    BadArgumentError,
    chosen,
    page_of,
    records,
    shown,
)

MESSAGES = {
    7411: "Unauthorized. You need to login.",
    7412: "Authorization failure",
    7414: "Authorization failure. API Account invalid.",
    7416: "Authorization failure. Nonce is invalid or expired.",
    7417: "Authorization failure. Nonce is expired.",
    7419: "Authorization type not allowed.",
    7421: "Api account has not needed permissions",
    7431: "Route not found",
    7452: "Resource not found",
}


class XentralApi:
    """Xentral for all merchants; the first part of the path tells whose instance it is."""

    def __init__(self, state: State) -> None:
        self._state = state

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/{merchant}/api/v1/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        name, path = request.path_params["merchant"], request.path_params["path"].strip("/")
        account = self._state.accounts.get(name)
        if account is None:
            return reply({"error": {"message": "No such instance"}}, 404)
        listed, _, record = (path, "", "") if path in RESOURCES else path.rpartition("/")
        where = "detail" if record else "list"
        with self._state.lock:
            self._state.calls.note(name, "xentral", where, listed)
            faults = self._state.faults.strike(name, "xentral", f"/{path}", where)
        if self._state.options.latency:
            await asyncio.sleep(self._state.options.latency)
        early = await refusal_by_fault(faults, {"message": "Too Many Attempts."})
        if early:
            if early.status_code == 429:
                self._state.calls.refused(name, "xentral")
            return early
        with self._state.lock:
            refused = _refusal(account.warehouse, request, listed)
            query = dict(request.query_params)
            answer = refused or _found(account, listed, record, query, faults)
        return spoil_body(answer, faults)


def _refusal(gate: Gate, request: Request, path: str) -> Response | None:
    """The answer to who may not ask, or asks for what is not there."""
    uri = request.scope["raw_path"].decode()
    if request.url.query:
        uri = f"{uri}?{request.scope['query_string'].decode()}"
    code = gate.refusal(request.headers.get("Authorization", ""), request.method, uri)
    if code is not None:
        return _error(gate, code, 401)
    if path not in RESOURCES:
        return _error(gate, 7431, 404)
    if RESOURCES[path].permission in gate.denied:
        return _error(gate, 7421, 401)
    return None


def _found(
    account: Account, path: str, record: str, query: dict[str, str], faults: Sequence[Fault]
) -> Response:
    try:
        return _answered(account, path, record, query, faults)
    except BadArgumentError as error:
        return _error(account.warehouse, 7454, 400, str(error))


def _answered(
    account: Account, path: str, record: str, query: dict[str, str], faults: Sequence[Fault]
) -> Response:
    world, gate, include = account.world, account.warehouse, query.get("include", "")
    if record:
        row = next((each for each in records(world, path) if str(each["id"]) == record), None)
        if row is None:
            return _error(gate, 7452, 404)
        (body,) = _spoilt([shown(path, row, include)], faults)
        return reply({"data": body})
    shift = find(faults, "shifted_page")
    page = page_of(chosen(world, path, query), query, shift.rows if shift else 0)
    if not page["data"] and not gate.empty_is_ok:
        return _error(gate, 7452, 404)
    page["data"] = _spoilt([shown(path, row, include) for row in page["data"]], faults)
    return reply(page)


def _spoilt(rows: list[dict[str, Any]], faults: Sequence[Fault]) -> list[dict[str, Any]]:
    if not faults:
        return rows
    return [orjson.loads(row) for row in spoil([orjson.dumps(row) for row in rows], faults, "id")]


def _error(gate: Gate, code: int, status: int, message: str = "") -> Response:
    """An error with a new challenge, which means nothing unless the status is 401."""
    href = f"https://xentral.example/api/docs.html#error-{code}"
    body = {
        "code": code,
        "http_code": status,
        "message": message or MESSAGES[code],
        "href": href,
    }
    response = reply({"error": body}, status)
    response.headers["WWW-Authenticate"] = gate.challenge()
    return response
