"""Standard Webhooks 1.0: ``v1`` by a shared secret, ``v1a`` by the sender's ed25519 key."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from webhook_gateway.answers import Refusal
from webhook_gateway.endpoint_secrets import Secret, valid
from webhook_gateway.inbound import Inbound
from webhook_gateway.verification.base import check_timestamp

PUBLIC_KEY: Final = b"whpk_"


class StandardWebhooks:
    """HMAC-SHA256 or ed25519 over id, timestamp and body."""

    secret_names: frozenset[bytes] = frozenset()

    def __init__(self, secrets: Sequence[Secret], tolerance_seconds: float) -> None:
        self._tolerance = tolerance_seconds
        self._secrets = secrets
        self._keys = {secret.id: _key(secret.value) for secret in secrets if secret.kind == "hmac"}

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Accept if any listed signature matches any valid secret or key."""
        message_id = inbound.headers.get(b"webhook-id")
        given = inbound.headers.get(b"webhook-signature")
        if not message_id or given is None:
            raise Refusal(401, "signature_missing")
        stamp = check_timestamp(inbound.header(b"webhook-timestamp"), self._tolerance)
        signed = b".".join((message_id, stamp, inbound.body))
        offered = [part.partition(b",") for part in given.split(b" ")]
        symmetric = [value for version, _, value in offered if version == b"v1"]
        asymmetric = [value for version, _, value in offered if version == b"v1a"]
        for secret in valid(self._secrets, "hmac"):
            key = self._keys[secret.id]
            if isinstance(key, Ed25519PublicKey):
                is_proved = any(_is_signed(key, each, signed) for each in asymmetric)
            else:
                is_proved = key is not None and _is_any(key, symmetric, signed)
            if is_proved:
                return secret.id
        raise Refusal(401, "signature_wrong")


def _is_any(key: bytes, offered: Sequence[bytes], signed: bytes) -> bool:
    expected = base64.b64encode(hmac.digest(key, signed, "sha256"))
    # All are compared, so that time does not tell which one was close.
    return any([hmac.compare_digest(expected, each) for each in offered])  # noqa: C419


def _is_signed(key: Ed25519PublicKey, offered: bytes, signed: bytes) -> bool:
    try:
        signature = base64.b64decode(offered, validate=True)
        key.verify(signature, signed)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    # The last digit of base64 has bits that mean nothing.
    return base64.b64encode(signature) == offered


def _key(secret: bytes) -> Ed25519PublicKey | bytes | None:
    """Return what a stored secret stands for; None = it is malformed and proves nothing."""
    try:
        if secret.startswith(PUBLIC_KEY):
            raw = base64.b64decode(secret.removeprefix(PUBLIC_KEY), validate=True)
            return Ed25519PublicKey.from_public_bytes(raw)
        return base64.b64decode(secret.removeprefix(b"whsec_"), validate=True) or None
    except (binascii.Error, ValueError):
        return None
