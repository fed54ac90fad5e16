"""Schemes by which a sender proves a delivery. What is missing or unknown fails closed."""

import base64
import binascii
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

import jwt
from jwt.api_jws import PyJWS

from schemabase_dagster.clock import utc_now
from webhook_gateway.answers import Refusal
from webhook_gateway.endpoint_secrets import Secret, valid
from webhook_gateway.inbound import Inbound
from webhook_gateway.jwks import Jwks

TOLERANCE_SECONDS: Final = 300
MILLISECONDS_FROM: Final = 10**11
"""Larger timestamps are milliseconds: as seconds they would lie in the year 5138."""

_ALGORITHMS: Final = {"sha1", "sha256", "sha512"}
_DETACHED: Final = re.compile(r"[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]+", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,16}", re.ASCII)


class Verifier(Protocol):
    """Decides whether a request comes from the endpoint's sender."""

    secret_names: frozenset[bytes]
    """Headers and query parameters that carry a secret and are stored only as a hash."""

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Return the id of the secret that proved it, None for schemes without one.

        Raises:
            Refusal: 401 with the reason; 503 when it cannot be told now.
        """
        ...


class Refuse:
    """Refuses everything: the scheme is missing, unknown or wrongly configured."""

    secret_names: frozenset[bytes] = frozenset()

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def verify(self, _inbound: Inbound) -> UUID | None:
        """Refuse."""
        raise Refusal(401, self._reason)


class PathOnly:
    """Accepts everything: the unguessable path is the proof; chosen by name, with a reason."""

    secret_names: frozenset[bytes] = frozenset()

    async def verify(self, _inbound: Inbound) -> UUID | None:
        """Accept."""
        return None


class SharedSecret:
    """A token in a header or query parameter; we know only its SHA-256."""

    def __init__(self, name: str, *, in_query: bool, secrets: Sequence[Secret]) -> None:
        self.secret_names = frozenset({name.lower().encode()})
        self._name = name
        self._in_query = in_query
        self._secrets = secrets

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Compare the hash of the token with those of the valid secrets."""
        given = self._given(inbound)
        if not given:
            raise Refusal(401, "secret_missing")
        digest = hashlib.sha256(given).digest()
        return _first_match(self._secrets, "hash", digest, lambda value: value)

    def _given(self, inbound: Inbound) -> bytes | None:
        if not self._in_query:
            return inbound.headers.get(self._name.lower().encode())
        values = [value for name, value in inbound.pairs() if name == self._name]
        return values[0].encode() if len(values) == 1 else None


class Hmac:
    """HMAC over a template of body and timestamp, in a header.

    Args:
        options: ``header``; ``algorithm`` sha1, sha256 (default) or sha512; ``encoding`` hex
            (default) or base64; ``prefix``; ``template`` of ``{ts}`` and ``{body}``;
            ``timestamp_header``; ``tolerance_s``; ``normalise`` nfkd for the key (EasyPost).
        secrets: all secrets of the endpoint.
    """

    secret_names: frozenset[bytes] = frozenset()

    def __init__(self, options: Mapping[str, Any], secrets: Sequence[Secret]) -> None:
        self._header = str(options["header"]).lower().encode()
        self._algorithm = str(options.get("algorithm", "sha256"))
        self._is_base64 = options.get("encoding") == "base64"
        self._prefix = str(options.get("prefix", "")).encode()
        self._template = str(options.get("template", "{body}")).encode()
        self._timestamp_header = str(options.get("timestamp_header") or "").lower().encode()
        self._tolerance = float(options.get("tolerance_s", TOLERANCE_SECONDS))
        self._is_nfkd = options.get("normalise") == "nfkd"
        self._secrets = secrets
        has_timestamp = b"{ts}" in self._template
        if self._algorithm not in _ALGORITHMS or has_timestamp != bool(self._timestamp_header):
            # A timestamp outside of what is signed would protect against nothing.
            raise ValueError("options")

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Compare the signature with that of every valid secret, as text, in constant time."""
        given = inbound.headers.get(self._header)
        if given is None:
            raise Refusal(401, "signature_missing")
        if not given.startswith(self._prefix):
            raise Refusal(401, "signature_format")
        signed = inbound.body
        if self._template != b"{body}":
            timestamp = self._timestamp(inbound)
            signed = self._template.replace(b"{ts}", timestamp).replace(b"{body}", signed, 1)
        return _first_match(
            self._secrets,
            "hmac",
            given[len(self._prefix) :],
            lambda secret: self._signature(secret, signed),
        )

    def _timestamp(self, inbound: Inbound) -> bytes:
        if not self._timestamp_header:
            return b""
        return check_timestamp(inbound.header(self._timestamp_header), self._tolerance)

    def _signature(self, secret: bytes, signed: bytes) -> bytes:
        key = unicodedata.normalize("NFKD", secret.decode()).encode() if self._is_nfkd else secret
        digest = hmac.digest(key, signed, self._algorithm)
        return base64.b64encode(digest) if self._is_base64 else digest.hex().encode()


class Zoho:
    """HMAC-SHA256 over sorted query and form pairs and a JSON body (Zoho, secured webhooks)."""

    secret_names: frozenset[bytes] = frozenset()
    header: Final = b"x-zoho-webhook-signature"

    def __init__(self, secrets: Sequence[Secret]) -> None:
        self._secrets = secrets

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Compare the hexadecimal signature with that of every valid secret."""
        given = inbound.headers.get(self.header)
        if given is None:
            raise Refusal(401, "signature_missing")
        signed = zoho_signed_text(inbound)
        return _first_match(
            self._secrets,
            "hmac",
            given,
            lambda secret: hmac.digest(secret, signed, "sha256").hex().encode(),
        )


