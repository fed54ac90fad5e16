"""Webhook senders: headers, bodies, signatures checked independently, and delivery rules."""

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.runner import Sandbox
from sandbox.webhooks import signed_text
from tests.sandbox.callers import Receiver, SaleorCaller


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify_jws(signature: str, body: bytes, jwks: dict[str, Any]) -> dict[str, Any]:
    """RFC 7797 by hand: only the raw body after the encoded header verifies."""
    protected, middle, mark = signature.split(".")
    assert middle == ""
    header: dict[str, Any] = json.loads(unpadded(protected))
    (key,) = [key for key in jwks["keys"] if key["kid"] == header["kid"]]
    numbers = rsa.RSAPublicNumbers(
        e=int.from_bytes(unpadded(key["e"])), n=int.from_bytes(unpadded(key["n"]))
    )
    signed = protected.encode() + b"." + body
    numbers.public_key().verify(unpadded(mark), signed, padding.PKCS1v15(), hashes.SHA256())
    return header


@pytest.fixture
def jwks_url(saleor: SaleorCaller) -> str:
    api_url: str = saleor.info["api_url"]
    return api_url.replace("/graphql/", "/.well-known/jwks.json")


def test_saleor_delivery_is_signed_over_the_raw_body(
    box: Sandbox, http: httpx.Client, receiver: Receiver, jwks_url: str
):
    (order, *_) = box.control.ids("acme", "saleor")

    (outcome,) = box.control.send_saleor_webhook("acme", receiver.url, [order])

    ((_, headers, body),) = receiver.requests
    header = verify_jws(headers["Saleor-Signature"], body, http.get(jwks_url).json())
    assert header == {
        "alg": "RS256",
        "b64": False,
        "crit": ["b64"],
        "kid": header["kid"],
        "typ": "JWT",
    }
    assert outcome["statuses"] == [200]
    assert outcome["is_delivered"] is True


