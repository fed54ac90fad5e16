"""The web side of Braintree: search in two steps, disputes, merchant accounts, the fee report."""

import base64
import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.braintree.documents import (
    REPORT_COLUMNS,
    account_element,
    account_of,
    dispute_element,
    is_reported,
    paid_out,
    report_row,
    transaction,
    transaction_element,
    transactions,
)
from sandbox.braintree.searching import UnknownCriterionError, find_disputes, find_transactions
from sandbox.braintree.wire import array, criteria, document, group, text, typed
from sandbox.faults import Fault, find
from sandbox.state import Account, State
from sandbox.store import Transaction
from sandbox.times import utc_time
from sandbox.web import refusal_by_fault, reply, spoil_body
from sandbox.world import World

XML = "application/xml; charset=utf-8"
PAGE_SIZE = 50
API_VERSION = "6"
CURRENCIES = ("JPY",)
"""Of merchant accounts beside the merchant's own."""


class BraintreeApi:
    """Braintree for all merchants; the merchant id in the path tells whose."""

    def __init__(self, state: State) -> None:
        self._state = state

    def app(self) -> Starlette:
        """The ASGI application."""
        routes = [
            Route("/graphql", self._graphql, methods=["POST"]),
            Route("/reports/{name}", self._report),
            Route("/merchants/{merchant}/{path:path}", self._answer, methods=["GET", "POST"]),
        ]
        return Starlette(routes=routes)

    async def _answer(self, request: Request) -> Response:
        account = self._account(request, request.path_params["merchant"])
        if account is None or request.headers.get("X-ApiVersion") != API_VERSION:
            return Response(status_code=401 if account is None else 426)
        path, body = request.path_params["path"].strip("/"), await request.body()
        faults = self._strike(account.world, path)
        early = await refusal_by_fault(faults, {})
        if early:
            return Response(status_code=early.status_code, headers=_retry_after(early))
        return spoil_body(self._judged(account, path, request, body, faults), faults)

    def _judged(
        self, account: Account, path: str, request: Request, body: bytes, faults: Sequence[Fault]
    ) -> Response:
        if find(faults, "wrong_root"):
            return _xml("<surprise/>", request)
        if find(faults, "refused_422"):
            return _xml(_refusal("Search criteria are invalid"), request, 422)
        try:
            with self._state.lock:
                answer = self._say(account, path, request, body)
        except (UnknownCriterionError, ET.ParseError):
            return _xml(_refusal("Search criteria are invalid"), request, 422)
        return _xml(answer, request) if answer is not None else Response(status_code=404)

    def _say(self, account: Account, path: str, request: Request, body: bytes) -> str | None:
        world, page = account.world, int(request.query_params.get("page", "1"))
        if path == "transactions/advanced_search_ids":
            found = find_transactions(world, criteria(body))[: account.gateway.most_ids]
            return group(
                "search-results",
                typed("page-size", "integer", PAGE_SIZE),
                array("ids", (text("item", each.id) for each in found)),
            )
        if path == "transactions/advanced_search":
            found = find_transactions(world, criteria(body))
            elements = [transaction_element(world, each) for each in found]
            return _collection("credit-card-transactions", elements, 1, len(elements))
        if path.startswith("transactions/"):
            one = transaction(world, path.removeprefix("transactions/"))
            return transaction_element(world, one) if one else None
        if path == "disputes/advanced_search":
            disputes = find_disputes(world, criteria(body))
            part = disputes[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
            elements = [dispute_element(world, each) for each in part]
            return _collection("disputes", elements, page, len(disputes))
        if path == "merchant_accounts":
            own = world.merchant.currency
            elements = [
                account_element(world, each, is_default=each == own) for each in (own, *CURRENCIES)
            ]
            return _collection("merchant-accounts", elements, page, len(elements))
        return None

    async def _graphql(self, request: Request) -> Response:
        """Answer the one query that is asked: where the fee report of a day is."""
        account = self._account(request)
        if account is None:
            return reply(_graphql_error("AUTHENTICATION", "Authentication credentials are invalid"))
        faults = self._strike(account.world, "graphql")
        early = await refusal_by_fault(faults, {})
        if early:
            return early
        variables = orjson.loads(await request.body()).get("variables") or {}
        name, day = str(variables.get("account")), str(variables.get("date"))
        world = account.world
        if name not in {f"{world.merchant.name}_{each.lower()}" for each in _currencies(world)}:
            return reply(_graphql_error("VALIDATION", "Invalid merchant account id"))
        with self._state.lock:
            rows = _reported(world, name, day)
        url = f"{request.base_url}reports/{name}.{day}.csv" if rows else None
        return reply({"data": {"report": {"paymentLevelFees": {"url": url}}}, "extensions": {}})

    async def _report(self, request: Request) -> Response:
        """A fee report; whoever knows its address may read it."""
        name, day, _ = request.path_params["name"].split(".")
        merchant = name.rpartition("_")[0]
        account = self._state.accounts.get(merchant)
        if account is None:
            return Response(status_code=404)
        self._state.calls.note(merchant, "braintree", "detail", "report")
        written = io.StringIO()
        rows = csv.DictWriter(written, REPORT_COLUMNS)
        rows.writeheader()
        with self._state.lock:
            world = account.world
            rows.writerows(report_row(world, each) for each in _reported(world, name, day))
        return Response(written.getvalue(), media_type="text/csv")

    def _account(self, request: Request, merchant_id: str | None = None) -> Account | None:
        """The account whose keys a request bears; None when they are not accepted."""
        scheme, _, code = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return None
        public, _, private = base64.b64decode(code).decode().partition(":")
        for account in self._state.accounts.values():
            keys = account.world.merchant.gateway
            if (keys.public_key, keys.private_key) != (public, private):
                continue
            is_own = merchant_id in {None, keys.merchant_id}
            return account if is_own and not account.gateway.is_revoked else None
        return None

    def _strike(self, world: World, path: str) -> Sequence[Fault]:
        name = world.merchant.name
        with self._state.lock:
            self._state.calls.note(name, "braintree", "list", path)
            return self._state.faults.strike(name, "braintree", f"/{path}", "list")


def _reported(world: World, account: str, day: str) -> list[Transaction]:
    """Card payments of a merchant account that were paid out on a day."""
    return [
        each
        for each in transactions(world).values()
        if is_reported(each)
        and account_of(world, each) == account
        and utc_time(paid_out(each) or 0)[:10] == day
        and (paid_out(each) or 0) <= max(world.now, each.modified)
    ]


def _currencies(world: World) -> tuple[str, ...]:
    return (world.merchant.currency, *CURRENCIES)


def _collection(name: str, elements: Sequence[str], page: int, total: int) -> str:
    head = (
        typed("current-page-number", "integer", page),
        typed("page-size", "integer", PAGE_SIZE),
        typed("total-items", "integer", total),
    )
    return f'<{name} type="collection">{"".join((*head, *elements))}</{name}>'


def _refusal(message: str) -> str:
    return group(
        "api-error-response", group("errors", array("errors", ())), text("message", message)
    )


def _graphql_error(error_class: str, message: str) -> Mapping[str, object]:
    return {"errors": [{"message": message, "extensions": {"errorClass": error_class}}]}


def _xml(body: str, request: Request, status: int = 200) -> Response:
    """An answer in XML, compressed as the SDK asks."""
    content = document(body)
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return Response(content, status, media_type=XML)
    head = {"Content-Encoding": "gzip"}
    return Response(gzip.compress(content, compresslevel=1), status, head, media_type=XML)


def _retry_after(response: Response) -> dict[str, str]:
    value = response.headers.get("Retry-After")
    return {"Retry-After": value} if value else {}
