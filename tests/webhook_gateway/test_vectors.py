"""Without these, a signature that a real sender makes is refused: its published examples."""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import pytest

from tests.webhook_gateway.senders import inbound
from webhook_gateway import verification
from webhook_gateway.answers import Refusal
from webhook_gateway.endpoint_secrets import Secret
from webhook_gateway.inbound import Inbound
from webhook_gateway.jwks import Jwks
from webhook_gateway.verification import Braintree, base, build_verifier

BODY = b'{"id":"evt_demo","n":1}'
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NO_KEYS = cast("Jwks", None)


def verify(options: dict[str, Any], value: str | bytes, request: Inbound) -> bool:
    """Whether the request is accepted with this secret; bytes are a hash of it."""
    raw = value.encode() if isinstance(value, str) else value
    secret = Secret(uuid4(), "hmac" if isinstance(value, str) else "hash", raw, LONG_AGO, None)
    try:
        used = asyncio.run(build_verifier(options, [secret], NO_KEYS).verify(request))
    except Refusal:
        return False
    return used == secret.id


def set_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    """Let it be the time at which an example was signed."""
    monkeypatch.setattr(base, "utc_now", lambda: now)


@pytest.mark.parametrize(
    ("options", "signature"),
    [
        pytest.param(
            {}, "556c5dc37eda6c31b55eeebcecc1b5b50314d19c38f0647a04c4818af74bf56d", id="hex"
        ),
        pytest.param(
            {"encoding": "base64"}, "VWxdw37abDG1Xu687MG1tQMU0Zw48GR6BMSBivdL9W0=", id="base64"
        ),
    ],
)
def test_plain_hmac(options: dict[str, Any], signature: str):
    hmac = {"scheme": "hmac", "header": "X-S", **options}

    assert verify(hmac, "demo-secret", inbound(BODY, x_s=signature))
    assert not verify(hmac, "demo-secre", inbound(BODY, x_s=signature))


def test_sha1_of_a_log_drain_depends_on_every_space():
    drain = {"scheme": "vercel"}
    tight, spaced = b'[{"id":"1"}]', b'[{"id": "1"}]'
    signatures = {
        tight: "c908a6b6e9d9a0770ad6d7b3ccefeb9b655b7df1",
        spaced: "75bf313543a200240102e4efeec10d9654f775f9",
    }

    for body, signature in signatures.items():
        assert verify(drain, "drain-secret", inbound(body, x_vercel_signature=signature))
        other = spaced if body == tight else tight
        assert not verify(drain, "drain-secret", inbound(other, x_vercel_signature=signature))


def test_easypost_key_is_normalised():
    header = "hmac-sha256-hex=481782cab8594d778e743dcc10fa020892718b185020e78e4ff96123b1a73f4a"
    request = inbound(BODY, x_hmac_signature=header)
    raw = {"scheme": "hmac", "header": "x-hmac-signature", "prefix": "hmac-sha256-hex="}

    assert verify({"scheme": "easypost"}, "s\u00e9cret", request)
    assert not verify(raw, "s\u00e9cret", request)


def test_zoho_signs_sorted_parameters_and_the_body():
    signature = "52f69fea4ae9eb559c4ea2f509ca525c0fa34f4d7f16b63ecb18402941bce4b2"
    request = inbound(
        b'{"event_id":"5675"}',
        query=b"subscription_id=90343&name=basic",
        x_zoho_webhook_signature=signature,
    )

    assert verification.zoho_signed_text(request) == (
        b'namebasicsubscription_id90343{"event_id":"5675"}'
    )
    assert verify({"scheme": "zoho"}, "AlphaNumeric12", request)


def test_zoho_signs_decoded_form_fields():
    request = inbound(
        b"JSONString=%7B%22a%22%3A%22x+y%22%7D&b=2",
        query=b"a=1",
        content_type="application/x-www-form-urlencoded; charset=UTF-8",
    )

    assert verification.zoho_signed_text(request) == b'JSONString{"a":"x y"}a1b2'


def test_standard_webhooks(monkeypatch: pytest.MonkeyPatch):
    set_clock(monkeypatch, datetime.fromtimestamp(1700000000, UTC))
    signature = "v1,qGOLEbiZF7ryIudaotnfXiL9TMXHsD0GCL8wjOITh0I="
    headers: dict[str, Any] = {"webhook_id": "msg_demo1", "webhook_timestamp": "1700000000"}
    known = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    standard = {"scheme": "standard_webhooks"}

    assert verify(standard, known, inbound(BODY, **headers, webhook_signature=signature))
    assert verify(
        standard, known, inbound(BODY, **headers, webhook_signature=f"v1,AAAA v1a,xx {signature}")
    )
    changed = {**headers, "webhook_id": "msg_demo2"}
    assert not verify(standard, known, inbound(BODY, **changed, webhook_signature=signature))


def test_easypost_v2_signs_time_method_path_and_body(monkeypatch: pytest.MonkeyPatch):
    set_clock(monkeypatch, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    request = inbound(
        BODY,
        x_timestamp="2026-01-02T03:04:05Z",
        x_path="/v1/webhooks/easypost/wh_demo",
        x_hmac_signature_v2="47be942ef22b8ecd1628ce8f405030852587e136416e89a693b5f3e51b219bb9",
    )

    assert verify({"scheme": "easypost", "v2": "true"}, "s\u00e9cret", request)
    assert not verify({"scheme": "easypost"}, "s\u00e9cret", request)


def test_braintree_answers_a_challenge():
    credentials = {"public_key": "pub", "private_key": "priv"}
    verifier = build_verifier({"scheme": "braintree"}, [], NO_KEYS, credentials)

    assert isinstance(verifier, Braintree)
    assert verifier.answer("20f9f8ed05f77439fe955c977e4c8a53") == (
        b"pub|5d50acea216b983cf6c6d424dbaa95d601aed729"
    )
    assert verifier.answer("20F9F8ED05F77439FE955C977E4C8A53") is None
    assert verifier.answer("20f9") is None


def test_the_former_system_hashed_the_json_text_of_a_secret():
    stored = bytes.fromhex("6cc43f858fbb763301637b5af970e2a46b46f461f27e5a0f41e009c59b827b25")
    legacy = {"scheme": "shared_secret_legacy_json", "header": "Authorization"}

    assert verify(legacy, stored, inbound(authorization="abc"))
    assert not verify(legacy, stored, inbound(authorization="abx"))
    assert not verify({**legacy, "scheme": "shared_secret"}, stored, inbound(authorization="abc"))
