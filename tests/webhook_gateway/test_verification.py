"""Without these, a forged, altered or late delivery is stored, or a scheme fails open."""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from resources.strapi import STRAPI, StrapiConfig
from schemabase_dagster import schemes
from schemabase_dagster.clock import utc_now
from tests.webhook_gateway.senders import braintree_form, hmac_hex, inbound
from webhook_gateway.answers import Refusal
from webhook_gateway.endpoint_secrets import Secret
from webhook_gateway.inbound import Inbound
from webhook_gateway.jwks import Jwks
from webhook_gateway.providers import provider
from webhook_gateway.verification import build_verifier
from webhook_gateway.verification.base import Refuse

NO_KEYS = cast("Jwks", None)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
FORM = "application/x-www-form-urlencoded"
WHSEC = "whsec_" + base64.b64encode(bytes(32)).decode()
PRIVATE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
WHPK = "whpk_" + base64.b64encode(PRIVATE_KEY.public_key().public_bytes_raw()).decode()
OTHERS = {
    WHSEC: "whsec_" + base64.b64encode(b"1" * 32).decode(),
    WHPK: "whpk_"
    + base64.b64encode(
        Ed25519PrivateKey.from_private_bytes(b"1" * 32).public_key().public_bytes_raw()
    ).decode(),
}
"""Other secrets of the same form."""


def secret(value: str, kind: Any = "hmac", *, until: datetime | None = None) -> Secret:
    raw = value.encode()
    stored = hashlib.sha256(raw).digest() if kind == "hash" else raw
    return Secret(uuid4(), kind, stored, LONG_AGO, until)


def verify(options: dict[str, Any], secrets: list[Secret], request: Inbound) -> UUID | None:
    return asyncio.run(build_verifier(options, secrets, NO_KEYS).verify(request))


def refusal(options: dict[str, Any], secrets: list[Secret], request: Inbound) -> str:
    """The reason of the 401 that the request gets."""
    with pytest.raises(Refusal) as caught:
        verify(options, secrets, request)
    assert caught.value.status == 401
    return caught.value.reason


def now_text() -> str:
    return str(int(utc_now().timestamp()))


def hmac_request(body: bytes, stamp: str) -> Inbound:
    return inbound(body, x_s="v0=" + hmac_hex("k", stamp.encode() + b"." + body), x_t=stamp)


def zoho_request(body: bytes, _stamp: str) -> Inbound:
    signed = b"a1" + body
    return inbound(body, query=b"a=1", x_zoho_webhook_signature=hmac_hex("k", signed))


def zoho_form_request(body: bytes, _stamp: str) -> Inbound:
    text = body.hex()
    return inbound(
        b"JSONString=" + text.encode(),
        query=b"a=1",
        content_type=FORM,
        x_zoho_webhook_signature=hmac_hex("k", f"JSONString{text}a1".encode()),
    )


def standard_request(body: bytes, stamp: str) -> Inbound:
    signed = b"msg_1." + stamp.encode() + b"." + body
    digest = bytes.fromhex(hmac_hex("\0" * 32, signed))
    signature = "v1," + base64.b64encode(digest).decode()
    return inbound(body, webhook_id="msg_1", webhook_timestamp=stamp, webhook_signature=signature)


def ed25519_request(body: bytes, stamp: str) -> Inbound:
    signature = PRIVATE_KEY.sign(b"msg_1." + stamp.encode() + b"." + body)
    listed = "v1a," + base64.b64encode(signature).decode()
    return inbound(body, webhook_id="msg_1", webhook_timestamp=stamp, webhook_signature=listed)


def stripe_request(body: bytes, stamp: str) -> Inbound:
    signature = hmac_hex("k", stamp.encode() + b"." + body)
    return inbound(body, stripe_signature=f"t={stamp},v1={signature}")


def zoho_payments_request(body: bytes, _stamp: str) -> Inbound:
    stamp = str(int(utc_now().timestamp() * 1000))
    signature = hmac_hex("k", stamp.encode() + b"." + body)
    return inbound(body, x_zoho_webhook_signature=f"t={stamp},v={signature}")


