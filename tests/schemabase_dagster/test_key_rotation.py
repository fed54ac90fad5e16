"""Rotation that forgets a place makes its secrets unreadable when the old key is removed."""

import base64
from typing import Any

import pytest
from psycopg import Connection

from resources.zoho import ZOHO
from schemabase_dagster import key_rotation, tenancy, tokens, vault
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import forget_settings
from schemabase_dagster.tenancy import App
from schemabase_dagster.tokens import Token
from tests.support.rows import one

OLD = f"old:{base64.b64encode(b'o' * 32).decode()}"
NEW = f"new:{base64.b64encode(b'n' * 32).decode()}"
SECRET_ID = "00000000-0000-7000-8000-000000000009"


@pytest.fixture
def secrets(
    conn: Connection[Any], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> App:
    """One secret in each place, all encrypted with the old key."""
    monkeypatch.setenv("SCHEMABASE_KEYS", OLD)
    forget_settings()
    app: App = request.getfixturevalue("zoho_app")
    tokens.shared_token(app, refresh=lambda: Token("access-token", 3600))
    envelope, key_id = vault.encrypt(b"hmac-secret", vault.webhook_secret_aad(SECRET_ID))
    endpoint = f"wh_{'a' * 26}"
    conn.execute(
        "INSERT INTO platform.webhook_endpoint (id, tenant_id, app_id, provider, verification) "
        "VALUES (%s, %s, %s, 'zoho', '{}')",
        (endpoint, app.tenant_id, app.id),
    )
    conn.execute(
        "INSERT INTO platform.webhook_secret (id, endpoint_id, kind, secret_enc, key_id) "
        "VALUES (%s, %s, 'hmac', %s, %s)",
        (SECRET_ID, endpoint, envelope, key_id),
    )
    return app


def test_everything_is_readable_without_the_old_key(
    conn: Connection[Any], secrets: App, monkeypatch: pytest.MonkeyPatch
):
    before = tenancy.load_credentials(conn, secrets, ZOHO)
    monkeypatch.setenv("SCHEMABASE_KEYS", f"{NEW},{OLD}")
    forget_settings()

    assert key_rotation.rotate() == 3
    assert key_rotation.rotate() == 0

    monkeypatch.setenv("SCHEMABASE_KEYS", NEW)
    forget_settings()
    assert tenancy.load_credentials(conn, secrets, ZOHO) == before
    assert tokens.shared_token(secrets, refresh=_never) == "access-token"
    row = one(conn, "SELECT secret_enc, key_id FROM platform.webhook_secret")
    aad = vault.webhook_secret_aad(SECRET_ID)
    assert vault.decrypt(row["secret_enc"], row["key_id"], aad) == b"hmac-secret"
    assert key_rotation.count_by_key(conn) == {"new": 3}


def test_more_than_one_batch_is_rotated(
    conn: Connection[Any], secrets: App, monkeypatch: pytest.MonkeyPatch
):
    tokens.shared_token(secrets, "session", refresh=lambda: Token("session-token", 3600))
    monkeypatch.setattr(key_rotation, "BATCH", 1)
    monkeypatch.setenv("SCHEMABASE_KEYS", f"{NEW},{OLD}")
    forget_settings()

    assert key_rotation.rotate() == 4


def test_rotation_without_the_old_key_changes_nothing(
    conn: Connection[Any], secrets: App, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SCHEMABASE_KEYS", NEW)
    forget_settings()

    with pytest.raises(ConfigurationError, match="key 'old'"):
        key_rotation.rotate()

    assert key_rotation.count_by_key(conn) == {"old": 3}


def _never() -> Token:
    raise AssertionError("the stored token was not used")
