"""Webhook senders: deliveries as the systems make them, with their flaws on demand."""

import gzip
import hashlib
import hmac
import json
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import orjson

from sandbox.people import Customer
from sandbox.saleor.keys import KeyRing
from sandbox.saleor.shapes import global_id
from sandbox.store import Review, ShopOrder
from sandbox.strapi.documents import webhook
from sandbox.times import now_us, saleor_time

SALEOR_VERSION = "3.23.28"
RETRY_SECONDS = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Saleor's 10, 20, 40, 80, 160 seconds, fifty times as fast."""

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 18.0
SENDERS = 32


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request of a webhook sender, complete but for where it goes; retries send it again."""

    record_id: str
    event: str
    headers: Mapping[str, str]
    body: bytes

    def corrupted(self) -> "Delivery":
        """The same delivery with one bit of its body turned after signing."""
        middle = len(self.body) // 2
        byte = bytes([self.body[middle] ^ 1])
        broken = self.body[:middle] + byte + self.body[middle + 1 :]
        return Delivery(self.record_id, self.event, self.headers, broken)


@dataclass(slots=True)
class Outcome:
    """What became of a delivery: the status of each attempt, 0 for no answer."""

    record_id: str
    event: str
    statuses: list[int] = field(default_factory=list)
    is_delivered: bool = False


def saleor_delivery(
    keys: KeyRing,
    api_url: str,
    order: ShopOrder,
    event: str,
    *,
    wrapped: bool = False,
    secret: str = "",
) -> Delivery:
    """A Saleor delivery: headers and body of saleor-live.md 5.2 and 5.3, signed by 5.4."""
    gid = global_id("Order", order.id)
    content: dict[str, Any] = {
        "__typename": "".join(word.capitalize() for word in event.split("_")),
        "issuedAt": saleor_time(now_us()),
        "version": SALEOR_VERSION,
    }
    if event.startswith("fulfillment"):
        number = max(len(order.parcels), 1)
        fulfillment_id = global_id("Fulfillment", order.number_key * 10 + number)
        content["fulfillment"] = {"id": fulfillment_id}
    content["order"] = {
        "id": gid,
        "number": order.number,
        "updatedAt": saleor_time(order.modified),
    }
    if wrapped:
        name = content["__typename"]
        content.pop("__typename")
        content = {"data": {name[0].lower() + name[1:]: content}}
    body = json.dumps(content).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() if secret else None
    headers = saleor_headers(keys, api_url, event, body, signature)
    return Delivery(gid, event, headers, body)


def saleor_headers(
    keys: KeyRing, api_url: str, event: str, body: bytes, signature: str | None = None
) -> dict[str, str]:
    """Headers of a Saleor delivery (saleor-live.md 5.2); signed by the shop's key, unless given."""
    domain = urlsplit(api_url).netloc
    named = {"Event": event, "Domain": domain, "Signature": signature or keys.sign(body)}
    return {
        "User-Agent": "Saleor/3.23",
        "Accept-Encoding": "gzip, deflate",
        "Accept": "*/*",
        "Content-Type": "application/json",
        **{f"X-Saleor-{name}": value for name, value in named.items()},
        **{f"Saleor-{name}": value for name, value in named.items()},
        "Saleor-Api-Url": api_url,
    }


def zoho_delivery(
    singular: str,
    record_id: str,
    document: Mapping[str, Any],
    url: str,
    *,
    form: bool = False,
    secret: str = "",
) -> Delivery:
    """A Zoho delivery: the full entity under its key, as JSON or in the form field JSONString."""
    text = orjson.dumps({singular: document})
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    if form:
        fields = [("JSONString", text.decode())]
        body, content_type = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        signed = signed_text([*pairs, *fields], b"")
    else:
        body, content_type = text, "application/json"
        signed = signed_text(pairs, text)
    headers = {"User-Agent": "ZohoBooks", "Content-Type": content_type}
    if secret:
        signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        headers["X-Zoho-Webhook-Signature"] = signature
    return Delivery(record_id, singular, headers, body)


