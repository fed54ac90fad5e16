"""Without these, a sender cannot check our address, or a mere check is stored as an event."""

from typing import Any

import httpx
import pytest
from psycopg import Connection

from schemabase_dagster import webhooks
from schemabase_dagster.webhooks import Created
from tests.support import shops
from tests.support.rows import count, value
from tests.webhook_gateway.conftest import MakeEndpoint
from tests.webhook_gateway.senders import hmac_hex

CHALLENGE = "20f9f8ed05f77439fe955c977e4c8a53"
CODE = "7f4677dfb49b149c4a67d45e84e0bcaab835ea50"


def path(endpoint: Created) -> str:
    return f"/v1/webhooks/{endpoint.provider}/{endpoint.endpoint_id}"


def test_a_configured_challenge_is_echoed_and_not_stored(
    conn: Connection[Any], gateway: httpx.Client, make_endpoint: MakeEndpoint
):
    where = path(make_endpoint(scheme="github", challenge="hub.challenge"))

    answer = gateway.get(where, params={"hub.challenge": "1158201444"})

    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    assert count(conn, "platform.webhook_inbox") == 0


@pytest.mark.parametrize(
    "query",
    ["", "other=1", "hub.challenge=", "hub.challenge=%3Cb%3E", "hub.challenge=1&hub.challenge=2"],
)
def test_what_is_no_challenge_is_not_echoed(
    gateway: httpx.Client, make_endpoint: MakeEndpoint, query: str
):
    where = path(make_endpoint(scheme="github", challenge="hub.challenge"))

    answer = gateway.get(f"{where}?{query}")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_nothing_is_echoed_unless_it_was_asked_for(gateway: httpx.Client, endpoint: Created):
    assert gateway.get(path(endpoint), params={"challenge": "1"}).status_code == 405


@pytest.fixture
def braintree(conn: Connection[Any], tenant: Any) -> Created:
    """An endpoint of a Braintree app."""
    app = shops.unreachable_braintree(conn, tenant)
    return webhooks.create_endpoint(conn, app, {"scheme": "braintree"})


def test_a_challenge_of_braintree_is_answered_with_the_app_s_keys(
    conn: Connection[Any], gateway: httpx.Client, braintree: Created
):
    answer = gateway.get(path(braintree), params={"bt_challenge": CHALLENGE})

    public_key, _, digest = answer.text.partition("|")
    assert answer.status_code == 200
    assert public_key == shops.BRAINTREE_KEYS["public_key"]
    assert len(digest) == 40
    assert shops.BRAINTREE_KEYS["private_key"] not in answer.text
    assert count(conn, "platform.webhook_inbox") == 0


def test_no_other_text_is_signed_for_braintree(gateway: httpx.Client, braintree: Created):
    for text in ("", "xyz", CHALLENGE.upper(), CHALLENGE + "0"):
        assert gateway.get(path(braintree), params={"bt_challenge": text}).status_code == 405


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_an_unsigned_request_gets_the_code_of_the_drain(
    conn: Connection[Any], gateway: httpx.Client, drain: Created, method: str
):
    answer = gateway.request(method, path(drain))

    assert (answer.status_code, answer.headers["x-vercel-verify"]) == (200, CODE)
    assert count(conn, "platform.webhook_inbox") == 0


@pytest.fixture
def drain(conn: Connection[Any], app: Any) -> Created:
    """An endpoint of a drain whose code was entered."""
    created = webhooks.create_endpoint(conn, app, {"scheme": "vercel", "verify": CODE})
    as_vercel(conn)
    return Created(created.endpoint_id, "vercel", "vercel", created.secret)


def as_vercel(conn: Connection[Any]) -> None:
    conn.execute("UPDATE platform.webhook_endpoint SET provider = 'vercel'")


def test_signed_batches_are_stored_and_others_refused(
    conn: Connection[Any], gateway: httpx.Client, drain: Created
):
    body = b'[{"id":"1"}]'
    signature = hmac_hex(drain.secret or "", body, "sha1")

    good = gateway.post(path(drain), content=body, headers={"x-vercel-signature": signature})
    bad = gateway.post(path(drain), content=body + b" ", headers={"x-vercel-signature": signature})

    assert (good.status_code, good.text, good.headers["x-vercel-verify"]) == (200, "ok", CODE)
    assert bad.status_code == 401
    assert "x-vercel-verify" not in bad.headers
    assert value(conn, "SELECT body FROM platform.webhook_inbox") == body


def test_without_a_code_an_unsigned_request_is_refused(
    conn: Connection[Any], gateway: httpx.Client, app: Any
):
    created = webhooks.create_endpoint(conn, app, {"scheme": "vercel"})
    as_vercel(conn)
    where = f"/v1/webhooks/vercel/{created.endpoint_id}"

    assert gateway.post(where).status_code == 401
    assert gateway.get(where).status_code == 405
