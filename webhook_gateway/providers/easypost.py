"""EasyPost: events whose bodies change between repeats, but keep their id."""

from typing import Final

from webhook_gateway.providers.base import Provider, event_at, facts_of

PROVIDER: Final = Provider(
    "easypost",
    event_at("description"),
    facts_of("id"),
    accepted_status=200,
    max_body_bytes=2 * 1024 * 1024,
)
