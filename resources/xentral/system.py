"""XENTRAL: what an app of type ``xentral`` is configured with."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, SecretStr, model_validator

from resources.urls import BaseUrl
from schemabase_dagster.systems import AppConfig, AppCredentials, System

Carrier = Literal["dpd", "dhl", "ups", "hermes", "pickup", "fedex", "usps", "bulk", "unknown"]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("must be the name of a time zone such as Europe/Berlin")
    return name


class XentralConfig(AppConfig):
    """Configuration of a Xentral app; no secret."""

    url: BaseUrl = Field(description="Address of the instance, without /api")
    project_id: int | None = Field(None, ge=1, description="Only this project (Projekt-ID)")
    carriers: Mapping[str, Carrier] | None = Field(
        None, description="Versandart -> carrier, where its name does not tell"
    )
    language: str = Field(
        "de", pattern=r"^[a-z]{2}$", description="Of the carriers' tracking pages"
    )
    timezone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "Europe/Berlin", description="Zone of the instance's days"
    )
    page_size: int = Field(200, ge=1, le=1000, description="Records in a page")
    calls_per_minute: int = Field(100, ge=1, description="Limit of the cloud; 90 % are used")

    def zone(self) -> ZoneInfo:
        """Return the zone of the instance's days."""
        return ZoneInfo(self.timezone)


class XentralCredentials(AppCredentials, hide_input_in_errors=True):
    """An API account (name and password, HTTP digest), or a personal access token."""

    username: SecretStr | None = Field(None, min_length=1)
    password: SecretStr | None = Field(None, min_length=1)
    token: SecretStr | None = Field(None, min_length=8)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        given = (self.username is not None, self.password is not None, self.token is not None)
        if given not in {(True, True, False), (False, False, True)}:
            raise ValueError("give username and password, or token")
        # Xentral cuts the header at every comma.
        if self.username is not None and "," in self.username.get_secret_value():
            raise ValueError("a username with a comma cannot log in")
        return self


def _instance_key(config: Any) -> str:
    return f"{config.url.partition('://')[2]}#{config.project_id or 'all'}"


XENTRAL: Final = System(
    name="xentral",
    title="Xentral",
    role="warehouse",
    config=XentralConfig,
    credentials=XentralCredentials,
    instance_key=_instance_key,
    default_cron="*/30 * * * *",
)
