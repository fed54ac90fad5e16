"""Without these, a shop's key rotation loses events, or a forged signature passes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from tests.webhook_gateway.senders import ShopKey, hmac_hex, inbound
from tests.webhook_gateway.servers import KeySet
from webhook_gateway import jwks as jwks_module
from webhook_gateway.answers import Refusal
from webhook_gateway.endpoint_secrets import Secret
from webhook_gateway.inbound import Inbound
from webhook_gateway.jwks import Jwks
from webhook_gateway.verification import Verifier, build_verifier

T = TypeVar("T")
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
"""Of base64 in URLs."""

BODY = b'{"__typename": "OrderUpdated", "order": {"id": "T3JkZXI6MQ=="}}'


def with_verifier(
    key_set: KeySet,
    work: Callable[[Verifier], Awaitable[T]],
    secrets: tuple[Secret, ...] = (),
) -> T:
    """Run some work with one verifier of the shop, whose keys it keeps."""

    async def run() -> T:
        keys = Jwks()
        options = {"scheme": "saleor_jws", "jwks_url": key_set.url}
        try:
            return await work(build_verifier(options, secrets, keys))
        finally:
            await keys.close()

    return asyncio.run(run())


async def outcome(verifier: Verifier, request: Inbound) -> str:
    try:
        await verifier.verify(request)
    except Refusal as refusal:
        return f"{refusal.status} {refusal.reason}"
    return "accepted"


def signed(key: ShopKey, body: bytes = BODY, **changes: Any) -> Inbound:
    return inbound(body, saleor_signature=key.sign(body, **changes))


def outcomes(key_set: KeySet, *requests: Inbound) -> list[str]:
    async def work(verifier: Verifier) -> list[str]:
        return [await outcome(verifier, request) for request in requests]

    return with_verifier(key_set, work)


def test_a_signed_delivery_passes_and_the_keys_are_kept(key_set: KeySet, shop_key: ShopKey):
    twin = inbound(BODY, x_saleor_signature=shop_key.sign(BODY))

    assert outcomes(key_set, signed(shop_key), signed(shop_key), twin) == ["accepted"] * 3
    assert key_set.reads == 1


def test_keys_are_read_again_when_they_are_old(
    key_set: KeySet, shop_key: ShopKey, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jwks_module, "KEEP_SECONDS", 0)

    assert outcomes(key_set, signed(shop_key), signed(shop_key)) == ["accepted"] * 2
    assert key_set.reads == 2


def test_a_new_key_is_fetched_once(key_set: KeySet, shop_key: ShopKey, other_key: ShopKey):
    async def work(verifier: Verifier) -> list[str]:
        first = await outcome(verifier, signed(shop_key))
        key_set.keys = [other_key.jwk]
        return [first, *[await outcome(verifier, signed(other_key)) for _ in range(3)]]

    assert with_verifier(key_set, work) == ["accepted"] * 4
    assert key_set.reads == 2


def test_a_key_that_the_shop_does_not_have_is_refused(
    key_set: KeySet, shop_key: ShopKey, other_key: ShopKey
):
    found = outcomes(key_set, signed(shop_key), signed(other_key), signed(other_key))

    assert found == ["accepted", "401 unknown_key", "401 unknown_key"]
    assert key_set.reads == 2


def test_a_second_unknown_key_within_a_minute_is_put_off(key_set: KeySet, shop_key: ShopKey):
    """401 would lose events for good when the shop has rotated right after somebody's forgery."""
    requests = [signed(shop_key), signed(shop_key, kid="one"), signed(shop_key, kid="two")]

    found = outcomes(key_set, *requests)

    assert found == ["accepted", "401 unknown_key", "503 key_unknown_for_now"]


def test_the_same_kid_with_another_key_is_refused(
    key_set: KeySet, shop_key: ShopKey, other_key: ShopKey
):
    assert outcomes(key_set, signed(other_key, kid=shop_key.kid)) == ["401 signature_wrong"]


def test_a_changed_body_is_refused(key_set: KeySet, shop_key: ShopKey):
    changed = [BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :] for at in range(len(BODY))]
    requests = [inbound(body, saleor_signature=shop_key.sign(BODY)) for body in changed]

    assert set(outcomes(key_set, *requests)) == {"401 signature_wrong"}