def review_delivery(review: Review, author: Customer, *, is_product: bool) -> Delivery:
    """A delivery of REVIEWS.io: not all of the review, no time, and no signature."""
    content: dict[str, Any] = {
        "id": int(review.id),
        "review_type": "product" if is_product else "company",
        "order_id": review.order_number,
        "rating": review.rating,
        "comments": review.body,
        "user": {
            "name": f"{author.first_name} {author.last_name[:1]}",
            "email_address": author.email,
        },
    }
    if is_product:
        content["product"] = {"sku": review.sku}
    headers = {"User-Agent": "GuzzleHttp/7", "Content-Type": "application/json"}
    return Delivery(review.id, content["review_type"], headers, json.dumps(content).encode())


def strapi_delivery(
    document: Mapping[str, Any], event: str, version: int, spelling: int = 0
) -> Delivery:
    """A delivery of Strapi: the whole entry, unsigned; ``spelling`` is of another version."""
    body = webhook(dict(document), event, now_us(), spelling or version)
    headers = {"Content-Type": "application/json", "X-Strapi-Event": event}
    return Delivery(str(document["id"]), event, headers, json.dumps(body).encode())


def vercel_delivery(
    records: Sequence[Any], secret: str, *, ndjson: bool = False, packed: bool = False
) -> Delivery:
    """A batch of a log drain, as a JSON array or line by line, signed over the bytes as sent.

    A record that is ``bytes`` already is sent as it is, however broken.
    """
    texts = [each if isinstance(each, bytes) else orjson.dumps(each) for each in records]
    body = b"\n".join(texts) + b"\n" if ndjson else b"[" + b",".join(texts) + b"]"
    content_type = "application/x-ndjson" if ndjson else "application/json"
    headers = {"User-Agent": "Vercel-Log-Drain", "Content-Type": content_type}
    if packed:
        body = gzip.compress(body, mtime=0)
        headers["Content-Encoding"] = "gzip"
    headers["x-vercel-signature"] = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
    return Delivery("", "", headers, body)


def signed_text(pairs: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """What Zoho signs: parameters sorted by name, each name and value, then the JSON body."""
    return "".join(key + value for key, value in sorted(pairs)).encode() + body


def send(
    url: str,
    deliveries: Sequence[Delivery],
    *,
    headers: Mapping[str, str] | None = None,
    copies: int = 1,
    shuffled: bool = False,
    parallel: bool = False,
    retry_seconds: Sequence[float] = RETRY_SECONDS,
) -> list[Outcome]:
    """Send deliveries and keep to the sender's rules: 3xx and 4xx end it, 5xx are retried.

    Args:
        url: where they go; redirects are not followed.
        deliveries: in the order of sending.
        headers: additional static headers of the webhook.
        copies: how often each delivery is sent, beyond its retries.
        shuffled: change the order, always in the same way.
        parallel: send many at once.
        retry_seconds: pauses before the second and later attempts.
    """
    queue = [delivery for delivery in deliveries for _ in range(copies)]
    if shuffled:
        Random(len(queue)).shuffle(queue)
        queue.reverse()
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    # The sender's own Host has no port (saleor-live.md 5.2); a receiver must not rely on it.
    host = {"Host": urlsplit(url).hostname or ""}
    with (
        httpx.Client(timeout=timeout, trust_env=False) as client,
        ThreadPoolExecutor(SENDERS if parallel else 1) as pool,
    ):

        def deliver(delivery: Delivery) -> Outcome:
            everything = {**delivery.headers, **(headers or {}), **host}
            return _deliver(client, url, delivery, everything, retry_seconds)

        return list(pool.map(deliver, queue))


def _deliver(
    client: httpx.Client,
    url: str,
    delivery: Delivery,
    headers: Mapping[str, str],
    retry_seconds: Sequence[float],
) -> Outcome:
    outcome = Outcome(delivery.record_id, delivery.event)
    for pause in (0.0, *retry_seconds):
        threading.Event().wait(pause)
        try:
            status = client.post(url, content=delivery.body, headers=headers).status_code
        except httpx.TransportError:
            status = 0
        outcome.statuses.append(status)
        if 200 <= status < 300:
            outcome.is_delivered = True
            return outcome
        if 300 <= status < 500:
            return outcome
    return outcome
