"""Saleor: detached JWS over the raw body, or the deprecated plain HMAC."""

import base64
import hmac
import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import jwt
from jwt.api_jws import PyJWS

from webhook_gateway.answers import Refusal
from webhook_gateway.endpoint_secrets import Secret
from webhook_gateway.inbound import Inbound
from webhook_gateway.jwks import Jwks
from webhook_gateway.verification.base import match

_DETACHED: Final = re.compile(r"[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]+", re.ASCII)


class SaleorJws:
    """Detached JWS over the raw body, RS256 (Saleor, webhook payload signature; RFC 7797)."""

    secret_names: frozenset[bytes] = frozenset()

    def __init__(self, jwks_url: str, jwks: Jwks, secrets: Sequence[Secret]) -> None:
        self._jwks_url = jwks_url
        self._jwks = jwks
        self._secrets = secrets
        self._jws = PyJWS(algorithms=["RS256"])

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Verify with the shop's key; a plain HMAC only where a secret was stored for it."""
        given = inbound.header(b"saleor-signature") or inbound.header(b"x-saleor-signature")
        if not given:
            raise Refusal(401, "signature_missing")
        if "." not in given and self._secrets:
            return match(
                self._secrets,
                "hmac",
                [given.encode("latin-1")],
                lambda secret: hmac.digest(secret, inbound.body, "sha256").hex().encode(),
            )
        if not _DETACHED.fullmatch(given) or not _is_canonical(given.rpartition(".")[2]):
            raise Refusal(401, "signature_format")
        try:
            header = self._jws.get_unverified_header(given)
            # Unless b64 is false PyJWT verifies the empty text between the dots, not our body.
            if header.get("alg") != "RS256" or header.get("b64") is not False:
                raise Refusal(401, "algorithm")
            key = await self._jwks.key(self._jwks_url, str(header.get("kid", "")))
            self._jws.decode_complete(
                given, key, algorithms=["RS256"], detached_payload=inbound.body
            )
        except jwt.exceptions.PyJWTError:
            raise Refusal(401, "signature_wrong") from None
        return None


def _is_canonical(encoded: str) -> bool:
    """Tell whether no other text stands for the same bytes: the last digit has bits to spare."""
    try:
        decoded = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except ValueError:
        return False
    return base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() == encoded