def test_a_changed_signature_is_refused(key_set: KeySet, shop_key: ShopKey):
    """The last digit too, four bits of which mean nothing when it is read leniently."""
    good = shop_key.sign(BODY)
    start = good.rindex(".") + 1
    others = [
        good[:at] + DIGITS[DIGITS.index(good[at]) ^ 1] + good[at + 1 :]
        for at in (start, start + 171, len(good) - 1)
    ]

    found = outcomes(key_set, *(inbound(BODY, saleor_signature=each) for each in others))

    assert {outcome.partition(" ")[0] for outcome in found} == {"401"}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"alg": "none"}, id="alg none"),
        pytest.param({"alg": "HS256"}, id="alg HS256"),
        pytest.param({"alg": "RS512"}, id="alg RS512"),
        pytest.param({"b64": True}, id="b64 true"),
        pytest.param({"b64": None, "crit": None}, id="no b64"),
        pytest.param({"crit": None}, id="no crit"),
        pytest.param({"crit": ["b64", "exp"]}, id="unknown crit"),
        pytest.param({"kid": 7}, id="kid is a number"),
    ],
)
def test_another_protected_header_is_refused(
    key_set: KeySet, shop_key: ShopKey, changes: dict[str, Any]
):
    (found,) = outcomes(key_set, signed(shop_key, **changes))

    assert found.startswith("401 ")


@pytest.mark.parametrize("b64", [None, True, 0, "false"])
def test_a_signature_over_nothing_does_not_cover_a_body(
    key_set: KeySet, shop_key: ShopKey, b64: object
):
    # Unless b64 is false the signed payload is what stands between the dots, which is empty.
    over_nothing = shop_key.sign(b"", b64=b64, crit=None if b64 is None else ["b64"])

    assert outcomes(key_set, inbound(BODY, saleor_signature=over_nothing)) == ["401 algorithm"]


@pytest.mark.parametrize("signature", ["x", "a.b", "a.e30.c", "...", "\u00e4..b", "a..b=="])
def test_what_is_no_detached_signature_is_refused(key_set: KeySet, signature: str):
    (found,) = outcomes(key_set, inbound(BODY, saleor_signature=signature))

    assert found == "401 signature_format"


def test_a_shop_that_does_not_answer_is_our_trouble(key_set: KeySet, shop_key: ShopKey):
    key_set.status = 500

    assert outcomes(key_set, signed(shop_key)) == ["503 keys_unavailable"]


def test_a_shop_that_drips_is_waited_for_once_by_all(
    key_set: KeySet, shop_key: ShopKey, monkeypatch: pytest.MonkeyPatch
):
    """Whoever waits takes the place of another tenant's delivery."""
    monkeypatch.setattr(jwks_module, "FETCH_SECONDS", 0.5)
    monkeypatch.setattr(jwks_module, "RETRY_SECONDS", 0.5)
    key_set.is_dripping = True

    async def work(verifier: Verifier) -> list[str]:
        return await asyncio.gather(*(outcome(verifier, signed(shop_key)) for _ in range(5)))

    assert set(with_verifier(key_set, work)) == {"503 keys_unavailable"}
    assert key_set.reads == 1


def test_a_packed_answer_is_not_unpacked(key_set: KeySet, shop_key: ShopKey):
    key_set.is_packed = True

    assert outcomes(key_set, signed(shop_key)) == ["503 keys_unavailable"]


def test_known_keys_outlive_an_outage_of_the_shop(
    key_set: KeySet, shop_key: ShopKey, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jwks_module, "KEEP_SECONDS", 0)

    async def work(verifier: Verifier) -> list[str]:
        first = await outcome(verifier, signed(shop_key))
        key_set.status = 500
        return [first, await outcome(verifier, signed(shop_key))]

    assert with_verifier(key_set, work) == ["accepted"] * 2


@pytest.mark.parametrize(
    "change", [{"use": "enc"}, {"alg": "RS512"}, {"kty": "EC"}, {"n": "AQAB"}, {"kid": None}]
)
def test_keys_for_other_purposes_are_not_used(
    key_set: KeySet, shop_key: ShopKey, change: dict[str, Any]
):
    key_set.keys = [{**shop_key.jwk, **change}]

    (found,) = outcomes(key_set, signed(shop_key))

    assert found in {"401 unknown_key", "503 keys_unavailable"}


def test_a_weak_key_is_not_used(key_set: KeySet, shop_key: ShopKey):
    weak = ShopKey(bits=1024)
    key_set.keys = [shop_key.jwk, weak.jwk]

    assert outcomes(key_set, signed(weak)) == ["401 unknown_key"]


def test_plain_hmac_needs_a_stored_secret(key_set: KeySet, shop_key: ShopKey):
    request = inbound(BODY, saleor_signature=hmac_hex("legacy", BODY))
    legacy = Secret(uuid4(), "hmac", b"legacy", datetime(2020, 1, 1, tzinfo=UTC), None)

    assert outcomes(key_set, request) == ["401 signature_format"]
    assert with_verifier(key_set, lambda v: outcome(v, request), (legacy,)) == "accepted"
    forged = inbound(BODY, saleor_signature=hmac_hex(str(shop_key.jwk["n"]), BODY))
    found = with_verifier(key_set, lambda v: outcome(v, forged), (legacy,))
    assert found == "401 signature_wrong"
