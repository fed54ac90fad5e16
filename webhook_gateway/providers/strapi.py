"""Strapi: no delivery id; entry, event and modified time make a fact."""

from typing import Final

from webhook_gateway.inbound import Inbound, event_name
from webhook_gateway.providers.base import (
    DedupeKey,
    Options,
    Provider,
    at,
    facts_key,
    json_body,
)


def _event_type(inbound: Inbound, _options: Options) -> str | None:
    named = inbound.event(b"x-strapi-event")
    return named or event_name(at(json_body(inbound), "event"))


def _dedupe(inbound: Inbound, _options: Options) -> DedupeKey:
    body = json_body(inbound)
    entry = at(body, "entry")
    # Version 3 writes updated_at, versions 4 and 5 updatedAt.
    modified = at(entry, "updatedAt") or at(entry, "updated_at")
    return facts_key(inbound, at(body, "event"), at(body, "model"), at(entry, "id"), modified)


PROVIDER: Final = Provider("strapi", _event_type, _dedupe, accepted_status=200)
