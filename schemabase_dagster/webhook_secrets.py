"""Secrets of webhook endpoints: make, take from a sender, list, end.

Several may be valid at once, so that a sender changes over without a lost delivery. Of a token that
is only compared the database keeps the SHA-256 (it has 256 random bits, so that no slow hash is
needed); of a key that signs, an envelope.
"""

import base64
import binascii
import hashlib
import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from uuid_utils.compat import uuid7

from schemabase_dagster import vault
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.schemes import SCHEMES, Scheme, SecretKind

ENDPOINT_CHANNEL: Final = "webhook_endpoint"
"""Postgres channel on which gateways hear of changed endpoints; the payload is the id."""

SECRET_CHARACTERS: Final = 44
"""262 bits; Zoho takes 12 to 50 letters and digits."""

STANDARD_BYTES: Final = range(24, 65)
"""Length of a Standard Webhooks secret (specification 1.0)."""

LEAST_CHARACTERS: Final = 16
"""Of a secret of which only the hash is kept: a shorter one could be found from it by trying."""

PUBLIC_KEY_BYTES: Final = 32

_SHA256_HEX: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)

_INSERT: Final = """
INSERT INTO platform.webhook_secret
    (id, endpoint_id, kind, secret_enc, key_id, secret_hash)
VALUES (%(id)s, %(endpoint_id)s, %(kind)s, %(secret_enc)s, %(key_id)s, %(secret_hash)s)
"""

_EXPIRE: Final = """
UPDATE platform.webhook_secret
SET valid_until = now() + %(grace)s
WHERE endpoint_id = %(endpoint_id)s
  AND (%(id)s::uuid IS NULL OR id = %(id)s::uuid)
  AND (valid_until IS NULL OR valid_until > now() + %(grace)s)
"""

_LIST: Final = """
SELECT id, endpoint_id, kind, valid_from, valid_until, last_used_at
FROM platform.webhook_secret
WHERE endpoint_id = %(endpoint_id)s
ORDER BY valid_from DESC, id DESC
"""


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """What is known of a secret, but for the secret."""

    id: UUID
    endpoint_id: str
    kind: SecretKind
    valid_from: datetime
    valid_until: datetime | None
    last_used_at: datetime | None


def generate(scheme_name: str) -> str:
    """Return a new random secret in the form that a scheme's senders take."""
    if scheme_name == "standard_webhooks":
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(SECRET_CHARACTERS))


def add_generated(conn: Connection[Any], endpoint_id: str, scheme_name: str) -> str | None:
    """Give an endpoint a new secret and return it; None where none is made by us."""
    if not SCHEMES[scheme_name].makes_secret:
        return None
    secret = generate(scheme_name)
    _store(conn, endpoint_id, SCHEMES[scheme_name], secret)
    return secret


def add_given(
    conn: Connection[Any],
    endpoint_id: str,
    scheme_name: str,
    secret: str,
    *,
    is_hash: bool = False,
) -> UUID:
    """Accept a secret that the sender made, beside those that are valid; return its id.

    Args:
        conn: connection.
        endpoint_id: an endpoint.
        scheme_name: its scheme.
        secret: the secret; or its hash.
        is_hash: it is the hexadecimal SHA-256 that another system kept.

    Raises:
        ConfigurationError: the scheme has no secret, or this cannot be one; the message does not
            repeat it.
    """
    scheme = SCHEMES[scheme_name]
    if scheme.secret is None:
        raise ConfigurationError(
            f"Scheme '{scheme_name}' has no secret.", "There is nothing to be entered."
        )
    complaint = _complaint(scheme_name, scheme, secret, is_hash=is_hash)
    if complaint is not None:
        raise ConfigurationError(f"This is no secret of '{scheme_name}': {complaint}.", "Copy it "
                                 "again from the sender's page.")  # fmt: skip
    return _store(conn, endpoint_id, scheme, secret, is_hash=is_hash)


def expire(
    conn: Connection[Any], endpoint_id: str, grace: timedelta, secret_id: UUID | None = None
) -> int:
    """Accept the secrets of an endpoint, or one, only for a while; return how many it changed."""
    values = {"endpoint_id": endpoint_id, "grace": grace, "id": secret_id}
    return conn.execute(_EXPIRE, values).rowcount


def list_secrets(conn: Connection[Any], endpoint_id: str) -> list[SecretInfo]:
    """List all secrets of an endpoint, the newest first."""
    with conn.cursor(row_factory=class_row(SecretInfo)) as cursor:
        return cursor.execute(_LIST, {"endpoint_id": endpoint_id}).fetchall()


def tell_gateways(conn: Connection[Any], endpoint_id: str) -> None:
    """Let gateways read an endpoint again once the transaction is committed."""
    conn.execute("SELECT pg_notify(%s, %s)", (ENDPOINT_CHANNEL, endpoint_id))


def _store(
    conn: Connection[Any], endpoint_id: str, scheme: Scheme, secret: str, *, is_hash: bool = False
) -> UUID:
    secret_id = uuid7()
    values: dict[str, Any] = {
        "id": secret_id,
        "endpoint_id": endpoint_id,
        "kind": scheme.secret,
        "secret_enc": None,
        "key_id": None,
        "secret_hash": None,
    }
    if scheme.secret == "hash":  # noqa: S105 - a kind, no secret
        known = bytes.fromhex(secret) if is_hash else hashlib.sha256(secret.encode()).digest()
        values["secret_hash"] = known
    else:
        values["secret_enc"], values["key_id"] = vault.encrypt(
            secret.encode(), vault.webhook_secret_aad(secret_id)
        )
    conn.execute(_INSERT, values)
    return secret_id


def _complaint(scheme_name: str, scheme: Scheme, secret: str, *, is_hash: bool) -> str | None:
    if not secret or secret != secret.strip():
        return "it is empty, or has blanks around it"
    if is_hash:
        if scheme.secret != "hash":  # noqa: S105 - a kind, no secret
            return "a signature cannot be computed from a hash"
        return None if _SHA256_HEX.fullmatch(secret) else "a SHA-256 has 64 hexadecimal digits"
    if scheme_name == "shared_secret_legacy_json":
        return "what the former system kept is a hash: use --hash"
    if scheme.secret == "hash" and len(secret) < LEAST_CHARACTERS:  # noqa: S105 - a kind, no secret
        return f"it has fewer than {LEAST_CHARACTERS} characters"
    return _standard_complaint(secret) if scheme_name == "standard_webhooks" else None


def _standard_complaint(secret: str) -> str | None:
    prefix, _, encoded = secret.partition("_")
    if prefix == "whsk":
        return "whsk_ is the sender's private key, which nobody may have; enter whpk_"
    try:
        length = len(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        length = 0
    if prefix == "whsec" and length in STANDARD_BYTES:
        return None
    if prefix == "whpk" and length == PUBLIC_KEY_BYTES:
        return None
    return "it must be whsec_ with 24 to 64 bytes, or whpk_ with 32, as base64"