class StandardWebhooks:
    """Standard Webhooks 1.0, signatures ``v1``: HMAC-SHA256 over id, timestamp and body."""

    secret_names: frozenset[bytes] = frozenset()

    def __init__(self, secrets: Sequence[Secret], tolerance_seconds: float) -> None:
        self._secrets = secrets
        self._tolerance = tolerance_seconds

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Accept if any listed signature matches any valid secret."""
        message_id = inbound.header(b"webhook-id")
        given = inbound.headers.get(b"webhook-signature")
        if not message_id or given is None:
            raise Refusal(401, "signature_missing")
        stamp = check_timestamp(inbound.header(b"webhook-timestamp"), self._tolerance)
        signed = b".".join((message_id.encode("latin-1"), stamp, inbound.body))
        offered = [part[3:] for part in given.split(b" ") if part.startswith(b"v1,")]
        for secret in valid(self._secrets, "hmac"):
            expected = base64.b64encode(hmac.digest(_whsec(secret.value), signed, "sha256"))
            # All are compared, so that time does not tell which one was close.
            if any([hmac.compare_digest(expected, each) for each in offered]):  # noqa: C419
                return secret.id
        raise Refusal(401, "signature_wrong")


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
            return _first_match(
                self._secrets,
                "hmac",
                given.encode("latin-1"),
                lambda secret: hmac.digest(secret, inbound.body, "sha256").hex().encode(),
            )
        if not _DETACHED.fullmatch(given):
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


def build_verifier(
    verification: Mapping[str, Any], secrets: Sequence[Secret], jwks: Jwks
) -> Verifier:
    """Return the verifier that an endpoint's configuration asks for, or one that refuses all."""
    scheme = verification.get("scheme")
    build = _BUILDERS.get(scheme) if isinstance(scheme, str) else None
    if build is None:
        return Refuse("scheme_unknown")
    try:
        return build(verification, secrets, jwks)
    except (KeyError, ValueError, TypeError):
        return Refuse("scheme_misconfigured")


def check_timestamp(given: str | None, tolerance_seconds: float) -> bytes:
    """Return a timestamp as it was signed if it lies within the tolerance, either way.

    Raises:
        Refusal: it is missing, no number, or too far from now.
    """
    if given is None or not _DIGITS.fullmatch(given):
        raise Refusal(401, "timestamp_format")
    seconds = int(given) / (1000 if int(given) >= MILLISECONDS_FROM else 1)
    if abs(utc_now().timestamp() - seconds) > tolerance_seconds:
        raise Refusal(401, "timestamp_tolerance")
    return given.encode()


def zoho_signed_text(inbound: Inbound) -> bytes:
    """Return what Zoho signs: pairs sorted by name as name + value, then a body that is no form."""
    form = inbound.form_pairs()
    pairs = sorted(inbound.pairs() + (form or []), key=lambda pair: pair[0])
    text = "".join(name + value for name, value in pairs).encode()
    return text if form is not None else text + inbound.body


def _first_match(
    secrets: Sequence[Secret], kind: str, given: bytes, expected: Callable[[bytes], bytes]
) -> UUID:
    for secret in valid(secrets, kind):
        if hmac.compare_digest(expected(secret.value), given):
            return secret.id
    raise Refusal(401, "signature_wrong")


def _whsec(secret: bytes) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(b"whsec_"), validate=True)
    except binascii.Error:
        raise Refusal(401, "scheme_misconfigured") from None


def _build_shared(
    options: Mapping[str, Any], secrets: Sequence[Secret], _jwks: Jwks
) -> SharedSecret:
    if "query" in options:
        return SharedSecret(str(options["query"]), in_query=True, secrets=secrets)
    return SharedSecret(str(options["header"]), in_query=False, secrets=secrets)


def _build_path_only(
    options: Mapping[str, Any], _secrets: Sequence[Secret], _jwks: Jwks
) -> PathOnly:
    if not str(options["reason"]).strip():
        raise ValueError("reason")
    return PathOnly()


_EASYPOST: Final = {
    "header": "x-hmac-signature",
    "prefix": "hmac-sha256-hex=",
    "normalise": "nfkd",
}

_BUILDERS: Final[dict[str, Callable[[Mapping[str, Any], Sequence[Secret], Jwks], Verifier]]] = {
    "saleor_jws": lambda o, secrets, jwks: SaleorJws(str(o["jwks_url"]), jwks, secrets),
    "zoho": lambda _o, secrets, _jwks: Zoho(secrets),
    "shared_secret": _build_shared,
    "hmac": lambda o, secrets, _jwks: Hmac(o, secrets),
    "easypost": lambda _o, secrets, _jwks: Hmac(_EASYPOST, secrets),
    "standard_webhooks": lambda o, secrets, _jwks: StandardWebhooks(
        secrets, float(o.get("tolerance_s", TOLERANCE_SECONDS))
    ),
    "path_only": _build_path_only,
}
