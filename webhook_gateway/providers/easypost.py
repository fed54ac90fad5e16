"""EasyPost: events whose bodies change between repeats, but keep their id."""

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
    return event_name(at(json_body(inbound), "description"))


def _dedupe(inbound: Inbound, _options: Options) -> DedupeKey:
    return facts_key(inbound, at(json_body(inbound), "id"))


PROVIDER: Final = Provider(
    "easypost", _event_type, _dedupe, accepted_status=200, max_body_bytes=2 * 1024 * 1024
)
