"""Installs: a shop registers an app by itself, once, with a token that an operator made for it.

Everything that the registration stores is settled and validated when the token is made: the gateway
adds only what the shop alone can tell, the id of the installation and its credentials. So a caller
chooses neither tenant nor address.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from schemabase_dagster import tenancy, webhook_secrets, webhooks
from schemabase_dagster.errors import ConfigurationError, SchemabaseError
from schemabase_dagster.tenancy import App, AppDraft, Tenant

Kind: TypeAlias = Literal["entitysync", "prepayment"]

TOKEN_LIFE: Final = timedelta(hours=1)

_MAKE: Final = """
INSERT INTO platform.install_token (tenant_id, kind, token_sha256, draft, endpoint_id, expires_at)
VALUES (%(tenant_id)s, %(kind)s, %(digest)s, %(draft)s, %(endpoint_id)s, now() + %(life)s)
ON CONFLICT (tenant_id, kind) DO UPDATE
    SET token_sha256 = excluded.token_sha256,
        draft = excluded.draft,
        endpoint_id = excluded.endpoint_id,
        created_at = now(),
        expires_at = excluded.expires_at,
        used_at = NULL
RETURNING expires_at
"""

_FIND: Final = """
SELECT t.slug AS tenant_slug, i.kind, i.draft, i.endpoint_id
FROM platform.install_token AS i
JOIN platform.tenant AS t ON t.id = i.tenant_id
WHERE i.token_sha256 = %(digest)s
  AND i.used_at IS NULL
  AND i.expires_at > now()
  AND t.active
"""

_USE: Final = """
UPDATE platform.install_token
SET used_at = now()
WHERE token_sha256 = %(digest)s
  AND used_at IS NULL
  AND expires_at > now()
RETURNING tenant_id
"""

_KNOWN_ENDPOINT: Final = """
SELECT i.endpoint_id
FROM platform.app_install AS i
JOIN platform.app AS a ON a.id = i.app_id
JOIN platform.webhook_endpoint AS e ON e.id = i.endpoint_id AND e.deleted_at IS NULL
WHERE a.tenant_id = %(tenant_id)s
  AND a.key = %(key)s
  AND i.kind = %(kind)s
"""

_INSTALL: Final = """
INSERT INTO platform.app_install (tenant_id, app_id, kind, external_id, endpoint_id)
VALUES (%(tenant_id)s, %(app_id)s, %(kind)s, %(external_id)s, %(endpoint_id)s)
ON CONFLICT (app_id, kind) DO UPDATE
    SET external_id = excluded.external_id,
        endpoint_id = excluded.endpoint_id,
        installed_at = now(),
        removed_at = NULL
"""

_REMOVE: Final = """
UPDATE platform.app_install
SET removed_at = now()
WHERE app_id = %(app_id)s
  AND kind = 'entitysync'
  AND external_id = %(external_id)s
  AND removed_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a registration will store.

    Attributes:
        app: the app; one of the same key is kept as it is and gets new credentials.
        streams: what is pulled of a new app.
        verification: of the endpoint.
        answers: what the shop's questions are answered with; None = it sends events.
        api_url: the one address that may register.
        jwks_url: where the shop publishes its keys.
    """

    app: AppDraft
    streams: tuple[str, ...]
    verification: Mapping[str, Any]
    answers: Mapping[str, Any] | None
    api_url: str
    jwks_url: str


@dataclass(frozen=True, slots=True)
class Made:
    """A new token; it is known only now."""

    token: str = field(repr=False)
    endpoint_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """A registration that may happen."""

    tenant_slug: str
    kind: Kind
    draft: Draft
    endpoint_id: str


class InstallRefused(SchemabaseError):  # noqa: N818 - an answer rather than a fault
    """The token is unknown, over or used."""


class InstallConflict(SchemabaseError):  # noqa: N818 - an answer rather than a fault
    """The shop belongs to another tenant, or its app cannot be stored as it was drafted."""


def make_token(conn: Connection[Any], tenant: Tenant, kind: Kind, draft: Draft) -> Made:
    """Make the token of a tenant and kind; an earlier one of the same is void from now on."""
    token = secrets.token_urlsafe(32)
    values = {"tenant_id": tenant.id, "key": draft.app.key, "kind": kind}
    known = conn.execute(_KNOWN_ENDPOINT, values).fetchone()
    endpoint_id = known[0] if known else webhooks.new_endpoint_id()
    values |= {
        "digest": _digest(token),
        "draft": Jsonb(asdict(draft)),
        "endpoint_id": endpoint_id,
        "life": TOKEN_LIFE,
    }
    row = conn.execute(_MAKE, values).fetchone()
    if row is None:
        raise AssertionError("an upsert returns its row")
    return Made(token, endpoint_id, row[0])


def find(conn: Connection[Any], token: str) -> Pending | None:
    """Return what a token permits, or None when it is unknown, over or used."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_FIND, {"digest": _digest(token)}).fetchone()
    return Pending(**{**row, "draft": _draft(row["draft"])}) if row else None


