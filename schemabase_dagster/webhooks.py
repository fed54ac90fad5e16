"""Webhook endpoints: create, list, rotate, change, pause. A secret is returned once, when made."""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from schemabase_dagster import inbox, schemes, webhook_secrets
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.inbox.log_batches import LOG_SENDERS
from schemabase_dagster.schemes import SCHEMES
from schemabase_dagster.tenancy import App
from schemabase_dagster.webhook_secrets import SecretInfo, tell_gateways

GRACE: Final = timedelta(hours=24)
"""How long the old secret is accepted after a rotation."""

SYNC_SUFFIX: Final = "_sync"
"""Ends the names of senders of questions that are answered at once, to tell them from events."""

Unentitled: TypeAlias = Literal["hold", "reject"]

ID_CHARACTERS: Final = 26

_CREATE: Final = """
INSERT INTO platform.webhook_endpoint
    (id, tenant_id, app_id, provider, name, verification, answers)
VALUES (%(id)s, %(tenant_id)s, %(app_id)s, %(provider)s, %(name)s, %(verification)s, %(answers)s)
"""

_LIST: Final = """
SELECT e.id, t.slug AS tenant_slug, a.key AS app_key, e.app_id, e.tenant_id, e.provider, e.name,
       e.enabled, e.paused_at, e.paused_reason, e.unentitled, e.max_body_bytes, e.rate_per_minute,
       e.verification, e.created_at,
       (SELECT max(v.last_at)
        FROM platform.webhook_activity AS v
        WHERE v.endpoint_id = e.id) AS last_delivery_at,
       (SELECT count(*)
        FROM platform.webhook_dedupe AS d
        WHERE d.endpoint_id = e.id
          AND d.body_conflict) AS body_conflicts,
       (SELECT count(*)
        FROM platform.webhook_secret AS s
        WHERE s.endpoint_id = e.id
          AND (s.valid_until IS NULL OR s.valid_until > now())) AS valid_secrets
FROM platform.webhook_endpoint AS e
JOIN platform.app AS a ON a.id = e.app_id
JOIN platform.tenant AS t ON t.id = e.tenant_id
WHERE e.deleted_at IS NULL
  AND (%(tenant)s::text IS NULL OR t.slug = %(tenant)s)
  AND (%(id)s::text IS NULL OR e.id = %(id)s)
ORDER BY t.slug, a.key, e.created_at
"""

_CHANGE: Final = """
UPDATE platform.webhook_endpoint
SET verification = %(verification)s,
    answers = %(answers)s,
    updated_at = now()
WHERE id = %(id)s
  AND deleted_at IS NULL
"""

_VERIFY: Final = """
UPDATE platform.webhook_endpoint
SET verification = %(verification)s,
    updated_at = now()
WHERE id = %(id)s
"""

_PAUSE: Final = """
UPDATE platform.webhook_endpoint
SET paused_at = CASE WHEN %(is_paused)s THEN coalesce(paused_at, now()) END,
    paused_reason = %(reason)s,
    resumed_at = CASE WHEN %(is_paused)s THEN resumed_at ELSE now() END,
    updated_at = now()
WHERE id = %(id)s
"""

_RESTRICT: Final = """
UPDATE platform.webhook_endpoint
SET enabled = coalesce(%(enabled)s, enabled),
    unentitled = coalesce(%(unentitled)s, unentitled),
    max_body_bytes = coalesce(%(max_body_bytes)s, max_body_bytes),
    rate_per_minute = coalesce(%(rate_per_minute)s, rate_per_minute),
    updated_at = now()
WHERE id = %(id)s
"""

_HOLD: Final = """
UPDATE platform.webhook_inbox
SET next_attempt_at = 'infinity',
    last_error = 'paused'
WHERE endpoint_id = %(id)s
  AND status IN ('received', 'failed')
"""

