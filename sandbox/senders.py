"""Senders without a stand-in of their own: their first request, signed as each of them signs."""

import base64
import hashlib
import hmac
import json
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a sender."""

    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"


def easypost(secret: str, number: int = 1) -> Request:
    """An event of a tracker with the history of its parcel (webhooks B3)."""
    body = json.dumps(easypost_event(number)).encode()
    key = unicodedata.normalize("NFKD", secret)
    signature = f"hmac-sha256-hex={_hex(key, body)}"
    return Request({"Content-Type": JSON, "X-Hmac-Signature": signature}, body)


def easypost_event(number: int = 1, **tracker: object) -> dict[str, object]:
    """The body of such an event."""
    details = [
        _detail("pre_transit", "2026-01-04T10:00:00Z", "Label created", None),
        _detail("in_transit", "2026-01-05T07:58:00Z", "Arrived at facility", "DAYTON"),
    ]
    return {
        "id": f"evt_{number}",
        "object": "Event",
        "created_at": "2026-01-05T08:00:01Z",
        "description": "tracker.updated",
        "mode": "production",
        "pending_urls": [],
        "completed_urls": [],
        "result": {
            "id": "trk_9f8e",
            "object": "Tracker",
            "tracking_code": "EZ1000000001",
            "status": "in_transit",
            "carrier": "USPS",
            "created_at": "2026-01-04T10:00:00Z",
            "updated_at": "2026-01-05T08:00:00Z",
            "tracking_details": details,
            **tracker,
        },
    }


def _detail(status: str, at: str, message: str, city: str | None) -> dict[str, object]:
    place = {
        "object": "TrackingLocation",
        "city": city,
        "state": None,
        "zip": None,
        "country": "US",
    }
    return {
        "object": "TrackingDetail",
        "message": message,
        "status": status,
        "datetime": at,
        "source": "USPS",
        "tracking_location": place,
    }


def dpd(_secret: str, number: int = 1) -> Request:
    """A scan of a parcel (webhooks B4)."""
    facts = {
        "pushid": str(90_000_000 + number),
        "pnr": "05212345678901",
        "depot": "0112",
        "status": "delivery_carload",
        "statusdate": "05012026081500",
        "receiver": "",
        "ref": "STORE-10007",
    }
    return Request(query=facts, method="GET")


def braintree(
    public_key: str, private_key: str, kind: str, subject: str, at: str = "2026-01-05T08:00:00Z"
) -> Request:
    """A notification (webhooks B7); ``subject`` is XML."""
    xml = (
        f'<notification><timestamp type="datetime">{at}</timestamp><kind>{kind}</kind>'
        f"<subject>{subject}</subject></notification>"
    )
    payload = base64.encodebytes(xml.encode()).decode()
    key = hashlib.sha1(private_key.encode()).digest()  # noqa: S324 - what it signs with
    digest = hmac.new(key, payload.encode(), "sha1").hexdigest()
    fields = {"bt_signature": f"{public_key}|{digest}", "bt_payload": payload}
    return Request({"Content-Type": FORM}, urlencode(fields).encode())


def stripe(secret: str, number: int = 1) -> Request:
    """An event of Stripe."""
    body = json.dumps({"id": f"evt_{number}", "type": "charge.succeeded"}).encode()
    stamp = str(int(time.time()))
    signature = f"t={stamp},v1={_hex(secret, f'{stamp}.'.encode() + body)}"
    return Request({"Content-Type": JSON, "Stripe-Signature": signature}, body)


def zoho_payments(secret: str, number: int = 1) -> Request:
    """An event of Zoho Payments, with a timestamp in milliseconds (webhooks B6)."""
    body = json.dumps({"event_id": str(number), "event_type": "payment.succeeded"}).encode()
    stamp = str(int(time.time() * 1000))
    signature = f"t={stamp},v={_hex(secret, f'{stamp}.'.encode() + body)}"
    return Request({"Content-Type": JSON, "X-Zoho-Webhook-Signature": signature}, body)


def shopify(secret: str, number: int = 1) -> Request:
    """An order of Shopify."""
    body = json.dumps({"id": number, "name": f"#{number}"}).encode()
    digest = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    headers = {
        "Content-Type": JSON,
        "X-Shopify-Topic": "orders/create",
        "X-Shopify-Event-Id": f"event-{number}",
        "X-Shopify-Hmac-Sha256": digest,
    }
    return Request(headers, body)


def odoo(secret: str, number: int = 1) -> Request:
    """A record of an action of Odoo; the secret is a part of the address that it was given."""
    body = {
        "_id": number,
        "_model": "sale.order",
        "_action": "Send(#1)",
        "write_date": "2026-01-05",
    }
    return Request({"Content-Type": JSON}, json.dumps(body).encode(), {"token": secret})


def standard(secret: str, number: int = 1) -> Request:
    """A message by Standard Webhooks 1.0 (webhooks B8)."""
    body = json.dumps({"type": "invoice.paid", "data": {"id": number}}).encode()
    message, stamp = f"msg_{number}", str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message}.{stamp}.".encode() + body, "sha256")
    headers = {
        "Content-Type": JSON,
        "webhook-id": message,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    return Request(headers, body)


def github(secret: str, number: int = 1) -> Request:
    """A push of GitHub."""
    body = json.dumps({"ref": "refs/heads/main", "number": number}).encode()
    headers = {
        "Content-Type": JSON,
        "X-GitHub-Event": "push",
        "X-Hub-Signature-256": f"sha256={_hex(secret, body)}",
    }
    return Request(headers, body)


def other(secret: str, number: int = 1) -> Request:
    """An event of anybody who signs the body with HMAC-SHA256."""
    body = json.dumps({"id": number, "type": "thing.made"}).encode()
    return Request({"Content-Type": JSON, "X-Signature": _hex(secret, body)}, body)


def _hex(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
