"""Schemes that compare a secret which the sender shows; we know only its SHA-256."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

import orjson

from webhook_gateway.answers import Refusal
from webhook_gateway.endpoint_secrets import Secret
from webhook_gateway.inbound import Inbound
from webhook_gateway.verification.base import match

AUTHORIZATION: Final = b"authorization"
BASIC: Final = b"basic"


class SharedSecret:
    """A token in a header or query parameter.

    Args:
        options: ``header`` with an optional ``prefix``, or ``query``.
        secrets: all secrets of the endpoint.
        digest: makes of a token what is stored of it.
    """

    def __init__(
        self,
        options: Mapping[str, str],
        secrets: Sequence[Secret],
        digest: Callable[[bytes], bytes],
    ) -> None:
        self._query = options.get("query")
        self._header = options.get("header", "").lower().encode()
        self._prefix = options.get("prefix", "").encode()
        self.secret_names = frozenset({self._header or (self._query or "").lower().encode()})
        self._secrets = secrets
        self._digest = digest

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Compare the digest of the token with those of the valid secrets."""
        given = self._given(inbound)
        if not given or not given.startswith(self._prefix):
            raise Refusal(401, "secret_missing")
        digest = self._digest(given[len(self._prefix) :])
        return match(self._secrets, "hash", [digest], lambda value: value)

    def _given(self, inbound: Inbound) -> bytes | None:
        if self._query is None:
            return inbound.headers.get(self._header)
        values = [value for name, value in inbound.pairs() if name == self._query]
        return values[0].encode() if len(values) == 1 else None


class Basic:
    """HTTP basic authentication (RFC 7617)."""

    secret_names: frozenset[bytes] = frozenset({AUTHORIZATION})

    def __init__(self, user: str, secrets: Sequence[Secret]) -> None:
        self._user = user.encode()
        self._secrets = secrets

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Compare the user's name, and the hash of the password with those of valid secrets."""
        word, _, encoded = inbound.headers.get(AUTHORIZATION, b"").partition(b" ")
        if word.lower() != BASIC:
            raise Refusal(401, "secret_missing")
        user, _, password = decode_strictly(encoded).partition(b":")
        is_user = hmac.compare_digest(user, self._user)
        used = match(self._secrets, "hash", [raw_digest(password)], lambda value: value)
        if not is_user:
            raise Refusal(401, "signature_wrong")
        return used


def raw_digest(token: bytes) -> bytes:
    """Return the SHA-256 of a token."""
    return hashlib.sha256(token).digest()


def json_digest(token: bytes) -> bytes:
    """Return the SHA-256 of a token's JSON text, as the former system kept it.

    Raises:
        Refusal: it is no text.
    """
    try:
        return hashlib.sha256(orjson.dumps(token.decode())).digest()
    except UnicodeDecodeError:
        raise Refusal(401, "signature_wrong") from None


def decode_strictly(encoded: bytes) -> bytes:
    """Return what base64 text stands for, if no other text stands for the same.

    The last digit has bits that mean nothing: read leniently, a changed one would pass.

    Raises:
        Refusal: it is no such text.
    """
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(401, "signature_format") from None
    if base64.b64encode(decoded) != encoded:
        raise Refusal(401, "signature_format")
    return decoded
