"""Without these, a repeat is processed as a new event, or a true event is taken for a repeat."""

import base64
from typing import Any
from uuid import uuid4

import orjson
import pytest

from tests.webhook_gateway.senders import braintree_form, inbound
from webhook_gateway.inbound import Inbound
from webhook_gateway.providers import provider, providers
from webhook_gateway.providers.base import key_digests

HMAC = {"scheme": "hmac"}
FORM = "application/x-www-form-urlencoded"


def keys(name: str, request: Inbound, options: dict[str, Any] = HMAC) -> tuple[bytes, bytes | None]:
    """The digest of the request's key, and of the same key yesterday."""
    return key_digests(name, provider(name).dedupe(request, options), request)


def test_the_providers_with_own_rules_are_found():
    own = {
        "braintree", "dpd", "easypost", "odoo", "reviewsio", "saleor", "shopify", "strapi",
        "stripe", "vercel", "zoho",
    }  # fmt: skip
    assert providers().keys() >= own
    assert {provider(name).accepted_status for name in own} == {200}
    assert (provider("other").name, provider("other").accepted_status) == ("other", 202)


@pytest.mark.parametrize("name", ["reviewsio", "saleor", "zoho", "vercel", "other", "shopify"])
def test_equal_content_is_one_fact_today_and_tomorrow_only(name: str):
    first = inbound(b"1", day="2026-01-02", day_before="2026-01-01")
    tomorrow = inbound(b"1", day="2026-01-03", day_before="2026-01-02")
    later = inbound(b"1", day="2026-01-04", day_before="2026-01-03")

    assert keys(name, first) == keys(name, inbound(b"1"))
    assert keys(name, first)[0] == keys(name, tomorrow)[1]
    assert keys(name, first)[0] not in keys(name, later)
    assert keys(name, first) != keys(name, inbound(b"2"))


def test_keys_of_senders_differ():
    assert len({keys(name, inbound(b"1"))[0] for name in ("saleor", "zoho", "other")}) == 3


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

    assert keys("other", first, standard) == keys("other", changed, standard)
    assert keys("other", first, standard)[1] is None
    assert keys("other", first, standard) != keys(
        "other", inbound(b"1", webhook_id="msg_2"), standard
    )


def test_an_unsigned_header_is_no_key():
    one, two = inbound(b"1", webhook_id="msg_1"), inbound(b"1", webhook_id="msg_2")

    assert keys("other", one) == keys("other", two)


def test_a_pointer_into_the_body_is_the_key():
    options = {"scheme": "hmac", "dedupe_pointer": "/event/id"}
    first = inbound(b'{"event":{"id":"evt_1"},"n":1}')
    retry = inbound(b'{"event":{"id":"evt_1"},"n":2}')
    nameless = [inbound(body) for body in (b"{", b"[]", b"{}", b'{"event":1}', b'{"event":{}}')]

    assert keys("other", first, options) == keys("other", retry, options)
    assert keys("other", first, options)[1] is None
    assert all(keys("other", each, options)[1] is not None for each in nameless)


def body(**facts: Any) -> Inbound:
    return inbound(orjson.dumps(facts))


def entry(event: str = "entry.update", id_: int = 1, **times: str) -> Inbound:
    """A delivery of Strapi, with another time of sending each."""
    return body(event=event, model="bulkorder", entry={"id": id_, **times}, createdAt=str(uuid4()))


def record(**facts: Any) -> Inbound:
    """A delivery of an action of Odoo, with other fields each."""
    return body(_model="sale.order", noise=str(uuid4()), **facts)


