"""Stripe: events with an id and a type in the body."""

from typing import Final

from webhook_gateway.providers.base import Provider, event_at, facts_of

PROVIDER: Final = Provider("stripe", event_at("type"), facts_of("id"), accepted_status=200)