_DELETE: Final = """
UPDATE platform.webhook_endpoint
SET deleted_at = now(),
    updated_at = now()
WHERE id = %(id)s
"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as people see it.

    Attributes:
        last_delivery_at: latest verified delivery, noted within a second or two.
        body_conflicts: known deliveries that came again with another body.
    """

    id: str
    tenant_slug: str
    app_key: str
    app_id: UUID
    tenant_id: UUID
    provider: str
    name: str | None
    enabled: bool
    paused_at: datetime | None
    paused_reason: str | None
    unentitled: str
    max_body_bytes: int | None
    rate_per_minute: int
    verification: dict[str, Any]
    created_at: datetime
    last_delivery_at: datetime | None
    body_conflicts: int
    valid_secrets: int

    @property
    def scheme(self) -> str:
        """Name of the verification scheme."""
        return str(self.verification.get("scheme", "none"))


@dataclass(frozen=True, slots=True)
class Created:
    """A new or rotated endpoint.

    Attributes:
        secret: known only now; None if we make none.
        user: name that belongs to it, where the scheme wants one.
    """

    endpoint_id: str
    provider: str
    scheme: str
    secret: str | None = field(repr=False)
    user: str | None = None


def create_endpoint(
    conn: Connection[Any],
    app: App,
    verification: Mapping[str, Any],
    *,
    name: str | None = None,
    endpoint_id: str | None = None,
    provider: str | None = None,
    answers: Mapping[str, Any] | None = None,
) -> Created:
    """Make an endpoint for an app's events, with a new secret where its scheme needs one.

    Args:
        conn: connection.
        app: the app.
        verification: scheme and options.
        name: name for people.
        endpoint_id: id that was told to the sender before; None = a new one.
        provider: sender; None = the app's type.
        answers: what questions of the sender are answered with.

    Raises:
        ConfigurationError: the scheme or an option is missing, unknown or wrong, or the scheme is
            one of another type of app.
    """
    scheme = check_verification(verification)
    app_type = SCHEMES[scheme].app_type
    if app_type not in {None, app.type}:
        raise ConfigurationError(
            f"Scheme '{scheme}' needs the credentials of an app of type '{app_type}'; "
            f"'{app.key}' is one of type '{app.type}'.",
            "Choose that app, or another scheme.",
        )
    endpoint_id = endpoint_id or new_endpoint_id()
    provider = provider or app.type
    conn.execute(
        _CREATE,
        {
            "id": endpoint_id,
            "tenant_id": app.tenant_id,
            "app_id": app.id,
            "provider": provider,
            "name": name,
            **_settings(verification, answers),
        },
    )
    secret = webhook_secrets.add_generated(conn, endpoint_id, scheme)
    return Created(endpoint_id, provider, scheme, secret, _user(verification))


def new_endpoint_id() -> str:
    """Return an id of 130 random bits."""
    letters = string.ascii_lowercase + "234567"
    return "wh_" + "".join(secrets.choice(letters) for _ in range(ID_CHARACTERS))


def change_endpoint(
    conn: Connection[Any],
    endpoint_id: str,
    verification: Mapping[str, Any],
    answers: Mapping[str, Any] | None,
) -> bool:
    """Verify and answer in another way; return False when there is no such endpoint."""
    values = {"id": endpoint_id, **_settings(verification, answers)}
    is_known = conn.execute(_CHANGE, values).rowcount > 0
    tell_gateways(conn, endpoint_id)
    return is_known


def set_options(conn: Connection[Any], endpoint_id: str, options: Mapping[str, str]) -> None:
    """Set options of an endpoint's scheme; an empty value takes one away.

    Address, scheme and secrets stay, so that the sender needs no change.

    Raises:
        ConfigurationError: there is no such endpoint, or the scheme would be wrongly set.
    """
    endpoint = get_endpoint(conn, endpoint_id)
    kept = {name: value for name, value in endpoint.verification.items() if name not in options}
    verification = kept | {name: value for name, value in options.items() if value}
    check_verification(verification)
    conn.execute(_VERIFY, {"id": endpoint_id, "verification": Jsonb(verification)})
    tell_gateways(conn, endpoint_id)


