"""Tenant, App, Entitlement: what the rest of the product knows of a merchant."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Tenant:
    """A merchant: the unit of isolation and of work.

    Attributes:
        id: our id.
        slug: Dagster partition key; never changes.
        name: name for people.
        timezone: IANA zone of the nightly sync and of default crons.
        active: False = archived: no syncs, webhooks are held, data stays.
        nightly_at: local time of the nightly full sync, ``HH:MM``.
        default_currency: ISO 4217.
        default_country: ISO 3166-1 alpha-2.
        default_language: BCP 47.
    """

    id: UUID
    slug: str
    name: str
    timezone: str
    active: bool
    nightly_at: str
    default_currency: str
    default_country: str | None
    default_language: str


@dataclass(frozen=True, slots=True)
class App:
    """One connected account of an external system; without its credentials.

    Attributes:
        id: our id.
        tenant_id: its tenant.
        tenant_slug: the tenant's slug.
        type: name of the ``System`` behind it.
        key: stable name within the tenant.
        name: name for people.
        enabled: False = neither pulled nor processed.
        environment: ``production`` or ``sandbox``.
        instance_key: natural identity of the remote instance.
        config: what the system's configuration model made of it, as JSON; no secret.
        cron_schedule: when it is pulled; None = the default of its system.
        cron_timezone: zone of the cron; None = the tenant's.
        tenant_timezone: the tenant's zone.
        has_credentials: whether credentials are stored.
        credentials_failed_at: when the system last refused them; stops runs until they are set.
        credentials_error: the system's code of that refusal.
        paused_until: not pulled before.
        created_at: when it was added.
    """

    id: UUID
    tenant_id: UUID
    tenant_slug: str
    type: str
    key: str
    name: str
    enabled: bool = True
    environment: str = "production"
    instance_key: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    cron_schedule: str | None = None
    cron_timezone: str | None = None
    tenant_timezone: str = "UTC"
    has_credentials: bool = False
    credentials_failed_at: datetime | None = None
    credentials_error: str | None = None
    paused_until: datetime | None = None
    created_at: datetime | None = None

    @property
    def timezone(self) -> str:
        """Zone in which the cron is read."""
        return self.cron_timezone or self.tenant_timezone


@dataclass(frozen=True, slots=True)
class AppDraft:
    """An app that is validated and not stored yet; all values are JSON, none is secret.

    Attributes:
        type: name of the ``System`` behind it.
        key: stable name within the tenant.
        name: name for people.
        config: configuration as the system's model made it.
        exclusive: keys of the configuration whose values no other app of the tenant may have.
        instance_key: natural identity of the remote instance.
        environment: ``production`` or ``sandbox``.
        cron_schedule: when it is pulled; None = the default of its system.
        cron_timezone: zone of the cron; None = the tenant's.
    """

    type: str
    key: str
    name: str
    config: dict[str, Any]
    exclusive: tuple[str, ...] = ()
    instance_key: str | None = None
    environment: str = "production"
    cron_schedule: str | None = None
    cron_timezone: str | None = None


@dataclass(frozen=True, slots=True)
class Entitlement:
    """A feature that a tenant may use for some time.

    Attributes:
        feature: name, or ``*`` for all.
        valid_from: not before.
        valid_until: not from then on; None = not paid.
        is_valid: whether it holds now.
    """

    feature: str
    valid_from: datetime
    valid_until: datetime | None
    is_valid: bool
