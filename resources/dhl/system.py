"""DHL: what an app of type ``dhl`` is configured with."""

from typing import Final, Literal

from pydantic import Field, SecretStr

from resources.urls import BaseUrl
from schemabase_dagster.systems import AppConfig, AppCredentials, System

HOST: Final = "https://api-eu.dhl.com/track"

Service = Literal[
    "express", "parcel-de", "ecommerce", "dgf", "parcel-uk", "post-de", "sameday", "freight",
    "parcel-nl", "parcel-pl", "dsc", "ecommerce-europe",
]  # fmt: skip


class DhlConfig(AppConfig):
    """Configuration of a DHL app; no secret."""

    service: Service | None = Field(
        "parcel-de",
        description="Division that carries the parcels: without it a number may name the parcel of "
        "another one",
    )
    calls_per_minute: int = Field(12, ge=1, description="One call every 5 seconds is allowed")
    calls_per_day: int = Field(250, ge=1, description="Of a new key; more after an upgrade")
    api_url: BaseUrl | None = Field(None, description="Instead of api-eu.dhl.com/track")

    def api_root(self) -> str:
        """Return the root of the API."""
        return self.api_url or HOST


class DhlCredentials(AppCredentials, hide_input_in_errors=True):
    """Consumer key of an app of the developer portal; its consumer secret is not used."""

    api_key: SecretStr = Field(min_length=8)


DHL: Final = System(
    name="dhl",
    title="DHL Shipment Tracking",
    role="carrier",
    config=DhlConfig,
    credentials=DhlCredentials,
    default_cron="7 * * * *",
)
