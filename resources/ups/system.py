"""UPS: what an app of type ``ups`` is configured with."""

from typing import Final

from pydantic import Field, SecretStr

from resources.urls import BaseUrl
from schemabase_dagster.systems import AppConfig, AppCredentials, System

HOST: Final = "https://onlinetools.ups.com"


class UpsConfig(AppConfig):
    """Configuration of a UPS app; no secret."""

    locale: str = Field("en_US", pattern=r"^[a-z]{2}_[A-Z]{2}$", description="Of the messages")
    calls_per_minute: int = Field(60, ge=1, description="UPS publishes no limit")
    calls_per_day: int = Field(10_000, ge=1, description="UPS publishes no limit")
    root_url: BaseUrl | None = Field(None, description="Instead of onlinetools.ups.com")

    def root(self) -> str:
        """Return the root of token and API addresses."""
        return self.root_url or HOST


class UpsCredentials(AppCredentials, hide_input_in_errors=True):
    """OAuth client of an app of the developer portal."""

    client_id: SecretStr = Field(min_length=8)
    client_secret: SecretStr = Field(min_length=8)


UPS: Final = System(
    name="ups",
    title="UPS Track",
    role="carrier",
    config=UpsConfig,
    credentials=UpsCredentials,
    default_cron="17 * * * *",
)
