"""BRAINTREE: what an app of type ``braintree`` is configured with."""

from datetime import date
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from resources.urls import check_base_url
from schemabase_dagster.systems import AppConfig, AppCredentials, System

TLS_PORT: Final = 443


def _check_api_url(url: str) -> str:
    checked = check_base_url(url)
    parts = urlsplit(checked)
    # The SDK speaks TLS on port 443 and clear text on every other one.
    if parts.scheme == "https" and (parts.port or TLS_PORT) != TLS_PORT:
        raise ValueError("https only works on port 443")
    if parts.path:
        raise ValueError("must not contain a path")
    return checked


class BraintreeConfig(AppConfig):
    """Configuration of a Braintree app; no secret."""

    merchant_id: str = Field(
        pattern=r"^[A-Za-z0-9_-]{1,64}$", description="Merchant ID from Account > API"
    )
    environment: Literal["production", "sandbox"] = Field(
        "production", description="Which of the two gateways of the vendor"
    )
    shop_prefix: str | None = Field(
        None,
        pattern=r"^[A-Z0-9]{1,12}$",
        description="order_prefix of the shop, where it tells the gateway its numbers without",
    )
    first_day: date = Field(
        date(2018, 1, 1), description="A full sync reads transactions from this day on"
    )
    search_limit: int = Field(
        10_000,
        ge=50,
        description="A search that finds so many ids may be cut off and is split",
    )
    window_days: int = Field(7, ge=1, le=90, description="Longest time that one search covers")
    fee_report_days: int = Field(
        400, ge=0, description="A full sync reads the fee reports of so many days; 0 = none"
    )
    calls_per_minute: int = Field(300, ge=1, description="The vendor publishes no limit")
    api_url: Annotated[str, AfterValidator(_check_api_url)] | None = Field(
        None, description="Instead of the environment's"
    )


class BraintreeCredentials(AppCredentials, hide_input_in_errors=True):
    """API keys of a user of the merchant (Braintree, control panel, API keys)."""

    public_key: SecretStr = Field(min_length=8)
    private_key: SecretStr = Field(min_length=16)


def _instance_key(config: Any) -> str:
    return f"merchant:{config.merchant_id}@{config.environment}"


BRAINTREE: Final = System(
    name="braintree",
    title="Braintree",
    role="gateway",
    config=BraintreeConfig,
    credentials=BraintreeCredentials,
    instance_key=_instance_key,
    verification=lambda _config: {"scheme": "braintree"},
    webhook_secret=None,
)
