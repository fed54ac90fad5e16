"""The web side of the carriers: DHL and UPS on one port, each below its own path."""

import asyncio
import base64
import binascii
import secrets
from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.carriers import dhl, ups
from sandbox.carriers.story import Parcel, Step, now_of, parcels_of, steps_of
from sandbox.faults import Fault, find
from sandbox.state import Account, State
from sandbox.times import now_us
from sandbox.web import refusal_by_fault, reply, spoil_body


class CarriersApi:
    """DHL and UPS for all merchants; key and token tell whose parcels are asked for."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._tokens: dict[str, tuple[str, float]] = {}

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/dhl/track/shipments", self._dhl),
                Route("/ups/security/v1/oauth/token", self._ups_token, methods=["POST"]),
                Route("/ups/api/track/v1/details/{number}", self._ups),
            ]
        )

    async def _dhl(self, request: Request) -> Response:
        key = request.headers.get("DHL-API-Key", "")
        account = self._account(lambda each: each.world.merchant.dhl_key == key)
        if account is None:
            return reply(dhl.UNAUTHORIZED, 401)
        number = request.query_params.get("trackingNumber", "")
        faults = self._met(account, "dhl", f"/{number}", "detail")
        early = await self._early(account, "dhl", faults, dhl.TOO_MANY)
        if early is not None:
            return early
        parcel, steps = self._story(account, "DHL", number)
        if parcel is None or not steps:
            return reply(dhl.NOT_FOUND, 404)
        return spoil_body(reply(dhl.answer(parcel, steps)), faults)

    async def _ups_token(self, request: Request) -> Response:
        client_id, secret = _basic(request.headers.get("Authorization", ""))
        account = self._account(lambda each: each.world.merchant.ups_client_id == client_id)
        if account is None or account.world.merchant.ups_client_secret != secret:
            return reply(ups.error("10401", "ClientId is Invalid"), 401)
        with self._state.lock:
            self._state.calls.note(account.world.merchant.name, "ups", "token", "token")
            value = secrets.token_urlsafe(48)
            until = self._state.clock.now() + ups.TOKEN_SECONDS
            self._tokens[value] = (account.world.merchant.name, until)
        return reply(ups.token(value, client_id, now_us() // 1000, ups.TOKEN_SECONDS))

    async def _ups(self, request: Request) -> Response:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        name, until = self._tokens.get(bearer, ("", 0.0))
        account = self._state.accounts.get(name)
        if account is None:
            return reply(ups.error("250002", "Invalid Authentication Information."), 401)
        number = request.path_params["number"]
        faults = self._met(account, "ups", f"/{number}", "detail")
        if find(faults, "expired_token") or self._state.clock.now() > until:
            return reply(ups.error("251004", "Bearer token is expired."), 401)
        if not request.headers.get("transId") or not request.headers.get("transactionSrc"):
            return reply(ups.error("VSS002", "Missing transId"), 400)
        if not 7 <= len(number) <= 34:
            return reply(ups.error("TV1002", "Invalid inquiry number"), 400)
        limited = ups.error("10429", "Too Many Requests")
        early = await self._early(account, "ups", faults, limited)
        if early is not None:
            return early
        parcel, steps = self._story(account, "UPS", number)
        known = parcel is not None and bool(steps)
        body = ups.answer(parcel, steps) if parcel and known else ups.not_found(number)
        return spoil_body(reply(body), faults)

    def _account(self, is_wanted: Callable[[Account], bool]) -> Account | None:
        return next((each for each in self._state.accounts.values() if is_wanted(each)), None)

    def _met(self, account: Account, system: str, path: str, where: str) -> Sequence[Fault]:
        name = account.world.merchant.name
        with self._state.lock:
            self._state.calls.note(name, system, where, path)
            return self._state.faults.strike(name, system, path, where)

    async def _early(
        self, account: Account, system: str, faults: Sequence[Fault], limited: object
    ) -> Response | None:
        if self._state.options.latency:
            await asyncio.sleep(self._state.options.latency)
        early = await refusal_by_fault(faults, limited)
        if early is not None and early.status_code == 429:
            self._state.calls.refused(account.world.merchant.name, system)
        return early

    def _story(
        self, account: Account, carrier: str, number: str
    ) -> tuple[Parcel | None, list[Step]]:
        with self._state.lock:
            parcel = parcels_of(account.world).get(number)
            if parcel is None or parcel.carrier != carrier:
                return None, []
            return parcel, steps_of(parcel, now_of(self._state))


def _basic(header: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(header.removeprefix("Basic "), validate=True).decode()
    except (binascii.Error, ValueError):
        return "", ""
    client_id, _, secret = text.partition(":")
    return client_id, secret
