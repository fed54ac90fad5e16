"""GatewaySettings: the gateway's part of the environment (``GATEWAY_*``)."""

from functools import cache
from typing import Annotated, Final, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

METRICS_DIR: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Set for several workers, before prometheus-client is imported, so that they share metrics."""


class GatewaySettings(BaseSettings):
    """Limits of one gateway process; the defaults suit a small production machine."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True, populate_by_name=True)

    max_in_flight: int = Field(200, ge=1, description="More requests at once are answered 503")
    max_body_bytes: int = Field(
        8 * 1024 * 1024, ge=1024, description="Upper bound of every endpoint's own limit"
    )
    read_seconds: float = Field(10, gt=0, description="Time a sender has to send its body")
    cache_seconds: float = Field(10, ge=0, description="How long an endpoint's settings are kept")
    writers: int = Field(1, ge=1, le=8, description="Connections that write batches side by side")
    statement_seconds: float = Field(3, gt=0, description="Statement time-out in the database")
    connect_seconds: float = Field(1, gt=0, description="Longest wait for a connection")
    access_log: bool = Field(True, description="One JSON line on stdout for every request")
    public_url: str | None = Field(
        None,
        validation_alias=AliasChoices("GATEWAY_PUBLIC_URL", "SCHEMABASE_GATEWAY_URL"),
        description="Public root of the gateway, written into the manifests of its apps",
    )
    shop_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        ("*",), description="Patterns of hosts whose shops may install an app, comma separated"
    )
    allow_local_shops: bool = Field(
        False, description="Shops without TLS and on private addresses may install; development"
    )
    serves: Literal["all", "webhooks", "reads"] = Field(
        "all", description="Which routes there are: those of senders, of readers, or both"
    )
    legacy_routes: bool = Field(False, description="Also take the addresses of the older gateway")
    read_connections: int = Field(4, ge=1, le=50, description="Connections of those who read")
    read_in_flight: int = Field(
        32, ge=1, description="More readings at once are answered 503; deliveries do not count"
    )
    graphiql: bool = Field(False, description="Show GraphiQL at /graphql: for development only")
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token of /metrics; without it only direct loopback clients"
    )

    @field_validator("shop_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Read a comma separated list."""
        return (
            tuple(filter(None, map(str.strip, value.split(","))))
            if isinstance(value, str)
            else value
        )

    @field_validator("metrics_token")
    @classmethod
    def _unless_empty(cls, value: SecretStr | None) -> SecretStr | None:
        """Read an empty variable as none: an empty token would open the metrics to everybody."""
        return value if value is not None and value.get_secret_value().strip() else None

    @field_validator("public_url")
    @classmethod
    def _without_slash(cls, value: str | None) -> str | None:
        """Let paths be appended."""
        return value.rstrip("/") if value else None


@cache
def gateway_settings() -> GatewaySettings:
    """Read the environment once, lazily."""
    return GatewaySettings()