def vercel_request(body: bytes, _stamp: str) -> Inbound:
    return inbound(body, x_vercel_signature=hmac_hex("k", body, "sha1"))


def shopify_request(body: bytes, _stamp: str) -> Inbound:
    digest = base64.b64encode(bytes.fromhex(hmac_hex("k", body))).decode()
    return inbound(body, x_shopify_hmac_sha256=digest)


def easypost_request(body: bytes, _stamp: str) -> Inbound:
    return inbound(body, x_hmac_signature="hmac-sha256-hex=" + hmac_hex("k", body))


def easypost_v2_request(body: bytes, _stamp: str) -> Inbound:
    stamp, path = utc_now().isoformat(), "/hook"
    signature = hmac_hex("k", f"{stamp}POST{path}".encode() + body)
    return inbound(body, x_timestamp=stamp, x_path=path, x_hmac_signature_v2=signature)


def braintree_request(body: bytes, _stamp: str) -> Inbound:
    payload = base64.b64encode(b"<n>" + body + b"</n>").decode() + "\n"
    return braintree_form(payload, "public", "private")


STAMPED = {
    "scheme": "hmac",
    "header": "X-S",
    "prefix": "v0=",
    "template": "{ts}.{body}",
    "timestamp_header": "X-T",
}
STAMPED_SCHEMES = [
    pytest.param(STAMPED, "k", hmac_request, id="hmac"),
    pytest.param({"scheme": "standard_webhooks"}, WHSEC, standard_request, id="standard"),
    pytest.param({"scheme": "standard_webhooks"}, WHPK, ed25519_request, id="ed25519"),
    pytest.param({"scheme": "stripe_style"}, "k", stripe_request, id="stripe"),
]
SCHEMES = [
    *STAMPED_SCHEMES,
    pytest.param({"scheme": "zoho"}, "k", zoho_request, id="zoho"),
    pytest.param({"scheme": "zoho"}, "k", zoho_form_request, id="zoho form"),
    pytest.param({"scheme": "zoho_payments"}, "k", zoho_payments_request, id="zoho payments"),
    pytest.param({"scheme": "vercel"}, "k", vercel_request, id="vercel"),
    pytest.param({"scheme": "shopify"}, "k", shopify_request, id="shopify"),
    pytest.param({"scheme": "easypost"}, "k", easypost_request, id="easypost"),
    pytest.param({"scheme": "easypost", "v2": True}, "k", easypost_v2_request, id="easypost v2"),
]
Make = Callable[[bytes, str], Inbound]


def changed_anywhere(request: Inbound, data: st.DataObject) -> Inbound:
    """The request with one byte of its body or of a header of its proof changed."""
    proof = [name for name in request.headers if name != b"content-type"]
    where = data.draw(st.sampled_from([*proof, *([b""] if request.body else [])]))
    text = request.headers[where] if where else request.body
    at = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda each: each != text[at]))
    other = text[:at] + bytes([byte]) + text[at + 1 :]
    headers = {**request.headers, where: other} if where else request.headers
    body = request.body if where else other
    return Inbound(headers, request.query, body, None, "2026-01-02", "2026-01-01")


@pytest.mark.parametrize(("options", "value", "make"), SCHEMES)
@given(body=st.binary(max_size=200), data=st.data())
@settings(max_examples=60)
def test_every_change_of_one_byte_is_refused(
    options: dict[str, Any], value: str, make: Make, body: bytes, data: st.DataObject
):
    known = secret(value)
    request = make(body, now_text())
    forged = changed_anywhere(request, data)
    assume(forged.form_pairs() is None or forged.form_pairs() != request.form_pairs())

    assert verify(options, [known], request) == known.id
    assert refusal(options, [known], forged)


@given(body=st.binary(max_size=200), data=st.data())
@settings(max_examples=60)
def test_every_change_of_one_byte_of_a_braintree_form_is_refused(body: bytes, data: st.DataObject):
    request = braintree_request(body, "")
    forged = changed_anywhere(request, data)
    # %2b and %2B are one letter of a form: what is signed has not changed.
    assume(forged.form_pairs() != request.form_pairs())

    assert verify_braintree(request) is None
    with pytest.raises(Refusal) as caught:
        verify_braintree(forged)
    assert caught.value.status == 401


