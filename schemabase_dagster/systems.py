"""System: the description of one kind of external system that a tenant can connect as an app."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

Role = Literal[
    "shop", "erp", "warehouse", "gateway", "carrier", "reviews", "bulk_orders", "logs", "other"
]

ROLE_ORDER: tuple[Role, ...] = (
    "shop",
    "bulk_orders",
    "erp",
    "warehouse",
    "gateway",
    "carrier",
    "reviews",
    "logs",
    "other",
)
"""Who owns a row that several systems know: the first of these (architecture 11.6)."""


class AppConfig(BaseModel, extra="forbid", frozen=True):
    """Base of the per-type configuration of an app; stored in plain ``platform.app.config``."""


class AppCredentials(BaseModel, extra="forbid", frozen=True):
    """Base of the per-type credentials of an app; every field is a ``SecretStr``."""


@dataclass(frozen=True, slots=True)
class System:
    """One kind of external system, registered by defining it in a module of ``resources``.

    Attributes:
        name: key used in asset names, tags and ``platform.app.type``, for instance ``zoho``.
        title: name for people, for instance ``Zoho Books and Inventory``.
        role: decides ownership and default field authority.
        config: pydantic model that validates ``platform.app.config`` before every write.
        credentials: pydantic model that validates the credentials before they are encrypted.
        instance_key: natural identity of the remote instance, from a valid configuration; it
            stops two tenants from claiming one instance.
        verification: default ``webhook_endpoint.verification`` from a valid configuration.
        webhook_secret: kind of secret that ``webhook create`` generates, or None.
        exclusive_config: configuration keys whose values must differ between all apps of a
            tenant, for instance what makes the order numbers of a shop unique.
        uninstalled: finds in (event type, payload) of a webhook the id of the installation that
            it says is gone, else None.
        default_cron: cron of new apps, evaluated in the app's or the tenant's time zone.
    """

    name: str
    title: str
    role: Role
    config: type[AppConfig]
    credentials: type[AppCredentials]
    instance_key: Callable[[Any], str | None] = field(default=lambda _config: None)
    verification: Callable[[Any], Mapping[str, Any]] = field(
        default=lambda _config: {"scheme": "shared_secret", "header": "X-Webhook-Secret"}
    )
    webhook_secret: Literal["hmac", "hash"] | None = "hash"  # noqa: S105 - a kind, no secret
    exclusive_config: tuple[str, ...] = ()
    uninstalled: Callable[[str, Any], str | None] = field(default=lambda _event, _payload: None)
    default_cron: str = "*/15 * * * *"
