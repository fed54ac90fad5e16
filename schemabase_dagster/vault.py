"""Encryption of credentials, tokens and webhook secrets with a ring of keys.

An envelope is one version byte, a nonce of 12 bytes, and AES-256-GCM ciphertext with its tag. The
additional data name the row that it belongs to, so an envelope copied to another row does not open.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.settings import get_settings

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
VERSION: Final = b"\x01"

_log = structlog.get_logger(__name__)


def app_aad(app_id: UUID | str) -> bytes:
    """Return the additional data of an app's credentials."""
    return f"app:{app_id}".encode()


def token_aad(app_id: UUID | str, kind: str) -> bytes:
    """Return the additional data of an app's token."""
    return f"app_token:{app_id}:{kind}".encode()


def webhook_secret_aad(secret_id: UUID | str) -> bytes:
    """Return the additional data of a webhook secret."""
    return f"webhook_secret:{secret_id}".encode()


def encrypt(plain: bytes, aad: bytes) -> tuple[bytes, str]:
    """Encrypt with the first key of the ring.

    Args:
        plain: the secret.
        aad: names the row that the envelope belongs to.

    Returns:
        The envelope and the id of the key.

    Raises:
        ConfigurationError: the key ring is not valid.
    """
    key_id, key = next(iter(_ring().items()))
    nonce = os.urandom(NONCE_BYTES)
    return VERSION + nonce + AESGCM(key).encrypt(nonce, plain, aad), key_id


def decrypt(envelope: bytes, key_id: str, aad: bytes) -> bytes:
    """Open an envelope.

    Raises:
        ConfigurationError: the key is not in the ring, or the envelope was not made by it for this
            row.
    """
    key = _ring().get(key_id)
    if key is None:
        raise ConfigurationError(
            f"A stored secret is encrypted with key '{key_id}', which is not in the key ring.",
            "Add that key to SCHEMABASE_KEYS again, after the first one.",
        )
    if envelope[:1] != VERSION:
        raise ConfigurationError(
            "A stored secret has an unknown format.", "Was it written by a newer version?"
        )
    nonce, sealed = envelope[1 : 1 + NONCE_BYTES], envelope[1 + NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except (InvalidTag, ValueError):  # the latter: cut off within the nonce
        raise ConfigurationError(
            f"A stored secret does not open with key '{key_id}'.",
            "Either the key has another value under the same id, or the secret was copied from "
            "another row: set it again.",
        ) from None


def generate_key() -> str:
    """Return a new key as an ``id:base64`` entry of the ring; the id tells nothing of the key."""
    return f"k{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


def key_ids() -> list[str]:
    """Return the ids of the ring, the encrypting key first."""
    return list(_ring())


@lru_cache(maxsize=1)
def _parse(text: str) -> Mapping[str, bytes]:
    """Parse a key ring; a message never repeats what it could not read."""
    ring: dict[str, bytes] = {}
    for number, entry in enumerate(filter(None, map(str.strip, text.split(","))), start=1):
        key_id, separator, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not separator or not key_id or len(key) != KEY_BYTES or key_id in ring:
            raise ConfigurationError(
                f"Entry {number} of the key ring is not a new id, a colon and "
                f"{KEY_BYTES} bytes as base64.",
                "Run 'schemabase keys generate' to make one.",
            )
        ring[key_id] = key
    if not ring:
        raise ConfigurationError(
            "The key ring is empty.", "Run 'schemabase keys generate' and set SCHEMABASE_KEYS."
        )
    return ring


def _ring() -> Mapping[str, bytes]:
    settings = get_settings()
    if settings.keys is not None:
        return _parse(settings.keys.get_secret_value())
    return _parse(_key_file(settings.state_dir / "keys"))


def _key_file(path: Path) -> str:
    """Return the ring of a machine without ``SCHEMABASE_KEYS``, made on first use."""
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"keys.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(generate_key() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # Fails when another process was faster: its key wins, ours never encrypted anything.
        os.link(draft, path)
        _log.info("key_file_made", path=str(path), hint="in production set SCHEMABASE_KEYS")
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii")