def test_a_signed_challenge_of_braintree_is_no_payload():
    challenge = "20f9f8ed05f77439fe955c977e4c8a53"

    with pytest.raises(Refusal):
        verify_braintree(braintree_form(challenge, "public", "private"))


def test_braintree_signs_for_several_keys_at_once():
    payload = base64.b64encode(b"<n/>").decode()
    pairs = braintree_form(payload, "public", "private").form_pairs() or []
    other = braintree_form(payload, "other", "unknown").form_pairs() or []
    both = {
        **dict(pairs),
        "bt_signature": f"{dict(other)['bt_signature']}&{dict(pairs)['bt_signature']}",
    }

    assert verify_braintree(inbound(urlencode(both).encode(), content_type=FORM)) is None
    with pytest.raises(Refusal):
        verify_braintree(inbound(urlencode(dict(other)).encode(), content_type=FORM))


def test_without_the_app_s_keys_braintree_is_asked_to_come_back():
    verifier = build_verifier({"scheme": "braintree"}, [], NO_KEYS, None)

    with pytest.raises(Refusal) as caught:
        asyncio.run(verifier.verify(braintree_request(b"", "")))

    assert (caught.value.status, caught.value.retry_after) == (503, 60)


def verify_braintree(request: Inbound) -> UUID | None:
    keys = {"public_key": "public", "private_key": "private"}
    return asyncio.run(build_verifier({"scheme": "braintree"}, [], NO_KEYS, keys).verify(request))


@pytest.mark.parametrize(("options", "value", "make"), SCHEMES)
def test_old_and_new_secret_pass_until_the_old_one_ends(
    options: dict[str, Any], value: str, make: Make
):
    request = make(b"{}", now_text())
    other = secret(OTHERS.get(value, "new"))
    valid = secret(value, until=utc_now() + timedelta(hours=1))
    over = secret(value, until=utc_now() - timedelta(seconds=1))
    future = Secret(uuid4(), "hmac", value.encode(), utc_now() + timedelta(hours=1), None)

    assert verify(options, [other, valid], request) == valid.id
    assert refusal(options, [other, over, future], request) == "signature_wrong"


@pytest.mark.parametrize(("options", "value", "make"), STAMPED_SCHEMES)
@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_timestamp_outside_of_the_tolerance_is_refused(
    options: dict[str, Any], value: str, make: Make, seconds: int
):
    stamp = str(int(utc_now().timestamp()) + seconds)
    inside = str(int(utc_now().timestamp()) + (290 if seconds > 0 else -290))

    assert refusal(options, [secret(value)], make(b"{}", stamp)) == "timestamp_tolerance"
    assert verify(options, [secret(value)], make(b"{}", inside))


def test_a_timestamp_in_milliseconds_is_understood():
    stamp = str(int(utc_now().timestamp() * 1000))

    assert verify(STAMPED, [secret("k")], hmac_request(b"{}", stamp))


@pytest.mark.parametrize("stamp", ["", "x", "-1", "1e9", "\u0661" * 10])
def test_a_timestamp_that_is_no_number_is_refused(stamp: str):
    assert refusal(STAMPED, [secret("k")], hmac_request(b"{}", stamp)) == "timestamp_format"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scheme": None},
        {"scheme": "none"},
        {"scheme": "ip_allow", "ip_allow": "127.0.0.0/8"},
        {"scheme": "basic", "user": ""},
        {"scheme": ["hmac"]},
        {"scheme": "hmac"},
        {"scheme": "hmac", "header": "X-S", "algorithm": "md5"},
        {"scheme": "hmac", "header": "X-S", "timestamp_header": "X-T"},
        {"scheme": "hmac", "header": "X-S", "template": "{ts}.{body}"},
        {"scheme": "hmac", "header": "X-S", "template": "{ts}", "timestamp_header": "X-T"},
        {"scheme": "hmac", "header": "X-S", "template": "nothing of the body"},
        {"scheme": "hmac", "header": "X-S", "encoding": "base32"},
        {"scheme": "hmac", "header": "X-S", "tolerance_s": "inf"},
        {"scheme": "hmac", "header": "X-S", "ip_alow": "127.0.0.0/8"},
        {"scheme": "hmac", "header": "X-S", "ip_allow": "127.0.0.1/8"},
        {"scheme": "hmac", "header": "X-S", "ip_allow": ""},
        {"scheme": "shared_secret", "header": "X-S", "query": "token"},
        {"scheme": "shared_secret"},
        {"scheme": "path_only"},
        {"scheme": "path_only", "reason": " "},
        {"scheme": "saleor_jws"},
    ],
)
def test_what_is_missing_or_unknown_fails_closed(options: dict[str, Any]):
    request = inbound(b"{}", x_s=hmac_hex("k", b"{}"))

    assert refusal(options, [secret("k")], request).startswith("scheme_")