def check_verification(verification: Mapping[str, Any]) -> str:
    """Return the scheme of a verification, after a look at all its options.

    Raises:
        ConfigurationError: the gateway would refuse every delivery.
    """
    schemes.resolve(verification)
    return str(verification["scheme"])


def list_endpoints(conn: Connection[Any], tenant: str | None = None) -> list[Endpoint]:
    """List the endpoints of a tenant, or all."""
    return _select(conn, tenant=tenant, endpoint_id=None)


def get_endpoint(conn: Connection[Any], endpoint_id: str) -> Endpoint:
    """Return an endpoint.

    Raises:
        ConfigurationError: there is none with this id.
    """
    found = _select(conn, tenant=None, endpoint_id=endpoint_id)
    if not found:
        raise ConfigurationError(
            f"There is no webhook endpoint '{endpoint_id}'.",
            "Run 'schemabase webhook list' to see all.",
        )
    return found[0]


def rotate_secret(conn: Connection[Any], endpoint_id: str, grace: timedelta = GRACE) -> Created:
    """Give an endpoint a new secret; the old ones are accepted during the grace time.

    Raises:
        ConfigurationError: no such endpoint, or its scheme has no secret.
    """
    endpoint = get_endpoint(conn, endpoint_id)
    scheme = schemes.scheme_of(endpoint.verification)
    if not scheme.makes_secret:
        raise ConfigurationError(
            f"Endpoint '{endpoint_id}' is verified by '{endpoint.scheme}', which has no secret of "
            "ours.",
            "There is nothing to rotate: make another endpoint, and delete this one later."
            if scheme.secret is None
            else "Rotate it at the sender; what it shows then is entered by "
            f"'schemabase webhook add-secret {endpoint_id}'.",
        )
    webhook_secrets.expire(conn, endpoint_id, grace)
    secret = webhook_secrets.add_generated(conn, endpoint_id, endpoint.scheme)
    tell_gateways(conn, endpoint_id)
    return Created(
        endpoint_id, endpoint.provider, endpoint.scheme, secret, _user(endpoint.verification)
    )


def add_secret(
    conn: Connection[Any],
    endpoint_id: str,
    secret: str,
    *,
    is_hash: bool = False,
    grace: timedelta | None = None,
) -> UUID:
    """Accept a secret that the sender made; return its id.

    Args:
        conn: connection.
        endpoint_id: the endpoint.
        secret: the secret, or its hash.
        is_hash: it is the hexadecimal SHA-256 that another system kept.
        grace: after so long the secrets from before are not accepted any more; None = they stay.

    Raises:
        ConfigurationError: no such endpoint, its scheme has no secret, or this cannot be one.
    """
    endpoint = get_endpoint(conn, endpoint_id)
    if grace is not None:
        webhook_secrets.expire(conn, endpoint_id, grace)
    secret_id = webhook_secrets.add_given(
        conn, endpoint_id, endpoint.scheme, secret, is_hash=is_hash
    )
    tell_gateways(conn, endpoint_id)
    return secret_id


def list_secrets(conn: Connection[Any], endpoint_id: str) -> list[SecretInfo]:
    """List the secrets of an endpoint with their last use, the newest first.

    Raises:
        ConfigurationError: there is no such endpoint.
    """
    get_endpoint(conn, endpoint_id)
    return webhook_secrets.list_secrets(conn, endpoint_id)


def end_secret(conn: Connection[Any], endpoint_id: str, secret_id: UUID) -> None:
    """Accept a secret no longer.

    Raises:
        ConfigurationError: the endpoint has no such secret that is accepted.
    """
    get_endpoint(conn, endpoint_id)
    if not webhook_secrets.expire(conn, endpoint_id, timedelta(0), secret_id):
        raise ConfigurationError(
            f"Endpoint '{endpoint_id}' accepts no secret '{secret_id}'.",
            f"Run 'schemabase webhook secrets {endpoint_id}' to see all.",
        )
    tell_gateways(conn, endpoint_id)


