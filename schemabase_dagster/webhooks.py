"""Webhook endpoints and their secrets: create, list, rotate, pause, resume.

A secret is returned once, when it is made. Of a token that is only compared the database keeps the
SHA-256 (it has 256 random bits, so that no slow hash is needed); of a key that signs, an envelope.
"""

import base64
import hashlib
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
from uuid_utils.compat import uuid7

from schemabase_dagster import inbox, vault
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.tenancy import App

ENDPOINT_CHANNEL: Final = "webhook_endpoint"
"""Postgres channel on which gateways hear of changed endpoints; the payload is the id."""

GRACE: Final = timedelta(hours=24)
"""How long the old secret is accepted after a rotation."""

SecretKind: TypeAlias = Literal["hmac", "hash"]

SECRET_KINDS: Final[Mapping[str, SecretKind | None]] = {
    "saleor_jws": None,
    "zoho": "hmac",
    "hmac": "hmac",
    "easypost": "hmac",
    "standard_webhooks": "hmac",
    "shared_secret": "hash",
    "path_only": None,
}
"""Verification schemes and the kind of secret each needs."""

ID_CHARACTERS: Final = 26
SECRET_CHARACTERS: Final = 44
"""262 bits; Zoho takes 12 to 50 letters and digits."""

_CREATE: Final = """
INSERT INTO platform.webhook_endpoint
    (id, tenant_id, app_id, provider, name, verification)
VALUES (%(id)s, %(tenant_id)s, %(app_id)s, %(provider)s, %(name)s, %(verification)s)
"""

_INSERT_SECRET: Final = """
INSERT INTO platform.webhook_secret
    (id, endpoint_id, kind, secret_enc, key_id, secret_hash)
VALUES (%(id)s, %(endpoint_id)s, %(kind)s, %(secret_enc)s, %(key_id)s, %(secret_hash)s)
"""  # noqa: S105 - a statement, not a secret

_EXPIRE_SECRETS: Final = """
UPDATE platform.webhook_secret
SET valid_until = now() + %(grace)s
WHERE endpoint_id = %(endpoint_id)s
  AND (valid_until IS NULL OR valid_until > now() + %(grace)s)
"""

_LIST: Final = """
SELECT e.id, t.slug AS tenant_slug, a.key AS app_key, e.app_id, e.tenant_id, e.provider, e.name,
       e.enabled, e.paused_at, e.verification, e.created_at,
       (SELECT max(last_seen_at)
        FROM platform.webhook_dedupe AS d
        WHERE d.endpoint_id = e.id) AS last_delivery_at,
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

_PAUSE: Final = """
UPDATE platform.webhook_endpoint
SET paused_at = CASE WHEN %(is_paused)s THEN coalesce(paused_at, now()) END,
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
    """An endpoint as people see it."""

    id: str
    tenant_slug: str
    app_key: str
    app_id: UUID
    tenant_id: UUID
    provider: str
    name: str | None
    enabled: bool
    paused_at: datetime | None
    verification: dict[str, Any]
    created_at: datetime
    last_delivery_at: datetime | None
    valid_secrets: int

    @property
    def scheme(self) -> str:
        """Name of the verification scheme."""
        return str(self.verification.get("scheme", "none"))


@dataclass(frozen=True, slots=True)
class Created:
    """A new or rotated endpoint; the secret is known only now, None if the scheme needs none."""

    endpoint_id: str
    provider: str
    scheme: str
    secret: str | None = field(repr=False)


def create_endpoint(
    conn: Connection[Any],
    app: App,
    verification: Mapping[str, Any],
    *,
    name: str | None = None,
) -> Created:
    """Make an endpoint for an app's events, with a new secret where its scheme needs one.

    Raises:
        ConfigurationError: the scheme is missing, unknown or lacks an option.
    """
    scheme = check_verification(verification)
    endpoint_id = "wh_" + "".join(
        secrets.choice(string.ascii_lowercase + "234567") for _ in range(ID_CHARACTERS)
    )
    conn.execute(
        _CREATE,
        {
            "id": endpoint_id,
            "tenant_id": app.tenant_id,
            "app_id": app.id,
            "provider": app.type,
            "name": name,
            "verification": Jsonb(dict(verification)),
        },
    )
    secret = _add_secret(conn, endpoint_id, scheme)
    return Created(endpoint_id, app.type, scheme, secret)


