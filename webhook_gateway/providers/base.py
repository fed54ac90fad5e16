"""Provider: one kind of sender, and the generic one; how a dedupe key is made."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

from webhook_gateway.inbound import Inbound, event_name
from webhook_gateway.verification import Verifier

Options: TypeAlias = Mapping[str, Any]

TEXT: Final = b"text/plain; charset=utf-8"

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_.~-]{1,256}", re.ASCII)


class Reply(NamedTuple):
    """Body of an answer, its content type, and further headers."""

    body: bytes
    content: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class DedupeKey(NamedTuple):
    """What makes two deliveries one.

    Attributes:
        parts: texts and digests that identify the fact.
        daily: the key is made of content, which may rightly occur again: equal deliveries count
            as one when the first was seen today or yesterday (UTC), and as a new fact later.
    """

    parts: tuple[bytes, ...]
    daily: bool


def echo_challenge(inbound: Inbound, options: Options, _verifier: Verifier) -> Reply | None:
    """Send back the parameter of a GET by which a sender checks an address, where one is set."""
    name = options.get("challenge")
    if name is None or inbound.method != "GET":
        return None
    values = [value for key, value in inbound.pairs() if key == name]
    if len(values) != 1 or not _CHALLENGE.fullmatch(values[0]):
        return None
    return Reply(values[0].encode(), TEXT, ((b"x-content-type-options", b"nosniff"),))


@dataclass(frozen=True, slots=True)
class Provider:
    """One kind of sender.

    Attributes:
        name: the app's type, part of the URL.
        event_type: finds the event's name, from (request, verification options).
        dedupe: finds the dedupe key, from the same.
        accepted_status: status of the answer to a new delivery.
        method: HTTP method of its requests.
        max_body_bytes: limit of bodies at endpoints without one of their own (webhooks C7).
        body: makes a form body of a request that has all in its query.
        acknowledge: the answer that the sender expects to every delivery, new or not, from
            (request, verification options); None = our JSON.
        handshake: the answer to a request by which the sender only checks the address, from
            (request, verification options, verifier); None = it is a delivery. Such a request is
            not verified and not stored; it may be a GET or HEAD.
        overload_status: what it is told when it sends too often: 503 if it gives up on any 4xx.
        is_asking: it sends questions to be answered at once, which are no deliveries.
    """

    name: str
    event_type: Callable[[Inbound, Options], str | None]
    dedupe: Callable[[Inbound, Options], DedupeKey]
    accepted_status: int = 202
    method: str = "POST"
    max_body_bytes: int = 1024 * 1024
    body: Callable[[Inbound], bytes] | None = None
    acknowledge: Callable[[Inbound, Options], Reply] | None = None
    handshake: Callable[[Inbound, Options, Verifier], Reply | None] = echo_challenge
    overload_status: int = 429
    is_asking: bool = False


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


def json_body(inbound: Inbound) -> Any:
    """Return the body if it is JSON, else None."""
    try:
        return orjson.loads(inbound.body)
    except orjson.JSONDecodeError:
        return None


def at(value: Any, *path: str) -> Any:
    """Return what stands at a path of names, or None."""
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def facts_key(inbound: Inbound, *facts: Any) -> DedupeKey:
    """Key by texts or numbers of the body; by its content when one of them is not there."""
    found = [str(fact).encode() for fact in facts if isinstance(fact, str | int)]
    if len(found) < len(facts):
        return DedupeKey((inbound.body_sha256,), daily=True)
    return DedupeKey((b"id", *found), daily=False)


def event_at(*path: str) -> Callable[[Inbound, Options], str | None]:
    """Find the event's name at a path of names in the body."""
    return lambda inbound, _options: event_name(at(json_body(inbound), *path))


def facts_of(*names: str) -> Callable[[Inbound, Options], DedupeKey]:
    """Key by what stands under some names in the body."""

    def key(inbound: Inbound, _options: Options) -> DedupeKey:
        body = json_body(inbound)
        return facts_key(inbound, *(at(body, name) for name in names))

    return key


def _generic_event(inbound: Inbound, options: Options) -> str | None:
    name, pointer = options.get("event_header"), options.get("event_pointer")
    if name:
        return inbound.event(str(name).lower().encode())
    return event_name(at(json_body(inbound), *_path(pointer))) if pointer else None


def _generic_key(inbound: Inbound, options: Options) -> DedupeKey:
    # Only what is signed may be the key: who replays a body could change any other header.
    if options.get("scheme") == "standard_webhooks":
        return DedupeKey((inbound.headers.get(b"webhook-id", b""),), daily=False)
    pointer = options.get("dedupe_pointer")
    if not pointer:
        return body_key(inbound, options)
    return facts_key(inbound, at(json_body(inbound), *_path(pointer)))


def _path(pointer: Any) -> list[str]:
    return str(pointer).strip("/").split("/")


GENERIC: Final = Provider("generic", _generic_event, _generic_key)