def restrict_endpoint(
    conn: Connection[Any],
    endpoint_id: str,
    *,
    enabled: bool | None = None,
    unentitled: Unentitled | None = None,
    max_body_bytes: int | None = None,
    rate_per_minute: int | None = None,
) -> None:
    """Change what an endpoint takes; None = as it is.

    Args:
        conn: connection.
        endpoint_id: the endpoint.
        enabled: False = deliveries are refused, with 410 or 403, and not stored.
        unentitled: while the tenant is not entitled deliveries are held, or refused with 403.
        max_body_bytes: larger bodies are refused with 413.
        rate_per_minute: more deliveries are refused with 429.

    Raises:
        ConfigurationError: there is no such endpoint.
    """
    get_endpoint(conn, endpoint_id)
    values = {
        "id": endpoint_id,
        "enabled": enabled,
        "unentitled": unentitled,
        "max_body_bytes": max_body_bytes,
        "rate_per_minute": rate_per_minute,
    }
    conn.execute(_RESTRICT, values)
    tell_gateways(conn, endpoint_id)


def pause_endpoint(conn: Connection[Any], endpoint_id: str, reason: str | None = None) -> int:
    """Store deliveries without processing them; return how many waiting ones are held now.

    Args:
        conn: connection.
        endpoint_id: the endpoint.
        reason: why the circuit breaker pauses it; None = a person does.

    Raises:
        ConfigurationError: there is no such endpoint.
    """
    get_endpoint(conn, endpoint_id)
    conn.execute(_PAUSE, {"id": endpoint_id, "is_paused": True, "reason": reason})
    held = conn.execute(_HOLD, {"id": endpoint_id}).rowcount
    tell_gateways(conn, endpoint_id)
    return held


def resume_endpoint(conn: Connection[Any], endpoint_id: str) -> int:
    """Process deliveries again; return how many held ones are due now.

    Raises:
        ConfigurationError: there is no such endpoint.
    """
    endpoint = get_endpoint(conn, endpoint_id)
    conn.execute(_PAUSE, {"id": endpoint_id, "is_paused": False, "reason": None})
    released = inbox.release_held(conn, endpoint.tenant_id)
    tell_gateways(conn, endpoint_id)
    return released


def delete_endpoint(conn: Connection[Any], endpoint_id: str) -> None:
    """Answer 404 from now on; what was stored is still processed.

    Raises:
        ConfigurationError: there is no such endpoint.
    """
    get_endpoint(conn, endpoint_id)
    conn.execute(_DELETE, {"id": endpoint_id})
    tell_gateways(conn, endpoint_id)


def endpoint_url(gateway_url: str, provider: str, endpoint_id: str) -> str:
    """Return the address that a sender posts to."""
    root = f"{gateway_url.rstrip('/')}/v1"
    if provider.endswith(SYNC_SUFFIX):
        return f"{root}/sync/{provider.removesuffix(SYNC_SUFFIX)}/{endpoint_id}"
    kind = "logs" if provider in LOG_SENDERS else "webhooks"
    return f"{root}/{kind}/{provider}/{endpoint_id}"


def _settings(
    verification: Mapping[str, Any], answers: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    return {
        "verification": Jsonb(dict(verification)),
        "answers": None if answers is None else Jsonb(dict(answers)),
    }


def _user(verification: Mapping[str, Any]) -> str | None:
    return schemes.resolve(verification).options.get("user")


def _select(
    conn: Connection[Any], *, tenant: str | None, endpoint_id: str | None
) -> list[Endpoint]:
    with conn.cursor(row_factory=class_row(Endpoint)) as cursor:
        return cursor.execute(_LIST, {"tenant": tenant, "id": endpoint_id}).fetchall()
