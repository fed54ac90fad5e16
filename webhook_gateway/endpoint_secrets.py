"""Secret: a value of an endpoint that a sender proves itself with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from schemabase_dagster.clock import utc_now


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret in the clear (``hmac``) or only its SHA-256 (``hash``)."""

    id: UUID
    kind: Literal["hmac", "hash"]
    value: bytes = field(repr=False)
    valid_from: datetime
    valid_until: datetime | None


def valid(secrets: Iterable[Secret], kind: str) -> Iterator[Secret]:
    """Yield the secrets of a kind that are accepted now; several are during a rotation."""
    now = utc_now()
    for secret in secrets:
        is_over = secret.valid_until is not None and secret.valid_until <= now
        if secret.kind == kind and secret.valid_from <= now and not is_over:
            yield secret
