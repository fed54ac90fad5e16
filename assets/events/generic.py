"""raw/generic_events: what any other sender posts, as it posts it."""

import hashlib
from typing import Any

import orjson

from resources.generic import GENERIC
from schemabase_dagster.streams import JsonObject, Stream, WebhookFeed


def webhook_events(event_type: str, payload: Any) -> list[JsonObject]:
    """Return the event, named by its content: the gateway has dropped repeats before."""
    text = orjson.dumps([event_type, payload], option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(text).hexdigest()
    return [{"id": digest, "event_type": event_type or None, "payload": payload}]


GENERIC_EVENTS = Stream(
    name="generic_events",
    system=GENERIC,
    group="events",
    description=(
        "Events of senders without a module of their own, one row per different event, with the "
        "body as it came. Nothing is made of them in core. A body that is no JSON is not here; it "
        "is a dead letter."
    ),
    source=None,
    id_field="id",
    webhook=WebhookFeed("data", webhook_events),
    deletes="never",
)
