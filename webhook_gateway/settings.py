"""GatewaySettings: the gateway's part of the environment (``GATEWAY_*``)."""

from functools import cache
from typing import Final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

METRICS_DIR: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Set for several workers, before prometheus-client is imported, so that they share metrics."""


class GatewaySettings(BaseSettings):
    """Limits of one gateway process; the defaults suit a small production machine."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True)

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
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token of /metrics; without it only direct loopback clients"
    )


@cache
def gateway_settings() -> GatewaySettings:
    """Read the environment once, lazily."""
    return GatewaySettings()
