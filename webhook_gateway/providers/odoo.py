"""Odoo: a server action's body names the record; with its write date it makes a fact."""

from typing import Final

from webhook_gateway.providers.base import Provider, event_at, facts_of

PROVIDER: Final = Provider(
    "odoo", event_at("_model"), facts_of("_model", "_id", "write_date"), accepted_status=200
)
