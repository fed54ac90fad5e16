"""Verifier: what all schemes have in common; and those that look at no signature."""

import hmac
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Protocol
from uuid import UUID

from schemabase_dagster.clock import utc_now
from webhook_gateway.answers import Refusal
from webhook_gateway.endpoint_secrets import Secret, valid
from webhook_gateway.inbound import Inbound

MILLISECONDS_FROM: Final = 10**11
"""Larger timestamps are milliseconds: as seconds they would lie in the year 5138."""

RETRY_SECONDS: Final = 60

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

    def __init__(self, reason: str, status: int = 401) -> None:
        self._reason = reason
        self._status = status

    async def verify(self, _inbound: Inbound) -> UUID | None:
        """Refuse."""
        retry_after = None if self._status == HTTPStatus.UNAUTHORIZED else RETRY_SECONDS
        raise Refusal(self._status, self._reason, retry_after=retry_after)


class PathOnly:
    """Accepts everything: the unguessable path is the proof; chosen by name, with a reason."""

    secret_names: frozenset[bytes] = frozenset()

    async def verify(self, _inbound: Inbound) -> UUID | None:
        """Accept."""
        return None


class FromNetworks:
    """Another scheme, for senders within some networks only.

    The address is that of the connection, or what trusted proxies say (``--trusted-proxies``).
    """

    def __init__(self, inner: Verifier, networks: Sequence[IPv4Network | IPv6Network]) -> None:
        self.secret_names = inner.secret_names
        self.inner = inner
        self._networks = networks

    async def verify(self, inbound: Inbound) -> UUID | None:
        """Refuse other addresses and those that cannot be told, then ask the other scheme."""
        if not self._is_within(inbound.source_ip or ""):
            raise Refusal(401, "address")
        return await self.inner.verify(inbound)

    def _is_within(self, source_ip: str) -> bool:
        try:
            address = ip_address(source_ip)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


def match(
    secrets: Sequence[Secret],
    kind: str,
    offered: Sequence[bytes],
    expected: Callable[[bytes], bytes],
) -> UUID:
    """Return the id of the valid secret of which one of the offered proofs is made.

    Raises:
        Refusal: there is none.
    """
    for secret in valid(secrets, kind):
        proof = expected(secret.value)
        # All are compared, so that time does not tell which one was close.
        if any([hmac.compare_digest(proof, each) for each in offered]):  # noqa: C419
            return secret.id
    raise Refusal(401, "signature_wrong")


def check_timestamp(given: str | None, tolerance_seconds: float) -> bytes:
    """Return a timestamp as it was signed if it lies within the tolerance, either way.

    Raises:
        Refusal: it is missing, no number, or too far from now.
    """
    if given is None or not _DIGITS.fullmatch(given):
        raise Refusal(401, "timestamp_format")
    seconds = int(given) / (1000 if int(given) >= MILLISECONDS_FROM else 1)
    check_age(seconds, tolerance_seconds)
    return given.encode()


def check_instant(given: str | None, tolerance_seconds: float) -> bytes:
    """Return an ISO 8601 instant as it was signed, like ``check_timestamp``.

    Raises:
        Refusal: it is missing, no instant, or too far from now.
    """
    try:
        at = datetime.fromisoformat(given or "")
    except ValueError:
        raise Refusal(401, "timestamp_format") from None
    if given is None or at.tzinfo is None:
        raise Refusal(401, "timestamp_format")
    check_age(at.timestamp(), tolerance_seconds)
    return given.encode("latin-1")


def check_age(seconds: float, tolerance_seconds: float) -> None:
    """Refuse an epoch time that is too far from now.

    Raises:
        Refusal: it is.
    """
    if abs(utc_now().timestamp() - seconds) > tolerance_seconds:
        raise Refusal(401, "timestamp_tolerance")
