"""Saleor: events by header, no delivery id; repeats carry the same bytes."""

from typing import Final

from webhook_gateway.inbound import Inbound
from webhook_gateway.providers.base import DedupeKey, Options, Provider


def saleor_event(inbound: Inbound, _options: Options) -> str | None:
    """Return the event's name, as the signature does not cover it."""
    return inbound.event(b"saleor-event", b"x-saleor-event")


def _dedupe(inbound: Inbound, options: Options) -> DedupeKey:
    event = saleor_event(inbound, options) or ""
    return DedupeKey((event.encode(), inbound.body_sha256), daily=True)


PROVIDER: Final = Provider(
    "saleor",
    saleor_event,
    _dedupe,
    accepted_status=200,
    max_body_bytes=4 * 1024 * 1024,
    overload_status=503,
)