@pytest.mark.parametrize(
    ("name", "first", "repeat", "others"),
    [
        pytest.param(
            "easypost",
            body(id="evt_1", completed_urls=[]),
            body(id="evt_1", completed_urls=["x"]),
            [body(id="evt_2", completed_urls=[])],
            id="easypost",
        ),
        pytest.param(
            "stripe", body(id="evt_1", n=1), body(id="evt_1", n=2), [body(id="evt_2", n=1)],
            id="stripe",
        ),
        pytest.param(
            "strapi",
            entry(updatedAt="2026-01-02T00:00:00Z"),
            entry(updatedAt="2026-01-02T00:00:00Z"),
            [
                entry(updatedAt="2026-01-02T00:00:01Z"),
                entry("entry.publish", updatedAt="2026-01-02T00:00:00Z"),
                entry(id_=2, updatedAt="2026-01-02T00:00:00Z"),
            ],
            id="strapi 4",
        ),
        pytest.param(
            "strapi",
            entry(updated_at="2026-01-02T00:00:00Z"),
            entry(updated_at="2026-01-02T00:00:00Z"),
            [entry(updated_at="2026-01-02T00:00:01Z")],
            id="strapi 3",
        ),
        pytest.param(
            "odoo",
            record(_id=7, write_date="2026-01-02 00:00:00"),
            record(_id=7, write_date="2026-01-02 00:00:00"),
            [
                record(_id=8, write_date="2026-01-02 00:00:00"),
                record(_id=7, write_date="2026-01-02 00:00:01"),
            ],
            id="odoo",
        ),
        pytest.param(
            "shopify",
            inbound(b"1", x_shopify_event_id="e1", x_shopify_webhook_id="w1"),
            inbound(b"2", x_shopify_event_id="e1", x_shopify_webhook_id="w2"),
            [
                inbound(b"1", x_shopify_event_id="e2", x_shopify_webhook_id="w1"),
                inbound(b"1", x_shopify_webhook_id="e1"),
            ],
            id="shopify",
        ),
    ],
)  # fmt: skip
def test_the_sender_s_own_facts_are_the_key_for_ever(
    name: str, first: Inbound, repeat: Inbound, others: list[Inbound]
):
    assert keys(name, first) == keys(name, repeat)
    assert keys(name, first)[1] is None
    assert len({keys(name, each)[0] for each in (first, *others)}) == 1 + len(others)


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("easypost", body(no="id")),
        ("stripe", inbound(b"[]")),
        ("strapi", entry()),
        ("odoo", record(_id=7)),
        ("braintree", inbound(b"bt_payload=x", content_type=FORM)),
    ],
)
def test_without_these_facts_the_content_is_the_key(name: str, request_: Inbound):
    assert keys(name, request_)[1] is not None


def notification(kind: str = "dispute_opened", subject: str = "d1", *, at: str = "T1") -> Inbound:
    """A notification of Braintree; its signature differs each time."""
    xml = (
        f"<notification><timestamp>{at}</timestamp><kind>{kind}</kind><subject><dispute>"
        f"<transaction><id>t1</id></transaction><id>{subject}</id></dispute></subject>"
        "</notification>"
    )
    payload = base64.encodebytes(xml.encode()).decode()
    return braintree_form(payload, "public", str(uuid4()))


def test_a_notification_of_braintree_is_known_by_kind_time_and_subject():
    first = notification()
    others = [notification("dispute_won"), notification(subject="d2"), notification(at="T2")]

    assert provider("braintree").event_type(first, HMAC) == "dispute_opened"
    assert keys("braintree", first) == keys("braintree", notification())
    assert len({keys("braintree", each)[0] for each in (first, *others)}) == 4


def test_an_entity_bomb_is_not_expanded():
    bomb = b'<!DOCTYPE n [<!ENTITY a "aaaaaaaaaa">]><notification><kind>&a;</kind></notification>'
    request = braintree_form(base64.b64encode(bomb).decode(), "public", "private")

    assert provider("braintree").event_type(request, HMAC) is None
    assert keys("braintree", request)[1] is not None


@pytest.mark.parametrize(
    ("name", "request_", "event"),
    [
        ("easypost", body(description="tracker.updated"), "tracker.updated"),
        ("stripe", body(type="charge.succeeded"), "charge.succeeded"),
        ("strapi", entry("entry.create"), "entry.create"),
        ("odoo", record(), "sale.order"),
        ("shopify", inbound(x_shopify_topic="orders/create"), "orders/create"),
        ("easypost", body(description=7), None),
        ("stripe", inbound(b"{"), None),
    ],
)
def test_the_event_is_named_by_the_sender(name: str, request_: Inbound, event: str | None):
    assert provider(name).event_type(request_, HMAC) == event


def test_the_event_of_any_other_sender_is_found_where_the_options_say():
    by_header = {"scheme": "hmac", "event_header": "X-Event"}
    by_body = {"scheme": "hmac", "event_pointer": "/meta/kind"}

    assert provider("other").event_type(inbound(x_event="made"), by_header) == "made"
    assert provider("other").event_type(body(meta={"kind": "made"}), by_body) == "made"
    assert provider("other").event_type(body(meta={"kind": "made"}), HMAC) is None