def complete(
    conn: Connection[Any], token: str, external_id: str, credentials: Mapping[str, Any]
) -> App:
    """Store app, credentials, endpoint and installation, and use up the token, all or nothing.

    Args:
        conn: connection.
        token: the token.
        external_id: id of the installation in the shop.
        credentials: what opens the shop; kept for an app that is pulled only.

    Raises:
        InstallRefused: the token cannot be used (any more).
        InstallConflict: the shop belongs to another app, or the app of a prepayment is missing.
    """
    with conn.transaction():
        pending = find(conn, token)
        # Of two that found it, the first to update it wins.
        if pending is None or not conn.execute(_USE, {"digest": _digest(token)}).rowcount:
            raise InstallRefused("the install token is unknown, over or used")
        tenant = tenancy.get_tenant(conn, pending.tenant_slug)
        app = _store(conn, tenant, pending)
        if pending.kind == "entitysync":
            tenancy.store_credentials(conn, app, credentials)
            tenancy.enable_app(conn, app)
        _open_endpoint(conn, app, pending)
        conn.execute(
            _INSTALL,
            {
                "tenant_id": app.tenant_id,
                "app_id": app.id,
                "kind": pending.kind,
                "external_id": external_id,
                "endpoint_id": pending.endpoint_id,
            },
        )
        return app


def remove(conn: Connection[Any], app: App, external_id: str) -> bool:
    """Disable an app whose installation is gone; False when that is not the one it stands for.

    The news of an old installation may arrive after the app was installed again.
    """
    values = {"app_id": app.id, "external_id": external_id}
    if not conn.execute(_REMOVE, values).rowcount:
        return False
    tenancy.disable_app(conn, app)
    return True


def _store(conn: Connection[Any], tenant: Tenant, pending: Pending) -> App:
    draft = pending.draft
    for app in tenancy.list_apps(conn, tenant, type=draft.app.type):
        if app.key == draft.app.key:
            return app
    if pending.kind != "entitysync":
        raise InstallConflict(f"app '{draft.app.key}' is not there any more")
    try:
        return tenancy.store_app(conn, tenant, draft.app, draft.streams)
    except ConfigurationError as error:
        raise InstallConflict(error.what) from None


def _open_endpoint(conn: Connection[Any], app: App, pending: Pending) -> None:
    """Make the endpoint under the id that the manifest told, or bring the known one up to date."""
    draft, endpoint_id = pending.draft, pending.endpoint_id
    if webhooks.change_endpoint(conn, endpoint_id, draft.verification, draft.answers):
        return
    is_asking = draft.answers is not None
    created = webhooks.create_endpoint(
        conn,
        app,
        draft.verification,
        name=pending.kind,
        endpoint_id=endpoint_id,
        provider=app.type + (webhooks.SYNC_SUFFIX if is_asking else ""),
        answers=draft.answers,
    )
    if is_asking:
        # Nobody else knows it: transaction ids are derived from it.
        secret = webhook_secrets.generate(created.scheme)
        webhook_secrets.add_given(conn, endpoint_id, created.scheme, secret)


def _draft(values: Mapping[str, Any]) -> Draft:
    app = values["app"]
    drafted = AppDraft(**{**app, "exclusive": tuple(app["exclusive"])})
    return Draft(**{**values, "app": drafted, "streams": tuple(values["streams"])})


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
