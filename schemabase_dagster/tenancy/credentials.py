"""Credentials of apps: encrypted when they come in, opened only for a client."""

from collections.abc import Mapping
from typing import Any, LiteralString
from uuid import UUID

import orjson
from psycopg import Connection
from psycopg.rows import tuple_row
from pydantic import BaseModel, SecretStr

from schemabase_dagster import vault
from schemabase_dagster.errors import CredentialError
from schemabase_dagster.systems import AppCredentials, System
from schemabase_dagster.tenancy.models import validate
from schemabase_dagster.tenancy.records import App

_SET: LiteralString = """
UPDATE platform.app
SET credentials_enc = %s, credentials_key_id = %s, credentials_set_at = now(),
    credentials_failed_at = NULL, credentials_error = NULL, updated_at = now()
WHERE id = %s
"""

_LOAD: LiteralString = """
SELECT credentials_enc, credentials_key_id
FROM platform.app
WHERE id = %s AND credentials_enc IS NOT NULL
"""

# Tokens that were obtained with the old credentials may belong to another account.
_FORGET_TOKENS: LiteralString = "DELETE FROM platform.app_token WHERE app_id = %s"

_FAILED: LiteralString = """
UPDATE platform.app
SET credentials_failed_at = now(), credentials_error = %s, updated_at = now()
WHERE id = %s
"""

_WORKED: LiteralString = """
UPDATE platform.app
SET credentials_failed_at = NULL, credentials_error = NULL, updated_at = now()
WHERE id = %s AND credentials_failed_at IS NOT NULL
"""


def set_credentials(
    conn: Connection[Any], app: App, system: System, credentials: Mapping[str, Any]
) -> None:
    """Validate and encrypt credentials; runs that a refusal stopped may start again.

    Args:
        conn: connection.
        app: the app.
        system: the system behind it.
        credentials: field -> secret.

    Raises:
        ConfigurationError: a field is missing or wrong; the message holds no value.
    """
    model = validate(system.credentials, credentials, f"set of {system.title} credentials")
    store_credentials(conn, app, _open(model))


def store_credentials(conn: Connection[Any], app: App, credentials: Mapping[str, Any]) -> None:
    """Encrypt credentials that were validated already, see ``set_credentials``."""
    envelope, key_id = vault.encrypt(orjson.dumps(dict(credentials)), vault.app_aad(app.id))
    with conn.transaction():
        conn.execute(_SET, (envelope, key_id, app.id))
        conn.execute(_FORGET_TOKENS, (app.id,))


def load_credentials(conn: Connection[Any], app: App, system: System) -> Any:
    """Return an app's credentials as the system's model.

    Raises:
        CredentialError: none are set.
        ConfigurationError: they cannot be decrypted, or are not valid any more.
    """
    opened = open_credentials(conn, app.id)
    if opened is None:
        raise CredentialError(app.tenant_slug, app.key, "none are set")
    what = f"set of stored credentials of app '{app.key}' of tenant '{app.tenant_slug}'"
    return validate(system.credentials, opened, what)


def open_credentials(conn: Connection[Any], app_id: UUID) -> dict[str, Any] | None:
    """Return an app's credentials as they were stored, or None.

    For processes that do not know the systems and their models.

    Raises:
        ConfigurationError: they cannot be decrypted.
    """
    with conn.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_LOAD, (app_id,)).fetchone()
    if row is None:
        return None
    opened: dict[str, Any] = orjson.loads(
        vault.decrypt(bytes(row[0]), row[1], vault.app_aad(app_id))
    )
    return opened


def mark_credentials_failed(conn: Connection[Any], app: App, reason: str) -> None:
    """Record that the system refused the credentials: the app is left alone until they are set.

    Args:
        conn: connection.
        app: the app.
        reason: the system's error code.
    """
    conn.execute(_FAILED, (reason, app.id))


def mark_credentials_working(conn: Connection[Any], app: App) -> None:
    """Record that the system accepts the credentials."""
    conn.execute(_WORKED, (app.id,))


def _open(model: AppCredentials | BaseModel) -> dict[str, Any]:
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in model
        if value is not None
    }
