"""Mappers of reviews: the odd cases of the provider document, as tables."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from assets.reviews.reviewsio import (
    REVIEWSIO_MERCHANT_REVIEWS,
    REVIEWSIO_PRODUCT_REVIEWS,
    map_merchant_review,
    map_product_review,
)
from resources.reviewsio import ReviewsioConfig
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.engine.incoming import Incoming, prepare
from schemabase_dagster.normalise.order import order_number
from schemabase_dagster.streams import Stream

PRODUCT_REVIEW: dict[str, Any] = {
    "product_review_id": 812345,
    "sku": "AC-100-BLK",
    "name": "Fence tester",
    "product_make": "acme",
    "order_id": "SO-10482",
    "review": "Does what it should.",
    "rating": 4,
    "votes": 2,
    "date_created": "2025-01-18 20:07:41",
    "timeago": "3 weeks ago",
    "product": "Fence tester",
    "reviewer": {
        "user_id": 99,
        "first_name": "Mara",
        "last_name": "K",
        "verified_buyer": "yes",
        "address": "Bonn",
        "email": " Mara@Example.org",
    },
    "ratings": [{"name": "Quality", "score": "5"}],
    "images": [],
    "tags": [{"tag": "winter"}],
    "replies": [],
}
MERCHANT_REVIEW: dict[str, Any] = {
    "store_review_id": 551122,
    "order_number": "SO-10482",
    "title": "Fast",
    "comments": "Arrived next day.",
    "rating": 5,
    "date_created": "2025-03-02 08:11:09",
    "reviewer": {"first_name": "Mara", "last_name": "K", "verified_buyer": "yes"},
    "branch": {"name": ""},
    "images": [],
    "tags": [{"tag": "delivery"}],
    "ratings": [{"name": "Delivery", "score": "5"}],
    "replies": [
        {"user_type": "merchant", "comments": "Thanks!", "date_created": "2025-03-02 10:00:00"},
    ],
}


def record(payload: dict[str, Any], external_id: str, **config: Any) -> SourceRecord:
    valid = ReviewsioConfig.model_validate({"store_id": "acme-shop", **config})
    return SourceRecord(external_id, orjson.dumps(payload).decode(), valid, None)


def product(config: dict[str, Any] | None = None, **changes: Any) -> Candidate:
    """Map the documented review of a product with some fields changed."""
    payload = {**PRODUCT_REVIEW, **changes}
    return map_product_review(record(payload, "product_review-812345", **(config or {})))


def merchant(**changes: Any) -> Candidate:
    """Map the documented review of the merchant with some fields changed."""
    return map_merchant_review(record({**MERCHANT_REVIEW, **changes}, "store_review-551122"))


def test_documented_review_of_a_product():
    candidate = product()

    assert candidate.match_key == "reviewsio:product_review-812345"
    assert candidate.parents == {"order": ["SO-10482"], "variant": ["AC-100-BLK"]}
    assert candidate.values == {
        "review_key": "reviewsio:product_review-812345",
        "review_type": "product",
        "sku": "AC-100-BLK",
        "product_name": "Fence tester",
        "order_number": "SO-10482",
        "rating": 4,
        "title": None,
        "body": "Does what it should.",
        "author_name": "Mara K",
        "author_email": None,
        "author_email_sha256": hashlib.sha256(b"mara@example.org").hexdigest(),
        "is_verified_buyer": True,
        "sub_ratings": {"Quality": 5},
        "tags": ["winter"],
        "photos": [],
        "helpful_votes": 2,
        "reply_body": None,
        "replied_at": None,
        "reviewed_at": datetime(2025, 1, 18, 20, 7, 41, tzinfo=UTC),
    }


def test_documented_review_of_the_merchant():
    candidate = merchant()

    assert candidate.match_key == "reviewsio:store_review-551122"
    assert candidate.parents == {"order": ["SO-10482"], "variant": []}
    assert candidate.values["review_type"] == "merchant"
    assert candidate.values["sku"] is None
    assert candidate.values["title"] == "Fast"
    assert candidate.values["body"] == "Arrived next day."
    assert candidate.values["reply_body"] == "Thanks!"
    assert candidate.values["replied_at"] == datetime(2025, 3, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        ({"rating": "4"}, "rating", 4),
        ({"rating": 4.0}, "rating", 4),
        ({"votes": "7"}, "helpful_votes", 7),
        ({"votes": None}, "helpful_votes", 0),
        ({"review": "5 &lt; 6 &amp;amp; h&auml;lt 👍"}, "body", "5 < 6 &amp; hält 👍"),
        ({"review": " "}, "body", None),
        ({"review": None, "comments": "By webhook"}, "body", "By webhook"),
        ({"title": "Top &amp; schnell"}, "title", "Top & schnell"),
        ({"sku": " AC  100 "}, "sku", "AC 100"),
        ({"sku": None, "product": {"sku": "AC-9"}}, "sku", "AC-9"),
        ({"sku": ""}, "sku", None),
        ({"name": None, "product": "Fence &amp; post"}, "product_name", "Fence & post"),
        ({"name": "", "product": {"name": "Post"}}, "product_name", "Post"),
        ({"name": None, "product": None}, "product_name", None),
        ({"ratings": {"q": {"rating_text": "Fit", "rating": 3}}}, "sub_ratings", {"Fit": 3}),
        ({"ratings": {"Fit": {"rating": "2"}}}, "sub_ratings", {"Fit": 2}),
        ({"ratings": []}, "sub_ratings", {}),
        ({"ratings": [{"name": "Quality", "score": "n/a"}]}, "sub_ratings", {}),
        ({"images": "https://m.example/1.jpg"}, "photos", ["https://m.example/1.jpg"]),
        ({"images": ["https://m.example/1.jpg"]}, "photos", ["https://m.example/1.jpg"]),
        ({"images": [{"image": "https://m.example/1.jpg"}]}, "photos", ["https://m.example/1.jpg"]),
        ({"images": ""}, "photos", []),
        ({"images": [None, {}]}, "photos", []),
        ({"tags": None}, "tags", []),
        ({"reviewer": {"verified_buyer": "no"}}, "is_verified_buyer", False),
        ({"reviewer": {"verified_buyer": True}}, "is_verified_buyer", True),
        ({"reviewer": {"verified_buyer": 1}}, "is_verified_buyer", True),
        ({"reviewer": {}}, "is_verified_buyer", None),
        ({"reviewer": None, "author": "Mara &amp; Jo"}, "author_name", "Mara & Jo"),
        ({"reviewer": None, "author": {"name": "Mara K"}}, "author_name", "Mara K"),
        ({"reviewer": None, "user": {"name": "Mara K"}}, "author_name", "Mara K"),
        ({"reviewer": {"first_name": "Mara", "last_name": ""}}, "author_name", "Mara"),
        ({"reviewer": None}, "author_name", None),
        ({"reviewer": {"email": "no address"}}, "author_email_sha256", None),
        ({"order_id": None}, "order_number", None),
    ],
)  # fmt: skip
def test_shapes_of_one_field(changes: dict[str, Any], column: str, expected: Any):
    assert product(**changes).values[column] == expected


def test_the_latest_reply_with_a_text_counts():
    replies = [
        {"comments": "First", "date_created": "2025-01-19 10:00:00"},
        {"comments": "Last", "date_created": "2025-01-21 10:00:00"},
        {"comments": "", "date_created": "2025-01-22 10:00:00"},
        "not a reply",
    ]

    values = product(replies=replies).values

    assert values["reply_body"] == "Last"
    assert values["replied_at"] == datetime(2025, 1, 21, 10, tzinfo=UTC)


def test_a_reply_without_a_date_is_a_reply():
    values = product(replies=[{"comments": "Thanks"}]).values

    assert (values["reply_body"], values["replied_at"]) == ("Thanks", None)


@pytest.mark.parametrize(
    ("written", "prefix", "expected"),
    [
        ("1042", "STORE", "STORE-1042"),
        (1042, "STORE", "STORE-1042"),
        ("#1042", "STORE", "STORE-1042"),
        (" 1042 ", None, "1042"),
        ("STORE-1042", "STORE", "STORE-1042"),
        ("SO-10482", "STORE", "SO-10482"),
        ("#", "STORE", None),
        ("", "STORE", None),
        ("0", "STORE", None),
        (None, "STORE", None),
        (True, "STORE", None),
        ({"id": 1}, "STORE", None),
    ],
)
def test_order_numbers(written: Any, prefix: str | None, expected: str | None):
    assert order_number(written, prefix) == expected


def test_a_number_of_a_review_never_names_an_order_by_its_external_id():
    # "#..." in a parent's key is the id of a record, not a number
    assert product(order_id="#10482").parents["order"] == ["10482"]


def test_an_app_may_keep_e_mails():
    values = product({"keep_emails": True}).values

    assert values["author_email"] == "mara@example.org"


@pytest.mark.parametrize(
    "changes",
    [
        {"rating": 0},
        {"rating": 6},
        {"rating": 4.5},
        {"rating": None},
        {"rating": "good"},
        {"rating": True},
        {"date_created": "yesterday"},
        {"date_created": None},
    ],
)
def test_reviews_without_stars_or_date_are_set_aside(changes: dict[str, Any]):
    with pytest.raises(ValidationError):
        product(**changes)


@pytest.mark.parametrize("stream", [REVIEWSIO_PRODUCT_REVIEWS, REVIEWSIO_MERCHANT_REVIEWS])
def test_the_age_in_words_is_no_change(stream: Stream):
    read_at = datetime(2025, 3, 3, tzinfo=UTC)
    review = {**PRODUCT_REVIEW, **MERCHANT_REVIEW}

    first = prepare(stream, {**review, "timeago": "1 day ago"}, read_at)
    second = prepare(stream, {**review, "timeago": "2 days ago"}, read_at)

    assert isinstance(first, Incoming)
    assert isinstance(second, Incoming)
    assert first.digest == second.digest


@pytest.mark.parametrize(
    ("payload", "products", "merchants"),
    [
        ({"id": 812345, "review_type": "product"}, ["product_review-812345"], []),
        ({"id": "551122", "review_type": "company"}, [], ["store_review-551122"]),
        ({"id": "1 OR 1", "review_type": "product"}, [], []),
        ({"id": None, "review_type": "product"}, [], []),
        ({"id": True, "review_type": "product"}, [], []),
        ({"id": 1, "review_type": "survey"}, [], []),
        ([], [], []),
    ],
)
def test_deliveries_hint_at_one_review(payload: Any, products: list[str], merchants: list[str]):
    feeds = [REVIEWSIO_PRODUCT_REVIEWS.webhook, REVIEWSIO_MERCHANT_REVIEWS.webhook]

    assert [feed.extract("", payload) for feed in feeds if feed] == [products, merchants]