@pytest.mark.parametrize(
    "options",
    [
        {"scheme": "hmac", "header": "X-S"},
        {"scheme": "easypost"},
        {"scheme": "zoho"},
        {"scheme": "standard_webhooks"},
        {"scheme": "stripe_style"},
        {"scheme": "vercel"},
        {"scheme": "easypost", "v2": "true"},
        {"scheme": "saleor_jws", "jwks_url": "https://shop.example/jwks.json"},
    ],
)
def test_what_is_not_signed_is_refused(options: dict[str, Any]):
    assert refusal(options, [secret("k")], inbound(b"{}")) == "signature_missing"


def test_no_secret_accepts_nothing():
    request = inbound(b"{}", x_s=hmac_hex("", b"{}"))

    assert refusal({"scheme": "hmac", "header": "X-S"}, [], request) == "signature_wrong"


def test_path_only_is_chosen_by_name_with_a_reason():
    assert verify({"scheme": "path_only", "reason": "cannot sign"}, [], inbound()) is None


def test_shared_secret_in_a_header():
    known = secret("s3cret-token", "hash")
    options = {"scheme": "shared_secret", "header": "X-Secret"}

    assert verify(options, [known], inbound(x_secret="s3cret-token")) == known.id
    assert refusal(options, [known], inbound(x_secret="s3cret-tokem")) == "signature_wrong"
    assert refusal(options, [known], inbound(x_secret="")) == "secret_missing"
    assert refusal(options, [known], inbound()) == "secret_missing"


def test_strapi_sends_its_secret_as_authorization_and_names_the_event():
    known = secret("s3cret-token", "hash")
    options = dict(STRAPI.verification(StrapiConfig(url="https://cms.example")))
    sent = inbound(authorization="s3cret-token", x_strapi_event="entry.update")

    assert verify(options, [known], sent) == known.id
    assert refusal(options, [known], inbound(authorization="other")) == "signature_wrong"
    assert refusal(options, [known], inbound()) == "secret_missing"
    assert provider("strapi").event_type(sent, options) == "entry.update"


def test_shared_secret_in_the_query_stands_there_once():
    known = secret("s3cret token", "hash")
    options = {"scheme": "shared_secret", "query": "token"}

    assert verify(options, [known], inbound(query=b"token=s3cret%20token")) == known.id
    for twice in (b"token=x&token=s3cret%20token", b"token=s3cret%20token&token=x"):
        assert refusal(options, [known], inbound(query=twice)) == "secret_missing"
    assert refusal(options, [known], inbound(token="s3cret token")) == "secret_missing"


def test_a_secret_of_another_kind_is_not_used():
    options = {"scheme": "shared_secret", "header": "X-Secret"}

    assert refusal(options, [secret("s3cret-token")], inbound(x_secret="s3cret-token"))


def test_a_prefix_of_a_shared_secret_is_no_part_of_it():
    known = secret("s3cret-token", "hash")
    options = {"scheme": "shared_secret", "header": "Authorization", "prefix": "Bearer "}

    assert verify(options, [known], inbound(authorization="Bearer s3cret-token")) == known.id
    assert refusal(options, [known], inbound(authorization="s3cret-token")) == "secret_missing"


