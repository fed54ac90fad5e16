"""GENERIC: what an app of type ``generic`` is configured with."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from pydantic import Field

from schemabase_dagster.systems import AppConfig, AppCredentials, System

Sender = Literal[
    "github", "odoo", "other", "shopify", "standard_webhooks", "stripe", "zoho_payments"
]

VERIFICATION: Final[Mapping[Sender, Mapping[str, str]]] = {
    "github": {"scheme": "github", "event_header": "X-GitHub-Event"},
    # An action of Odoo cannot send headers of ours.
    "odoo": {"scheme": "shared_secret", "query": "token", "sender": "odoo"},
    "other": {"scheme": "shared_secret", "header": "X-Webhook-Secret"},
    "shopify": {"scheme": "shopify", "sender": "shopify"},
    "standard_webhooks": {"scheme": "standard_webhooks", "event_pointer": "/type"},
    "stripe": {"scheme": "stripe_style", "sender": "stripe"},
    "zoho_payments": {
        "scheme": "zoho_payments",
        "event_pointer": "/event_type",
        "dedupe_pointer": "/event_id",
    },
}
"""How deliveries of a sender are verified, and by what repeats and events are known."""


class GenericConfig(AppConfig):
    """Configuration of a generic app; no secret."""

    sender: Sender = Field(
        "other", description="Who sends: decides how deliveries and repeats are recognised"
    )


class GenericCredentials(AppCredentials, hide_input_in_errors=True):
    """None: the sender is asked for nothing."""


def _verification(config: Any) -> Mapping[str, str]:
    sender: Sender = config.sender
    return VERIFICATION[sender]


GENERIC: Final = System(
    name="generic",
    title="Any other sender of webhooks",
    role="other",
    config=GenericConfig,
    credentials=GenericCredentials,
    verification=_verification,
    default_cron="57 3 * * *",
)
