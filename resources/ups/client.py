"""UpsClient: asks the Track API for one parcel at a time, with a token that all processes share."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from uuid_utils.compat import uuid7

from resources.api import Api, ClientOptions, open_api, read_credentials
from resources.auth import SharedToken
from resources.http import Call, CallKind, RefusedError, Reply, judge_status
from resources.limits import Limits
from resources.tracking import Patience, TrackingClient
from resources.ups.system import UPS, UpsConfig, UpsCredentials
from schemabase_dagster.clock import utc_now
from schemabase_dagster.errors import ProviderContractError
from schemabase_dagster.streams import Fetched, JsonObject, Lane
from schemabase_dagster.tenancy import App
from schemabase_dagster.tokens import Token

SYSTEM: Final = "ups"
NOT_FOUND: Final = 404
UNKNOWN_NUMBER: Final = frozenset({"TV1002"})
"""Codes of HTTP 400 that speak of one number only."""

PERSONAL: Final = frozenset({"deliveryInformation", "packageAddress"})
"""Parts of a parcel that name people; they are not kept."""

TOKEN_SECONDS: Final = 14_399.0
RENEW_SECONDS: Final = 600.0
CHECKED_NUMBER: Final = "1Z0000000000000000"
CALLER: Final = "schemabase"


def error_code(reply: Reply) -> str | None:
    """Return the first error code of an answer."""
    response = reply.payload.get("response") if isinstance(reply.payload, dict) else None
    errors: Any = response.get("errors") if isinstance(response, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    code = first.get("code") if isinstance(first, dict) else None
    return str(code)[:20] if isinstance(code, str | int) else None


def is_unknown(reply: Reply) -> bool:
    """Tell whether an answer only says that there is no such parcel."""
    if reply.status == NOT_FOUND:
        return True
    return reply.status == 400 and error_code(reply) in UNKNOWN_NUMBER  # noqa: PLR2004 - HTTP


def judge(call: Call, reply: Reply) -> None:
    """Raise what an answer means; that a number is unknown is an answer."""
    if not is_unknown(reply):
        judge_status(SYSTEM, call, reply, error_code(reply))


class UpsClient(TrackingClient):
    """Client of one UPS app, for the engine's ``Client`` protocol.

    Args:
        api: calls of the app.
        config: the app's configuration.
        credentials: OAuth client.
    """

    def __init__(self, api: Api, config: UpsConfig, credentials: UpsCredentials) -> None:
        super().__init__(api)
        self._config = config
        self._credentials = credentials
        self._judge = Patience(judge, api)
        self._auth = SharedToken(
            api.app,
            scheme="Bearer",
            refresh=self._new_token,
            min_seconds_left=RENEW_SECONDS / api.scale,
        )

    def track(self, number: str) -> Fetched:
        """Ask for one parcel.

        An unknown number comes as HTTP 200 with a warning and without a package; that may pass.

        Raises:
            QuotaExhausted: UPS refuses more calls.
            ProviderContractError: the answer holds no shipment.
        """
        read_at = utc_now()
        reply = self._get("detail", number)
        if is_unknown(reply):
            return Fetched(number, None, read_at)
        response = reply.body(SYSTEM, "track").get("trackResponse")
        shipments = response.get("shipment") if isinstance(response, dict) else None
        if not isinstance(shipments, list):
            raise ProviderContractError(SYSTEM, "track: no shipment", status=reply.status)
        package = _package(shipments)
        if package is None:
            return Fetched(number, None, read_at)
        kept = {name: value for name, value in package.items() if name not in PERSONAL}
        return Fetched(number, {"inquiryNumber": number, "package": kept}, read_at)

    def check(self) -> Mapping[str, str]:
        """Prove the credentials by asking for a number that is none."""
        self._get("check", CHECKED_NUMBER)
        return {"locale": self._config.locale, "client": "accepted"}

    def _get(self, kind: CallKind, number: str) -> Reply:
        call = Call(
            kind,
            "track",
            "GET",
            f"{self._config.root()}/api/track/v1/details/{quote(number, safe='')}",
            params={"locale": self._config.locale},
            headers={"transId": uuid7().hex, "transactionSrc": CALLER},
        )
        return self._api.call(call, self._judge, self._auth)

    def _new_token(self) -> Token:
        secrets = self._credentials
        pair = f"{secrets.client_id.get_secret_value()}:{secrets.client_secret.get_secret_value()}"
        call = Call(
            "token",
            "get an access token",
            "POST",
            f"{self._config.root()}/security/v1/oauth/token",
            form={"grant_type": "client_credentials"},
            headers={"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"},
        )
        refused: str
        try:
            body = self._api.call_openly(call, judge).body(SYSTEM, call.what)
        except RefusedError as refusal:
            refused = refusal.code
        else:
            if not isinstance(body.get("access_token"), str):
                raise ProviderContractError(SYSTEM, f"{call.what}: no access_token")
            given = str(body.get("expires_in") or "")
            seconds = float(given) if given.isdigit() else TOKEN_SECONDS
            # One that lives shorter than the margin would be renewed before every call.
            return Token(body["access_token"], max(seconds, 2 * RENEW_SECONDS) / self._api.scale)
        raise self._api.refused(refused)


@contextmanager
def open_client(app: App, options: ClientOptions, lane: Lane) -> Iterator[UpsClient]:
    """Open the client of an app and close it at the end.

    Args:
        app: an app of type ``ups``.
        options: set by the resource.
        lane: share of the account's budget.
    """
    config = UpsConfig.model_validate(app.config)
    credentials = read_credentials(app, UPS)
    limits = Limits(
        calls_per_minute=config.calls_per_minute,
        calls_per_day=config.calls_per_day,
        concurrency=1,
        burst=4.0,
        webhook_burst=0.0,
        head_burst=0.0,
        webhook_share=0.0,
        head_share=0.0,
    )
    client_id = credentials.client_id.get_secret_value()
    account = f"ups:{hashlib.sha256(client_id.encode()).hexdigest()[:16]}"
    with open_api(app, options, lane, account=account, limits=limits) as api:
        yield UpsClient(api, config, credentials)


def _package(shipments: list[Any]) -> JsonObject | None:
    """Return the parcel that was asked for: the details call shows no other one."""
    first = shipments[0] if shipments else None
    packages: Any = first.get("package") if isinstance(first, dict) else None
    package = packages[0] if isinstance(packages, list) and packages else None
    return package if isinstance(package, dict) else None
