"""Schemes of one HMAC in a header: plain, EasyPost's, Stripe's and Zoho's."""

import base64
import hmac
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from webhook_gateway.answers import Refusal
from webhook_gateway.endpoint_secrets import Secret
from webhook_gateway.inbound import Inbound
from webhook_gateway.verification.base import check_instant, check_timestamp, match


class Hmac:
    """HMAC over a template of body and timestamp, in a header.

    Args:
        options: those of the scheme ``hmac`` (``schemabase_dagster.schemes``).
        secrets: all secrets of the endpoint.
        is_nfkd: the key is the secret in Unicode's form NFKD (EasyPost).
    """

    secret_names: frozenset[bytes] = frozenset()

    def __init__(
        self, options: Mapping[str, str], secrets: Sequence[Secret], *, is_nfkd: bool = False
    ) -> None:
        self._header = options["header"].lower().encode()
        self._algorithm = options.get("algorithm", "sha256")
        self._is_base64 = options.get("encoding") == "base64"
        self._prefix = options.get("prefix", "").encode()
        self._before, self._after = options.get("template", "{body}").encode().split(b"{body}")
        self._timestamp_header = options.get("timestamp_header", "").lower().encode()
        self._tolerance = float(options["tolerance_s"])
        self._is_nfkd = is_nfkd
        self._secrets = secrets

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Compare the signature with that of every valid secret, as text, in constant time."""
        given = inbound.headers.get(self._header)
        if given is None:
            raise Refusal(401, "signature_missing")
        if not given.startswith(self._prefix):
            raise Refusal(401, "signature_format")
        signed = inbound.body
        if self._before or self._after:
            stamp = self._timestamp(inbound)
            before, after = (part.replace(b"{ts}", stamp) for part in (self._before, self._after))
            signed = before + signed + after
        return match(
            self._secrets,
            "hmac",
            [given[len(self._prefix) :]],
            lambda secret: self._signature(secret, signed),
        )

    def _timestamp(self, inbound: Inbound) -> bytes:
        if not self._timestamp_header:
            return b""
        return check_timestamp(inbound.header(self._timestamp_header), self._tolerance)

    def _signature(self, secret: bytes, signed: bytes) -> bytes:
        key = nfkd(secret) if self._is_nfkd else secret
        digest = hmac.digest(key, signed, self._algorithm)
        return base64.b64encode(digest) if self._is_base64 else digest.hex().encode()


class EasyPostV2:
    """HMAC-SHA256 over time, method, path and body; known from third parties only."""

    secret_names: frozenset[bytes] = frozenset()

    def __init__(self, secrets: Sequence[Secret], tolerance_seconds: float) -> None:
        self._secrets = secrets
        self._tolerance = tolerance_seconds

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Compare the signature with that of every valid secret."""
        given = inbound.headers.get(b"x-hmac-signature-v2")
        if given is None:
            raise Refusal(401, "signature_missing")
        stamp = check_instant(inbound.header(b"x-timestamp"), self._tolerance)
        path = inbound.headers.get(b"x-path", b"")
        signed = stamp + inbound.method.encode() + path + inbound.body
        return match(
            self._secrets,
            "hmac",
            [given.removeprefix(b"hmac-sha256-hex=")],
            lambda secret: hmac.digest(nfkd(secret), signed, "sha256").hex().encode(),
        )


class StripeStyle:
    """Timestamp and hexadecimal HMAC-SHA256 over ``<timestamp>.<body>`` in one header.

    Args:
        options: those of the scheme ``stripe_style`` (``schemabase_dagster.schemes``).
        secrets: all secrets of the endpoint.
    """

    secret_names: frozenset[bytes] = frozenset()

    def __init__(self, options: Mapping[str, str], secrets: Sequence[Secret]) -> None:
        self._header = options["header"].lower().encode()
        self._timestamp = options["timestamp"].encode()
        self._signature = options["signature"].encode()
        self._tolerance = float(options["tolerance_s"])
        self._secrets = secrets

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Accept if any listed signature matches any valid secret."""
        given = inbound.headers.get(self._header)
        if given is None:
            raise Refusal(401, "signature_missing")
        pairs = [part.strip().partition(b"=") for part in given.split(b",")]
        stamps = [value for name, _, value in pairs if name == self._timestamp]
        offered = [value for name, _, value in pairs if name == self._signature]
        if len(stamps) != 1 or not offered:
            raise Refusal(401, "signature_format")
        stamp = check_timestamp(stamps[0].decode("latin-1"), self._tolerance)
        signed = stamp + b"." + inbound.body
        return match(
            self._secrets,
            "hmac",
            offered,
            lambda secret: hmac.digest(secret, signed, "sha256").hex().encode(),
        )


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
        return match(
            self._secrets,
            "hmac",
            [given],
            lambda secret: hmac.digest(secret, signed, "sha256").hex().encode(),
        )


def zoho_signed_text(inbound: Inbound) -> bytes:
    """Return what Zoho signs: pairs sorted by name as name + value, then a body that is no form."""
    form = inbound.form_pairs()
    pairs = sorted(inbound.pairs() + (form or []), key=lambda pair: pair[0])
    text = "".join(name + value for name, value in pairs).encode()
    return text if form is not None else text + inbound.body


def nfkd(secret: bytes) -> bytes:
    """Return a secret as EasyPost uses it for a key."""
    return unicodedata.normalize("NFKD", secret.decode()).encode()
