"""Shopify: topic and event id in headers.

The signature does not cover them, but they are what Shopify says repeats are known by (webhooks,
ignoring duplicates). Who replays a body under another id gets it stored again, no more: landing the
same record twice changes nothing.
"""

from typing import Final

from webhook_gateway.inbound import Inbound
from webhook_gateway.providers.base import DedupeKey, Options, Provider, body_key

EVENT_IDS: Final = (b"x-shopify-event-id", b"x-shopify-webhook-id")


def _event_type(inbound: Inbound, _options: Options) -> str | None:
    return inbound.event(b"x-shopify-topic")


def _dedupe(inbound: Inbound, options: Options) -> DedupeKey:
    for name in EVENT_IDS:
        if inbound.headers.get(name):
            return DedupeKey((name, inbound.headers[name]), daily=False)
    return body_key(inbound, options)


PROVIDER: Final = Provider("shopify", _event_type, _dedupe, accepted_status=200)
