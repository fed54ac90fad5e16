"""VERCEL: what an app of type ``vercel`` is configured with."""

import secrets
from typing import Final, Literal

from pydantic import Field, SecretStr

from schemabase_dagster.systems import AppConfig, AppCredentials, System


class VercelConfig(AppConfig):
    """Configuration of a Vercel log drain; no secret."""

    client_address: Literal["hmac", "legacy"] = Field(
        "hmac",
        description="How `client.address` hides a visitor's address: HMAC-SHA256 with the app's "
        "key; legacy = the SHA-256 of earlier documents, which can be reversed by trying",
    )


def _new_key() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(32))


class VercelCredentials(AppCredentials, hide_input_in_errors=True):
    """The key that hides visitors' addresses, by default a new one; Vercel itself has none."""

    address_key: SecretStr = Field(default_factory=_new_key, min_length=16)


VERCEL: Final = System(
    name="vercel",
    title="Vercel Log Drain",
    role="logs",
    config=VercelConfig,
    credentials=VercelCredentials,
    verification=lambda _config: {"scheme": "vercel"},
    webhook_secret="hmac",  # noqa: S106 - a kind, no secret
)
