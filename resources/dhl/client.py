"""DhlClient: asks Shipment Tracking Unified for one parcel at a time."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from resources.api import Api, ClientOptions, open_api, read_credentials
from resources.auth import FixedToken
from resources.dhl.system import DHL, DhlConfig
from resources.http import Call, CallKind, Reply, judge_status
from resources.limits import Limits
from resources.tracking import Patience, TrackingClient
from schemabase_dagster.clock import utc_now
from schemabase_dagster.errors import ProviderContractError
from schemabase_dagster.streams import Fetched, JsonObject, Lane
from schemabase_dagster.tenancy import App

SYSTEM: Final = "dhl"
UNKNOWN: Final = frozenset({400, 404})
"""Answers about one number only: it is malformed, or not known (yet, or any more)."""

PERSONAL: Final = frozenset({"receiver", "sender", "proofOfDelivery"})
"""Details that name people; they are not kept."""

CHECKED_NUMBER: Final = "0000000000"


def judge(call: Call, reply: Reply) -> None:
    """Raise what an answer means; that a number is unknown is an answer."""
    if reply.status not in UNKNOWN:
        judge_status(SYSTEM, call, reply)


class DhlClient(TrackingClient):
    """Client of one DHL app, for the engine's ``Client`` protocol.

    Args:
        api: calls of the app.
        config: the app's configuration.
        auth: the API key.
    """

    def __init__(self, api: Api, config: DhlConfig, auth: FixedToken) -> None:
        super().__init__(api)
        self._config = config
        self._auth = auth
        self._judge = Patience(judge, api)

    def track(self, number: str) -> Fetched:
        """Ask for one parcel.

        Raises:
            QuotaExhausted: the key's calls are used up.
            ProviderContractError: the answer holds no shipments.
        """
        read_at = utc_now()
        reply = self._get("detail", number)
        if reply.status in UNKNOWN:
            return Fetched(number, None, read_at)
        shipments = reply.body(SYSTEM, "track").get("shipments")
        if not isinstance(shipments, list):
            raise ProviderContractError(SYSTEM, "track: no list of shipments", status=reply.status)
        found = [_impersonal(each) for each in shipments if isinstance(each, dict)]
        record = {"trackingNumber": number, "shipments": found}
        return Fetched(number, record if found else None, read_at)

    def check(self) -> Mapping[str, str]:
        """Prove the key by asking for a number that is none."""
        self._get("check", CHECKED_NUMBER)
        return {"service": self._config.service or "all", "key": "accepted"}

    def _get(self, kind: CallKind, number: str) -> Reply:
        params = {"trackingNumber": number, "language": "en"}
        if self._config.service:
            params["service"] = self._config.service
        url = f"{self._config.api_root()}/shipments"
        return self._api.call(Call(kind, "track", "GET", url, params), self._judge, self._auth)


@contextmanager
def open_client(app: App, options: ClientOptions, lane: Lane) -> Iterator[DhlClient]:
    """Open the client of an app and close it at the end.

    Args:
        app: an app of type ``dhl``.
        options: set by the resource.
        lane: share of the account's budget.
    """
    config = DhlConfig.model_validate(app.config)
    credentials = read_credentials(app, DHL)
    key = credentials.api_key.get_secret_value()
    limits = Limits(
        calls_per_minute=config.calls_per_minute,
        calls_per_day=config.calls_per_day,
        concurrency=1,
        burst=1.0,
        webhook_burst=0.0,
        head_burst=0.0,
        webhook_share=0.0,
        head_share=0.0,
    )
    # The quota is the key's, whichever app uses it.
    account = f"dhl:{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    with open_api(app, options, lane, account=account, limits=limits) as api:
        yield DhlClient(api, config, FixedToken("", key, header="DHL-API-Key"))


def _impersonal(shipment: JsonObject) -> JsonObject:
    details: Any = shipment.get("details")
    if not isinstance(details, dict):
        return shipment
    kept = {name: value for name, value in details.items() if name not in PERSONAL}
    return {**shipment, "details": kept}
