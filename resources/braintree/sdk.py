"""The SDK between our own HTTP client and our own errors.

The SDK retries nothing, and takes a refused search for a time-out; here every answer is judged
before the SDK sees it (behaviour of SDK 4.48).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

import braintree
import orjson
from braintree.exceptions.braintree_error import BraintreeError

from resources.api import Api
from resources.braintree.system import BraintreeConfig, BraintreeCredentials
from resources.http import Call, CallKind, RefusedError, Reply, judge_status
from schemabase_dagster import source_json
from schemabase_dagster.clock import utc_now
from schemabase_dagster.errors import (
    ProviderContractError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)

SYSTEM: Final = "braintree"

CHECKED: Final = "merchant_accounts"


class ApiStrategy:
    """The SDK's ``http_strategy``.

    Attributes:
        made_at: the server's clock when it began its latest answer.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self.made_at: datetime = utc_now()

    def http_do(
        self, verb: Any, path: str, headers: Mapping[str, str | bytes], body: str | None
    ) -> tuple[int, str]:
        """Make a call of the SDK; return status and text.

        Raises:
            CredentialError: the keys were refused.
            ProviderError: any other failure.
        """
        what = _what(path)
        kind: CallKind = "check" if what == CHECKED else "list"
        sent = {name: _text(value) for name, value in headers.items()}
        call = Call(kind, what, verb, path, content=body or None, headers=sent, as_text=True)
        try:
            reply = self._api.call_openly(call, judge)
        except RefusedError as refusal:
            code = refusal.code
        else:
            self.made_at = reply.made_at
            return reply.status, reply.payload
        raise self._api.refused(code)

    def close(self) -> None:
        """Do nothing: the connections belong to the app's client."""


def judge(call: Call, reply: Reply) -> None:
    """Raise what an answer means; errors of GraphQL come with HTTP 200.

    Raises:
        RefusedError: the keys are unknown.
        ProviderError: any other failure.
    """
    judge_status(SYSTEM, call, reply)
    for error in _graphql_errors(reply.payload):
        extensions = error.get("extensions")
        found = extensions.get("errorClass") if isinstance(extensions, dict) else None
        code = found if isinstance(found, str) and found.isidentifier() else "unknown"
        if code == "AUTHENTICATION":
            raise RefusedError(code)
        if code == "RESOURCE_LIMIT":
            raise RateLimited(SYSTEM, call.what, code=code, retry_after=reply.retry_after)
        if code in {"INTERNAL", "SERVICE_AVAILABILITY"}:
            raise ProviderUnavailable(SYSTEM, call.what, code=code)
        raise ProviderRejected(SYSTEM, call.what, code=code)


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn what the SDK makes of an answer that it does not understand into our errors."""
    trouble: ProviderContractError | ProviderUnavailable
    try:
        yield
    except ExpatError:
        trouble = ProviderUnavailable(SYSTEM, f"{what}: answer is not XML")
    except json.JSONDecodeError:
        trouble = ProviderUnavailable(SYSTEM, f"{what}: answer is not JSON")
    except (BraintreeError, KeyError, TypeError, AttributeError, ArithmeticError):
        trouble = ProviderContractError(SYSTEM, what)
    else:
        return
    raise trouble from None


def open_gateway(
    config: BraintreeConfig, credentials: BraintreeCredentials, strategy: ApiStrategy
) -> Any:
    """Return the SDK's gateway of an app, which makes its calls by the strategy."""
    environments = {
        "production": braintree.Environment.Production,
        "sandbox": braintree.Environment.Sandbox,
    }
    environment = environments[config.environment]
    if config.api_url is not None:
        parts = urlsplit(config.api_url)
        is_ssl = parts.scheme == "https"
        host, port = str(parts.hostname), str(parts.port or (443 if is_ssl else 80))
        environment = braintree.Environment(
            "custom", host, port, config.api_url, is_ssl, None, host, port
        )
    return braintree.BraintreeGateway(
        braintree.Configuration(
            environment,
            merchant_id=config.merchant_id,
            public_key=credentials.public_key.get_secret_value(),
            private_key=credentials.private_key.get_secret_value(),
            http_strategy=lambda _config, _environment: strategy,
        )
    )


def _graphql_errors(text: str) -> list[dict[str, Any]]:
    if not text.startswith("{"):
        return []
    try:
        errors = orjson.loads(text).get("errors")
    except orjson.JSONDecodeError:
        return []
    return source_json.objects(errors)


def _what(path: str) -> str:
    """Return what an address is about: without host, merchant and query."""
    parts = urlsplit(path).path.strip("/").split("/")
    return "/".join(parts[2:] if parts[0] == "merchants" else parts)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