def test_kid_is_the_rfc_7638_thumbprint_and_follows_a_rotation(
    box: Sandbox, http: httpx.Client, jwks_url: str
):
    before = http.get(jwks_url).json()["keys"]
    kid = box.control.rotate_jwks("acme")
    (key,) = http.get(jwks_url).json()["keys"]

    canonical = json.dumps({k: key[k] for k in ("e", "kty", "n")}, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == key["kid"] == kid
    assert before[0]["kid"] != kid
    assert {name: key[name] for name in ("kty", "key_ops", "use", "alg")} == {
        "kty": "RSA",
        "key_ops": ["verify"],
        "use": "sig",
        "alg": "RS256",
    }


def test_saleor_headers_are_the_real_ones(box: Sandbox, saleor: SaleorCaller, receiver: Receiver):
    (order, *_) = box.control.ids("acme", "saleor")

    box.control.send_saleor_webhook(
        "acme", receiver.url, [order], "order_cancelled", headers={"x-tenant": "1"}
    )

    ((_, headers, _),) = receiver.requests
    assert headers["Saleor-Event"] == headers["X-Saleor-Event"] == "order_cancelled"
    assert headers["Saleor-Domain"] == headers["X-Saleor-Domain"] == saleor.info["domain"]
    assert headers["Saleor-Signature"] == headers["X-Saleor-Signature"]
    assert headers["Saleor-Api-Url"] == saleor.info["api_url"]
    assert headers["User-Agent"] == "Saleor/3.23"
    assert headers["Host"] == "127.0.0.1"
    assert headers["x-tenant"] == "1"


def test_saleor_bodies_are_the_bare_event_or_wrapped_data(box: Sandbox, receiver: Receiver):
    (order, *_) = box.control.ids("acme", "saleor")
    document = box.control.document("acme", "saleor", order)

    box.control.send_saleor_webhook("acme", receiver.url, [order])
    box.control.send_saleor_webhook("acme", receiver.url, [order], wrapped=True)

    bare, wrapped = (json.loads(body) for _, _, body in receiver.requests)
    expected = {name: document[name] for name in ("id", "number", "updatedAt")}
    assert list(bare) == ["__typename", "issuedAt", "version", "order"]
    assert bare["__typename"] == "OrderUpdated"
    assert bare["order"] == expected
    assert wrapped["data"]["orderUpdated"]["order"] == expected
    raw = receiver.requests[0][2]
    assert raw == json.dumps(bare).encode(), "separators are those of json.dumps"


def test_saleor_secret_gives_a_hex_hmac(box: Sandbox, receiver: Receiver):
    (order, *_) = box.control.ids("acme", "saleor")

    box.control.send_saleor_webhook("acme", receiver.url, [order], secret="shhh")

    ((_, headers, body),) = receiver.requests
    assert headers["Saleor-Signature"] == hmac.new(b"shhh", body, hashlib.sha256).hexdigest()


def test_corrupted_body_does_not_verify(
    box: Sandbox, http: httpx.Client, receiver: Receiver, jwks_url: str
):
    (order, *_) = box.control.ids("acme", "saleor")

    box.control.send_saleor_webhook("acme", receiver.url, [order], corrupt=True)

    ((_, headers, body),) = receiver.requests
    with pytest.raises(InvalidSignature):
        verify_jws(headers["Saleor-Signature"], body, http.get(jwks_url).json())


@pytest.mark.parametrize(
    ("answers", "attempts", "delivered"),
    [
        ([200], 1, True),
        ([404], 1, False),
        ([302], 1, False),
        ([503, 500, 200], 3, True),
        ([503] * 4, 4, False),
    ],
    ids=["ok", "4xx", "3xx", "recovers", "gives-up"],
)
def test_only_5xx_is_retried_with_the_same_bytes(
    box: Sandbox, receiver: Receiver, answers: list[int], attempts: int, delivered: bool
):
    (order, *_) = box.control.ids("acme", "saleor")
    receiver.statuses = list(answers)

    (outcome,) = box.control.send_saleor_webhook(
        "acme", receiver.url, [order], retry_seconds=[0.01, 0.01, 0.01]
    )

    assert outcome["statuses"] == answers[:attempts]
    assert outcome["is_delivered"] is delivered
    assert len({body for _, _, body in receiver.requests}) == 1
    assert len({h["Saleor-Signature"] for _, h, _ in receiver.requests}) == 1


def test_no_answer_is_retried(box: Sandbox, closed_port: int):
    (order, *_) = box.control.ids("acme", "saleor")

    (outcome,) = box.control.send_saleor_webhook(
        "acme", f"http://127.0.0.1:{closed_port}/", [order], retry_seconds=[0.01]
    )

    assert outcome["statuses"] == [0, 0]


def test_copies_may_come_at_once_and_out_of_order(box: Sandbox, receiver: Receiver):
    orders = box.control.ids("acme", "saleor")[:4]

    box.control.send_saleor_webhook("acme", receiver.url, orders, copies=10, parallel=True)
    bodies = [body for _, _, body in receiver.requests]
    receiver.requests.clear()
    box.control.send_saleor_webhook("acme", receiver.url, orders, shuffled=True)

    assert len(bodies) == 40
    assert len(set(bodies)) == 4
    arrived = [json.loads(body)["order"]["id"] for _, _, body in receiver.requests]
    assert sorted(arrived) == sorted(orders)
    assert arrived != orders


def test_zoho_signature_equals_the_published_vector():
    text = signed_text([("subscription_id", "90343"), ("name", "basic")], b'{"event_id":"5675"}')

    digest = hmac.new(b"AlphaNumeric12", text, hashlib.sha256).hexdigest()

    assert text == b'namebasicsubscription_id90343{"event_id":"5675"}'
    assert digest == "52f69fea4ae9eb559c4ea2f509ca525c0fa34f4d7f16b63ecb18402941bce4b2"


def test_zoho_json_delivery_signs_query_and_body(box: Sandbox, receiver: Receiver):
    (order, *_) = box.control.ids("acme", "zoho")

    box.control.send_zoho_webhook("acme", f"{receiver.url}?b=2&a=x", [order], secret="s" * 12)

    ((path, headers, body),) = receiver.requests
    expected = hmac.new(b"s" * 12, b"axb2" + body, hashlib.sha256).hexdigest()
    assert path == "/hook?b=2&a=x"
    assert headers["X-Zoho-Webhook-Signature"] == expected
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {"salesorder": box.control.document("acme", "zoho", order)}


def test_zoho_form_delivery_carries_one_field(box: Sandbox, receiver: Receiver):
    (order, *_) = box.control.ids("acme", "zoho")

    box.control.send_zoho_webhook("acme", receiver.url, [order], form=True, secret="s" * 12)

    ((_, headers, body),) = receiver.requests
    (value,) = parse_qs(body.decode())["JSONString"]
    assert json.loads(value)["salesorder"]["salesorder_id"] == order
    text = signed_text(parse_qsl(body.decode()), b"")
    expected = hmac.new(b"s" * 12, text, hashlib.sha256).hexdigest()
    assert headers["X-Zoho-Webhook-Signature"] == expected


def test_zoho_delivery_without_secret_has_no_signature(box: Sandbox, receiver: Receiver):
    (invoice, *_) = box.control.ids("acme", "zoho", "invoices")

    box.control.send_zoho_webhook("acme", receiver.url, [invoice], "invoices")

    ((_, headers, body),) = receiver.requests
    assert "X-Zoho-Webhook-Signature" not in headers
    assert json.loads(body)["invoice"]["invoice_id"] == invoice


def test_prepared_delivery_goes_stale(box: Sandbox):
    (order,) = box.control.ids("acme", "saleor")[-1:]
    stale = json.loads(box.control.prepare_webhook("acme", "saleor", order)["body"])

    box.control.change_orders("acme", "saleor", 1, "note", ids=[order])

    fresh = json.loads(box.control.prepare_webhook("acme", "saleor", order)["body"])
    assert stale["order"]["updatedAt"] < fresh["order"]["updatedAt"]


@pytest.mark.parametrize(
    ("kind", "events"),
    [
        ("note", ["order_updated"]),
        ("cancel", ["order_cancelled", "order_updated"]),
        ("metadata", ["order_metadata_updated"]),
        ("tracking", ["fulfillment_tracking_number_updated", "order_updated"]),
        ("new", ["order_created", "order_confirmed"]),
    ],
)
def test_subscribers_hear_the_events_of_a_change(
    box: Sandbox, receiver: Receiver, kind: str, events: list[str]
):
    box.control.subscribe("acme", "saleor", receiver.url)

    done = box.control.change_and_notify("acme", "saleor", 1, kind)

    sent = [headers["Saleor-Event"] for _, headers, _ in receiver.requests]
    assert sent == events
    assert {json.loads(b)["order"]["id"] for _, _, b in receiver.requests} == set(done["ids"])


def test_one_address_is_told_once(box: Sandbox, receiver: Receiver):
    box.control.subscribe("acme", "saleor", receiver.url)
    box.control.subscribe("acme", "saleor", receiver.url)

    box.control.change_and_notify("acme", "saleor", 1, "note")
    box.control.unsubscribe("acme")
    box.control.change_and_notify("acme", "saleor", 1, "note")

    assert len(receiver.requests) == 1
