"""Signing like the senders do, independently of the product's code."""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from webhook_gateway.inbound import Inbound


def inbound(
    body: bytes = b"{}",
    *,
    query: bytes = b"",
    day: str = "2026-01-02",
    day_before: str = "2026-01-01",
    **headers: Any,
) -> Inbound:
    """Return a request; underscores of header names become hyphens."""
    raw = {name.replace("_", "-").lower().encode(): v.encode() for name, v in headers.items()}
    return Inbound(raw, query, body, "127.0.0.1", day, day_before)


def hmac_hex(secret: str, text: bytes, algorithm: str = "sha256") -> str:
    """Return an HMAC in hexadecimal."""
    return hmac.new(secret.encode(), text, algorithm).hexdigest()


def braintree_form(payload: str, public_key: str, private_key: str) -> Inbound:
    """Return a notification of Braintree as its SDK signs it."""
    key = hashlib.sha1(private_key.encode()).digest()  # noqa: S324 - what it signs with
    signature = hmac.new(key, payload.encode(), "sha1").hexdigest()
    fields = {"bt_signature": f"{public_key}|{signature}", "bt_payload": payload}
    return inbound(urlencode(fields).encode(), content_type="application/x-www-form-urlencoded")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class ShopKey:
    """A shop's signing key with its public JWK (RFC 7517) and thumbprint (RFC 7638)."""

    def __init__(self, bits: int = 2048) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        numbers = self._key.public_key().public_numbers()
        public = {
            "e": _base64url(numbers.e.to_bytes(3, "big")),
            "kty": "RSA",
            "n": _base64url(numbers.n.to_bytes(bits // 8, "big")),
        }
        canonical = json.dumps(public, separators=(",", ":"), sort_keys=True).encode()
        self.kid = _base64url(hashlib.sha256(canonical).digest())
        self.jwk = {**public, "use": "sig", "alg": "RS256", "kid": self.kid}

    def sign(self, body: bytes, **changes: Any) -> str:
        """Return the detached signature of a body; ``changes`` alter the protected header."""
        header = {"alg": "RS256", "b64": False, "crit": ["b64"], "kid": self.kid, "typ": "JWT"}
        header |= changes
        text = json.dumps({k: v for k, v in header.items() if v is not None}).encode()
        protected = _base64url(text)
        signed = protected.encode() + b"." + body
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return f"{protected}..{_base64url(signature)}"
