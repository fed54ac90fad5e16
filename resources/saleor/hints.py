"""Hints: which records a Saleor webhook speaks of, in any of its three shapes (saleor-live 5.3)."""

from collections.abc import Iterable
from typing import Any

from schemabase_dagster.streams import WebhookFeed


def hinted(field: str, *, plural: str = "", kind: str = "") -> WebhookFeed:
    """Return the feed of a stream whose records are read again when an event names them.

    Args:
        field: field of an event that holds the record, such as ``order``.
        plural: field that holds several of them.
        kind: type name in bodies of webhooks without a subscription, such as ``Order``.
    """

    def extract(_event_type: str, payload: Any) -> list[str]:
        return list(dict.fromkeys(_ids(payload, (field, plural), kind)))

    return WebhookFeed("hint", extract)


def _ids(node: Any, fields: tuple[str, str], kind: str) -> Iterable[str]:
    if isinstance(node, list):
        for item in node:
            yield from _ids(item, fields, kind)
        return
    if not isinstance(node, dict):
        return
    if kind and node.get("type") == kind and isinstance(node.get("id"), str):
        yield node["id"]
    if isinstance(node.get("data"), dict):
        for event in node["data"].values():
            yield from _ids(event, fields, kind)
    one, several = (node.get(field) for field in fields)
    for record in (one, *(several if isinstance(several, list) else ())):
        if isinstance(record, dict) and isinstance(record.get("id"), str):
            yield record["id"]
