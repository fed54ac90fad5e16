"""Keys of a shop: what it signs webhooks with and what it publishes as JWKS."""

import base64
import hashlib
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


class KeyRing:
    """One RSA key at a time; after a rotation only the new one is published."""

    def __init__(self, pem: str | None = None) -> None:
        self._key = self._load(pem) if pem else _new_key()

    @property
    def pem(self) -> str:
        """The private key, to keep it over restarts."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def rotate(self) -> str:
        """Take a new key; return its ``kid``."""
        self._key = _new_key()
        return self.kid

    @property
    def kid(self) -> str:
        """RFC 7638 thumbprint of the public key."""
        members = {k: v for k, v in self._numbers().items() if k in {"e", "kty", "n"}}
        canonical = json.dumps(members, sort_keys=True, separators=(",", ":"))
        return _b64(hashlib.sha256(canonical.encode()).digest())

    def jwks(self) -> dict[str, Any]:
        """What ``GET /.well-known/jwks.json`` answers."""
        key = {"kty": "RSA", "key_ops": ["verify"], **self._numbers()}
        return {"keys": [{**key, "use": "sig", "kid": self.kid, "alg": "RS256"}]}

    def sign(self, body: bytes) -> str:
        """Detached JWS over the raw bytes (RFC 7797), as in ``Saleor-Signature``."""
        return jwt.PyJWS().encode(
            body,
            self._key,
            algorithm="RS256",
            headers={"kid": self.kid, "crit": ["b64"]},
            is_payload_detached=True,
        )

    def _numbers(self) -> dict[str, str]:
        public = self._key.public_key().public_numbers()
        n = public.n.to_bytes((public.n.bit_length() + 7) // 8)
        return {"kty": "RSA", "n": _b64(n), "e": _b64(public.e.to_bytes(3))}

    @staticmethod
    def _load(pem: str) -> rsa.RSAPrivateKey:
        key = serialization.load_pem_private_key(pem.encode(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the state file holds a key that is not RSA")
        return key


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