def check_verification(verification: Mapping[str, Any]) -> str:
    """Return the scheme of a verification, after a look at its required options.

    Raises:
        ConfigurationError: the gateway would refuse every delivery.
    """
    scheme = verification.get("scheme")
    if not isinstance(scheme, str) or scheme not in SECRET_KINDS:
        raise ConfigurationError(
            f"There is no verification scheme '{scheme}'.",
            f"Use one of {', '.join(sorted(SECRET_KINDS))}.",
        )
    required = {
        "saleor_jws": ("jwks_url",),
        "hmac": ("header",),
        "shared_secret": ("header", "query"),
        "path_only": ("reason",),
    }.get(scheme, ())
    if required and not any(str(verification.get(option) or "").strip() for option in required):
        raise ConfigurationError(
            f"Verification scheme '{scheme}' needs {' or '.join(required)}.",
            f"Add --option {required[0]}=...",
        )
    return scheme


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
    if SECRET_KINDS.get(endpoint.scheme) is None:
        raise ConfigurationError(
            f"Endpoint '{endpoint_id}' is verified by '{endpoint.scheme}', which has no secret.",
            "Keys of such senders are rotated at the sender.",
        )
    conn.execute(_EXPIRE_SECRETS, {"endpoint_id": endpoint_id, "grace": grace})
    secret = _add_secret(conn, endpoint_id, endpoint.scheme)
    _tell_gateways(conn, endpoint_id)
    return Created(endpoint_id, endpoint.provider, endpoint.scheme, secret)


def pause_endpoint(conn: Connection[Any], endpoint_id: str) -> int:
    """Store deliveries without processing them; return how many waiting ones are held now.

    Raises:
        ConfigurationError: there is no such endpoint.
    """
    get_endpoint(conn, endpoint_id)
    conn.execute(_PAUSE, {"id": endpoint_id, "is_paused": True})
    held = conn.execute(_HOLD, {"id": endpoint_id}).rowcount
    _tell_gateways(conn, endpoint_id)
    return held


def resume_endpoint(conn: Connection[Any], endpoint_id: str) -> int:
    """Process deliveries again; return how many held ones are due now.

    Raises:
        ConfigurationError: there is no such endpoint.
    """
    endpoint = get_endpoint(conn, endpoint_id)
    conn.execute(_PAUSE, {"id": endpoint_id, "is_paused": False})
    released = inbox.release_held(conn, endpoint.tenant_id)
    _tell_gateways(conn, endpoint_id)
    return released


def delete_endpoint(conn: Connection[Any], endpoint_id: str) -> None:
    """Answer 404 from now on; what was stored is still processed.

    Raises:
        ConfigurationError: there is no such endpoint.
    """
    get_endpoint(conn, endpoint_id)
    conn.execute(_DELETE, {"id": endpoint_id})
    _tell_gateways(conn, endpoint_id)


def endpoint_url(gateway_url: str, provider: str, endpoint_id: str) -> str:
    """Return the address that a sender posts to."""
    return f"{gateway_url.rstrip('/')}/v1/webhooks/{provider}/{endpoint_id}"


def make_secret(scheme: str) -> str:
    """Return a new random secret in the form that a scheme's senders take."""
    if scheme == "standard_webhooks":
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(SECRET_CHARACTERS))


def _add_secret(conn: Connection[Any], endpoint_id: str, scheme: str) -> str | None:
    kind = SECRET_KINDS[scheme]
    if kind is None:
        return None
    secret = make_secret(scheme)
    secret_id = uuid7()
    values: dict[str, Any] = {
        "id": secret_id,
        "endpoint_id": endpoint_id,
        "kind": kind,
        "secret_enc": None,
        "key_id": None,
        "secret_hash": None,
    }
    if kind == "hash":
        values["secret_hash"] = hashlib.sha256(secret.encode()).digest()
    else:
        values["secret_enc"], values["key_id"] = vault.encrypt(
            secret.encode(), vault.webhook_secret_aad(secret_id)
        )
    conn.execute(_INSERT_SECRET, values)
    return secret


def _select(
    conn: Connection[Any], *, tenant: str | None, endpoint_id: str | None
) -> list[Endpoint]:
    with conn.cursor(row_factory=class_row(Endpoint)) as cursor:
        return cursor.execute(_LIST, {"tenant": tenant, "id": endpoint_id}).fetchall()


def _tell_gateways(conn: Connection[Any], endpoint_id: str) -> None:
    conn.execute("SELECT pg_notify(%s, %s)", (ENDPOINT_CHANNEL, endpoint_id))
