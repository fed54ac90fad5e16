"""Without these, a repeat is processed as a new event, or a true event is taken for a repeat."""

from typing import Any

import pytest

from tests.webhook_gateway.senders import inbound
from webhook_gateway.inbound import Inbound
from webhook_gateway.providers import provider, providers
from webhook_gateway.providers.base import key_digests

HMAC = {"scheme": "hmac"}


def keys(name: str, request: Inbound, options: dict[str, Any] = HMAC) -> tuple[bytes, bytes | None]:
    """The digest of the request's key, and of the same key yesterday."""
    return key_digests(name, provider(name).dedupe(request, options), request)


def test_the_providers_with_own_rules_are_found():
    assert providers().keys() >= {"dpd", "reviewsio", "saleor", "zoho"}
    assert provider("strapi").name == "strapi"
    statuses = {name: provider(name).accepted_status for name in ("strapi", "zoho", "reviewsio")}
    assert statuses == {"strapi": 202, "zoho": 200, "reviewsio": 200}


@pytest.mark.parametrize("name", ["reviewsio", "saleor", "zoho", "strapi"])
def test_equal_content_is_one_fact_today_and_tomorrow_only(name: str):
    first = inbound(b"1", day="2026-01-02", day_before="2026-01-01")
    tomorrow = inbound(b"1", day="2026-01-03", day_before="2026-01-02")
    later = inbound(b"1", day="2026-01-04", day_before="2026-01-03")

    assert keys(name, first) == keys(name, inbound(b"1"))
    assert keys(name, first)[0] == keys(name, tomorrow)[1]
    assert keys(name, first)[0] not in keys(name, later)
    assert keys(name, first) != keys(name, inbound(b"2"))


def test_keys_of_senders_differ():
    assert len({keys(name, inbound(b"1"))[0] for name in ("saleor", "zoho", "strapi")}) == 3


def test_equal_content_of_two_saleor_events_is_two_facts():
    created = inbound(b"1", saleor_event="order_created")
    updated = inbound(b"1", saleor_event="order_updated")

    assert keys("saleor", created) != keys("saleor", updated)
    assert keys("saleor", created) == keys("saleor", inbound(b"1", x_saleor_event="order_created"))
    assert provider("saleor").event_type(created, HMAC) == "order_created"


def test_an_event_name_that_is_none_is_left_out():
    assert provider("saleor").event_type(inbound(saleor_event="a b\n" + "x" * 200), HMAC) is None


def test_zoho_identifies_a_delivery_by_what_is_signed():
    signed = {"scheme": "zoho"}
    one = inbound(b"{}", query=b"b=2&a=1")
    reordered = inbound(b"{}", query=b"a=1&b=2")

    assert keys("zoho", one, signed) == keys("zoho", reordered, signed)
    assert keys("zoho", one, signed) != keys("zoho", inbound(b"{}", query=b"a=2&b=2"), signed)


def test_a_rotated_token_in_the_query_makes_no_new_fact():
    shared = {"scheme": "shared_secret", "query": "token"}

    old, new = inbound(b"{}", query=b"token=old"), inbound(b"{}", query=b"token=new")

    assert keys("zoho", old, shared) == keys("zoho", new, shared)


def test_standard_webhooks_are_known_by_their_signed_id_for_ever():
    standard = {"scheme": "standard_webhooks"}
    first = inbound(b"1", webhook_id="msg_1")
    changed = inbound(b"2", day="2027-01-01", day_before="2026-12-31", webhook_id="msg_1")

    assert keys("strapi", first, standard) == keys("strapi", changed, standard)
    assert keys("strapi", first, standard)[1] is None
    assert keys("strapi", first, standard) != keys(
        "strapi", inbound(b"1", webhook_id="msg_2"), standard
    )


def test_an_unsigned_header_is_no_key():
    one, two = inbound(b"1", webhook_id="msg_1"), inbound(b"1", webhook_id="msg_2")

    assert keys("strapi", one) == keys("strapi", two)


def test_a_pointer_into_the_body_is_the_key():
    options = {"scheme": "easypost", "dedupe_pointer": "/id"}
    first, retry = inbound(b'{"id":"evt_1","n":1}'), inbound(b'{"id":"evt_1","n":2}')
    nameless = [inbound(body) for body in (b"{", b"[]", b"{}", b'{"id":{}}', b'{"id":null}')]

    assert keys("easypost", first, options) == keys("easypost", retry, options)
    assert keys("easypost", first, options)[1] is None
    assert all(keys("easypost", each, options)[1] is not None for each in nameless)
