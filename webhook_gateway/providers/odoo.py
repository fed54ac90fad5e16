"""Odoo: a server action's body names the record; with its write date it makes a fact."""

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
    return event_name(at(json_body(inbound), "_model"))


def _dedupe(inbound: Inbound, _options: Options) -> DedupeKey:
    body = json_body(inbound)
    return facts_key(inbound, at(body, "_model"), at(body, "_id"), at(body, "write_date"))


PROVIDER: Final = Provider("odoo", _event_type, _dedupe, accepted_status=200)
