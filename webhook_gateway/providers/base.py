"""Provider: one kind of sender, and the generic one; how a dedupe key is made."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from webhook_gateway.inbound import Inbound

Options: TypeAlias = Mapping[str, Any]


class DedupeKey(NamedTuple):
    """What makes two deliveries one.

    Attributes:
        parts: texts and digests that identify the fact.
        daily: the key is made of content, which may rightly occur again: equal deliveries count
            as one when the first was seen today or yesterday (UTC), and as a new fact later.
    """

    parts: tuple[bytes, ...]
    daily: bool


@dataclass(frozen=True, slots=True)
class Provider:
    """One kind of sender.

    Attributes:
        name: the app's type, part of the URL.
        event_type: finds the event's name in the headers, from (request, verification options).
        dedupe: finds the dedupe key, from the same.
        accepted_status: status of the answer to a new delivery.
        method: HTTP method of its requests.
        body: makes a form body of a request that has all in its query.
        acknowledge: body and content type of the answer that the sender expects to every
            delivery, new or not; None = our JSON.
    """

    name: str
    event_type: Callable[[Inbound, Options], str | None]
    dedupe: Callable[[Inbound, Options], DedupeKey]
    accepted_status: int = 202
    method: str = "POST"
    body: Callable[[Inbound], bytes] | None = None
    acknowledge: Callable[[Inbound], tuple[bytes, bytes]] | None = None


def key_digests(name: str, key: DedupeKey, inbound: Inbound) -> tuple[bytes, bytes | None]:
    """Return the digest of a key, and that of the same key yesterday for daily ones.

    The name and a version of the rule are part of it, so that a changed rule never meets old keys.
    """
    base = b"\x00".join((name.encode(), b"1", *key.parts))
    if not key.daily:
        return hashlib.sha256(base).digest(), None
    today = hashlib.sha256(base + b"\x00" + inbound.received_on.encode()).digest()
    yesterday = hashlib.sha256(base + b"\x00" + inbound.day_before.encode()).digest()
    return today, yesterday


def body_key(inbound: Inbound, _options: Options) -> DedupeKey:
    """Key by the content of the body."""
    return DedupeKey((inbound.body_sha256,), daily=True)


def _generic_event(inbound: Inbound, options: Options) -> str | None:
    name = options.get("event_header")
    return inbound.event(str(name).lower().encode()) if name else None


def _generic_key(inbound: Inbound, options: Options) -> DedupeKey:
    # Only what is signed may be the key: who replays a body could change any other header.
    if options.get("scheme") == "standard_webhooks":
        return DedupeKey((inbound.headers.get(b"webhook-id", b""),), daily=False)
    pointer = options.get("dedupe_pointer")
    value = _pointed(inbound.body, str(pointer)) if pointer else None
    if value is None:
        return body_key(inbound, options)
    return DedupeKey((b"id", value), daily=False)


def _pointed(body: bytes, pointer: str) -> bytes | None:
    """Return the text or number at a JSON pointer without array indices, or None."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    for part in pointer.strip("/").split("/"):
        value = value.get(part) if isinstance(value, dict) else None
    return str(value).encode() if isinstance(value, str | int) else None


GENERIC: Final = Provider("generic", _generic_event, _generic_key)