def basic(user: str, password: str, word: str = "Basic") -> Inbound:
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return inbound(authorization=f"{word} {encoded}")


def test_basic_authentication_wants_user_and_password():
    known = secret("pass:word", "hash")
    options = {"scheme": "basic", "user": "shop"}

    assert verify(options, [known], basic("shop", "pass:word")) == known.id
    assert verify(options, [known], basic("shop", "pass:word", "basic")) == known.id
    for wrong in (basic("shop", "pass"), basic("other", "pass:word"), inbound()):
        assert refusal(options, [known], wrong)


@given(data=st.data())
def test_every_change_of_one_byte_of_a_password_is_refused(data: st.DataObject):
    known = secret("password", "hash")
    given = basic("webhook", "password").headers[b"authorization"]
    at = data.draw(st.integers(len("Basic "), len(given) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda each: each != given[at]))
    forged = inbound()
    forged.headers[b"authorization"] = given[:at] + bytes([byte]) + given[at + 1 :]

    assert refusal({"scheme": "basic"}, [known], forged)


@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("2001:db8::1", True),
        ("192.0.3.7", False),
        ("::1", False),
        ("testclient", False),
        (None, False),
    ],
)
def test_networks_are_asked_for_on_top_of_a_scheme(address: str | None, is_allowed: bool):
    options = {"scheme": "easypost", "ip_allow": "192.0.2.0/24, 2001:db8::/32"}
    known, request = secret("k"), easypost_request(b"{}", "")
    request.source_ip = address

    if is_allowed:
        assert verify(options, [known], request) == known.id
        request.headers.clear()
        assert refusal(options, [known], request) == "signature_missing"
    else:
        assert refusal(options, [known], request) == "address"


def test_a_malformed_secret_proves_nothing_and_stops_no_other():
    request = standard_request(b"{}", now_text())
    known = secret(WHSEC)
    malformed = [secret("whsec_*"), secret("whpk_AAAA"), secret("whsec_")]

    assert verify({"scheme": "standard_webhooks"}, [*malformed, known], request) == known.id
    assert refusal({"scheme": "standard_webhooks"}, malformed, request) == "signature_wrong"


def test_every_scheme_can_be_built():
    """A scheme that the command line offers and the gateway does not know refuses everything."""
    needed = {
        "hmac": {"header": "X-S"},
        "path_only": {"reason": "cannot sign"},
        "saleor_jws": {"jwks_url": "https://shop.example/jwks.json"},
        "shared_secret": {"header": "X-S"},
        "shared_secret_legacy_json": {"header": "X-S"},
    }
    keys = {"public_key": "public", "private_key": "private"}

    for name in schemes.SCHEMES:
        options = {"scheme": name, **needed.get(name, {})}
        assert not isinstance(build_verifier(options, [], NO_KEYS, keys), Refuse), name


def respelled(encoded: bytes) -> bytes:
    """Base64 whose last digit differs in a bit that means nothing."""
    at = len(encoded.rstrip(b"=")) - 1
    return encoded[:at] + bytes([DIGITS[DIGITS.index(encoded[at]) ^ 1]]) + encoded[at + 1 :]


def test_another_spelling_of_a_public_key_signature_is_refused():
    request, known = ed25519_request(b"{}", now_text()), secret(WHPK)
    signature = request.headers[b"webhook-signature"]
    changed = respelled(signature)

    assert base64.b64decode(changed[4:]) == base64.b64decode(signature[4:])
    request.headers[b"webhook-signature"] = changed
    assert refusal({"scheme": "standard_webhooks"}, [known], request) == "signature_wrong"


def test_another_spelling_of_a_password_is_refused():
    request, known = basic("webhook", "password"), secret("password", "hash")

    request.headers[b"authorization"] = respelled(request.headers[b"authorization"])

    assert refusal({"scheme": "basic"}, [known], request) == "signature_format"


def test_two_timestamps_in_one_header_are_refused():
    request, known = stripe_request(b"{}", now_text()), secret("k")

    request.headers[b"stripe-signature"] += b",t=1"

    assert refusal({"scheme": "stripe_style"}, [known], request) == "signature_format"
