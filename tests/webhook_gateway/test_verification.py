"""Without these, a forged, altered or late delivery is stored, or a scheme fails open."""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.strapi import STRAPI, StrapiConfig
from schemabase_dagster.clock import utc_now
from tests.webhook_gateway.senders import hmac_hex, inbound
from webhook_gateway.answers import Refusal
from webhook_gateway.endpoint_secrets import Secret
from webhook_gateway.inbound import Inbound
from webhook_gateway.jwks import Jwks
from webhook_gateway.providers import provider
from webhook_gateway.verification import build_verifier

NO_KEYS = cast("Jwks", None)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
WHSEC = "whsec_" + base64.b64encode(bytes(32)).decode()


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


def standard_request(body: bytes, stamp: str) -> Inbound:
    signed = b"msg_1." + stamp.encode() + b"." + body
    digest = bytes.fromhex(hmac_hex("\0" * 32, signed))
    signature = "v1," + base64.b64encode(digest).decode()
    return inbound(body, webhook_id="msg_1", webhook_timestamp=stamp, webhook_signature=signature)


STAMPED = {
    "scheme": "hmac",
    "header": "X-S",
    "prefix": "v0=",
    "template": "{ts}.{body}",
    "timestamp_header": "X-T",
}
SCHEMES = [
    pytest.param(STAMPED, "k", hmac_request, id="hmac"),
    pytest.param({"scheme": "zoho"}, "k", zoho_request, id="zoho"),
    pytest.param({"scheme": "standard_webhooks"}, WHSEC, standard_request, id="standard"),
]
Make = Callable[[bytes, str], Inbound]


@pytest.mark.parametrize(("options", "value", "make"), SCHEMES)
@given(body=st.binary(max_size=200), data=st.data())
@settings(max_examples=60)
def test_every_change_of_one_byte_is_refused(
    options: dict[str, Any], value: str, make: Make, body: bytes, data: st.DataObject
):
    known = secret(value)
    request = make(body, now_text())
    signed_headers = [name for name in request.headers if name != b"content-type"]
    where = data.draw(st.sampled_from([*signed_headers, *([b""] if body else [])]))
    text = request.headers[where] if where else body
    at = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda each: each != text[at]))
    changed = text[:at] + bytes([byte]) + text[at + 1 :]
    headers = {**request.headers, where: changed} if where else request.headers
    forged = Inbound(
        headers, request.query, body if where else changed, None, "2026-01-02", "2026-01-01"
    )

    assert verify(options, [known], request) == known.id
    assert refusal(options, [known], forged)


@pytest.mark.parametrize(("options", "value", "make"), SCHEMES)
def test_old_and_new_secret_pass_until_the_old_one_ends(
    options: dict[str, Any], value: str, make: Make
):
    request = make(b"{}", now_text())
    other = secret(WHSEC[:-2] + "1=" if value == WHSEC else "new")
    valid = secret(value, until=utc_now() + timedelta(hours=1))
    over = secret(value, until=utc_now() - timedelta(seconds=1))
    future = Secret(uuid4(), "hmac", value.encode(), utc_now() + timedelta(hours=1), None)

    assert verify(options, [other, valid], request) == valid.id
    assert refusal(options, [other, over, future], request) == "signature_wrong"


@pytest.mark.parametrize(("options", "value", "make"), [SCHEMES[0], SCHEMES[2]])
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
        {"scheme": "basic"},
        {"scheme": ["hmac"]},
        {"scheme": "hmac"},
        {"scheme": "hmac", "header": "X-S", "algorithm": "md5"},
        {"scheme": "hmac", "header": "X-S", "timestamp_header": "X-T"},
        {"scheme": "hmac", "header": "X-S", "template": "{ts}.{body}"},
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
