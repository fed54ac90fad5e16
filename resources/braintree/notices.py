"""What a webhook of Braintree speaks of: transactions and disputes, by id."""

import base64
import binascii
from typing import Any

from schemabase_dagster.source_xml import texts


def transaction_ids(_event_type: str, payload: Any) -> list[str]:
    """Return the transactions that a notification names, in whatever it speaks of."""
    return [
        text
        for path, text in _subject(payload)
        if path.endswith(("transaction/id", "transaction-ids/item")) and text
    ]


def dispute_ids(_event_type: str, payload: Any) -> list[str]:
    """Return the dispute that a notification speaks of."""
    return [text for path, text in _subject(payload) if path == "dispute/id" and text]


def _subject(payload: Any) -> list[tuple[str, str]]:
    """Return (path, text) below the subject; nothing when the payload cannot be read."""
    encoded = payload.get("bt_payload") if isinstance(payload, dict) else None
    try:
        found = texts(base64.b64decode(str(encoded or "")))
    except (binascii.Error, ValueError):
        return []
    start = "notification/subject/"
    return [(path.removeprefix(start), text) for path, text in found if path.startswith(start)]
