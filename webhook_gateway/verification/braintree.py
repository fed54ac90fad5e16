"""Braintree: ``bt_signature`` and ``bt_payload`` of a form, by the API keys of the app."""

import hashlib
import hmac
import re
from typing import Final
from uuid import UUID

from webhook_gateway.answers import Refusal
from webhook_gateway.inbound import Inbound

FIELDS: Final = ["bt_payload", "bt_signature"]

_CHALLENGE: Final = re.compile(r"[a-f0-9]{20,32}", re.ASCII)


class Braintree:
    """HMAC-SHA1 with the SHA-1 of the private key (Braintree SDK, webhook notification gateway)."""

    secret_names: frozenset[bytes] = frozenset()

    def __init__(self, public_key: str, private_key: str) -> None:
        self._public_key = public_key
        self._key = hashlib.sha1(private_key.encode()).digest()  # noqa: S324 - the sender's choice

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Compare the signature that stands beside our public key."""
        pairs = inbound.form_pairs() or []
        if sorted(name for name, _ in pairs) != FIELDS:
            raise Refusal(401, "signature_missing")
        fields = dict(pairs)
        listed = (part.partition("|") for part in fields["bt_signature"].split("&"))
        offered = [digest.encode() for name, _, digest in listed if name == self._public_key]
        payload = fields["bt_payload"].encode()
        # Anybody can have a challenge signed, so that none may pass for a payload.
        if _CHALLENGE.fullmatch(fields["bt_payload"]):
            raise Refusal(401, "signature_format")
        # The sender signs the payload with or without its last line break.
        expected = [self._digest(payload), self._digest(payload + b"\n")]
        same = [hmac.compare_digest(one, other) for one in expected for other in offered]
        if not any(same):
            raise Refusal(401, "signature_wrong")
        return None

    def answer(self, challenge: str) -> bytes | None:
        """Return the answer to a challenge, by which the sender checks an address."""
        if not _CHALLENGE.fullmatch(challenge):
            return None
        return self._public_key.encode() + b"|" + self._digest(challenge.encode())

    def _digest(self, text: bytes) -> bytes:
        return hmac.digest(self._key, text, "sha1").hex().encode()
