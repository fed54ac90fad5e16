"""REVIEWS.io: raw reviews and ratings, and what a review says about a canonical one.

One and the same field comes in several shapes, by endpoint and by age of the review (API of
REVIEWS.io, product/reviews/all and merchant/reviews): numbers as text, lists as objects, texts
with HTML entities.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from resources.reviewsio import REVIEWSIO, RatingBatch, ReviewList
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise import text as normal
from schemabase_dagster.normalise.fields import Amount, Decoded, Instant, SourceModel
from schemabase_dagster.normalise.money import decimal
from schemabase_dagster.normalise.order import order_number
from schemabase_dagster.normalise.text import decoded
from schemabase_dagster.source_json import objects
from schemabase_dagster.streams import Stream, WebhookFeed

PRODUCT_PREFIX: Final = "product_review-"
MERCHANT_PREFIX: Final = "store_review-"
"""Both kinds count on their own; the vendor's timeline writes their ids like this."""

BEST: Final = 5

VOLATILE: Final = frozenset({"timeago", "date_formatted"})
"""The age of a review in words: another one every day."""


def _stars(value: Any) -> int:
    number = decimal(value)
    if number is None or number != int(number) or not 1 <= number <= BEST:
        raise ValueError("not a rating from 1 to 5")
    return int(number)


class _Review(SourceModel):
    rating: Annotated[int, BeforeValidator(_stars)]
    date_created: Instant
    title: Decoded = None
    review: Decoded = None
    comments: Decoded = None
    sku: Any = None
    name: Decoded = None
    product: Any = None
    order_id: Any = None
    order_number: Any = None
    reviewer: Any = None
    author: Any = None
    user: Any = None
    votes: Any = None
    ratings: Any = None
    images: Any = None
    tags: Any = None
    replies: Any = None


def map_product_review(record: SourceRecord) -> Candidate:
    """Map a review of a product; it refers to the order's number and to the SKU."""
    review = record.read(_Review)
    product = review.product if isinstance(review.product, dict) else {"name": review.product}
    sku = normal.sku(review.sku) or normal.sku(product.get("sku")) or None
    facts = {
        "review_type": "product",
        "sku": sku,
        "product_name": review.name or decoded(product.get("name")),
    }
    return _candidate(record, review, facts, review.order_id)


def map_merchant_review(record: SourceRecord) -> Candidate:
    """Map a review of the merchant; it refers to the order's number."""
    review = record.read(_Review)
    facts = {"review_type": "merchant", "sku": None, "product_name": None}
    return _candidate(record, review, facts, review.order_number)


def hinted(kind: str, prefix: str) -> WebhookFeed:
    """Return the feed of a stream: a delivery names a review, which is read again.

    Its body has no time and not all fields, and nothing proves where it comes from.

    Args:
        kind: ``review_type`` of the stream's reviews.
        prefix: of the stream's ids.
    """

    def ids(_event: str, payload: Any) -> Sequence[str]:
        if not isinstance(payload, dict) or payload.get("review_type") != kind:
            return []
        review_id = payload.get("id")
        known = isinstance(review_id, str | int) and not isinstance(review_id, bool)
        return [f"{prefix}{review_id}"] if known and str(review_id).isdecimal() else []

    return WebhookFeed("hint", ids)


def _candidate(
    record: SourceRecord, review: _Review, facts: Mapping[str, Any], order: Any
) -> Candidate:
    key = f"{REVIEWSIO.name}:{record.external_id}"
    number = order_number(order, record.config.shop_prefix)
    reviewer = review.reviewer if isinstance(review.reviewer, dict) else {}
    address = normal.email(reviewer.get("email"))
    reply = _latest_reply(review.replies)
    parents = {"order": [number], "variant": [facts["sku"]]}
    return Candidate(
        match_key=key,
        number=record.external_id,
        values={
            **facts,
            "review_key": key,
            "order_number": number,
            "rating": review.rating,
            "title": review.title,
            "body": review.review or review.comments,
            "author_name": _author(review, reviewer),
            "author_email": address if record.config.keep_emails else None,
            "author_email_sha256": _sha256(address),
            "is_verified_buyer": _flag(reviewer.get("verified_buyer")),
            "sub_ratings": _sub_ratings(review.ratings),
            "tags": _texts(review.tags, "tag"),
            "photos": _texts(review.images, "image", "url", "src"),
            "helpful_votes": _count(review.votes),
            "reply_body": decoded(reply.get("comments")),
            "replied_at": _instant(reply),
            "reviewed_at": review.date_created,
        },
        parents={entity: list(filter(None, keys)) for entity, keys in parents.items()},
        attrs={"rating": review.rating},
    )


def _author(review: _Review, reviewer: Mapping[str, Any]) -> str | None:
    names = (decoded(reviewer.get(part)) for part in ("first_name", "last_name"))
    written = " ".join(filter(None, names))
    if written:
        return written
    for other in (review.author, review.user):
        name = decoded(other.get("name") if isinstance(other, dict) else other)
        if name:
            return name
    return None


def _sha256(address: str | None) -> str | None:
    return hashlib.sha256(address.encode()).hexdigest() if address else None


def _flag(value: Any) -> bool | None:
    known = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    return known.get(str(value).strip().lower())


def _count(value: Any) -> int:
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() else 0


def _sub_ratings(value: Any) -> dict[str, int]:
    """Return question -> stars, from ``[{name, score}]`` or ``{label: {rating_text, rating}}``."""
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        pairs = (
            (each.get("rating_text") or label, each.get("rating"))
            for label, each in value.items()
            if isinstance(each, dict)
        )
    elif isinstance(value, list):
        pairs = ((each.get("name"), each.get("score")) for each in value if isinstance(each, dict))
    return {
        name: int(str(stars))
        for label, stars in pairs
        if (name := decoded(label)) and str(stars) in {"1", "2", "3", "4", "5"}
    }


def _texts(value: Any, *keys: str) -> list[str]:
    """Return the texts of a list of texts or of objects, of one text, or of nothing."""
    items = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    found = (
        next((each[key] for key in keys if each.get(key)), None) if isinstance(each, dict) else each
        for each in items
    )
    return [text for each in found if (text := decoded(each))]


def _latest_reply(value: Any) -> Mapping[str, Any]:
    written = [each for each in objects(value) if decoded(each.get("comments"))]
    return max(written, key=lambda each: str(each.get("date_created") or ""), default={})


class _Dated(SourceModel):
    date_created: Instant


def _instant(reply: Mapping[str, Any]) -> Any:
    return _Dated.model_validate(reply).date_created if reply.get("date_created") else None


REVIEWSIO_PRODUCT_REVIEWS = Stream(
    name="reviewsio_product_reviews",
    system=REVIEWSIO,
    group="reviews",
    entity="review",
    deletes="by_listing",
    description=(
        "Reviews of products as REVIEWS.io lists them, with order and author where the app has an "
        "API key. An edit, a reply or a removal leaves the date alone: the nightly full sync or a "
        "webhook shows it."
    ),
    source=ReviewList(
        path="product/reviews/all",
        newest_first={"order_by": "date_created", "sort": "desc"},
        total="count",
        order_field="order_id",
    ),
    id_field="product_review_id",
    id_prefix=PRODUCT_PREFIX,
    modified_field="date_created",
    order="descending",
    overlap=timedelta(days=3),
    volatile=VOLATILE,
    webhook=hinted("product", PRODUCT_PREFIX),
    mapper=map_product_review,
)

REVIEWSIO_MERCHANT_REVIEWS = Stream(
    name="reviewsio_merchant_reviews",
    system=REVIEWSIO,
    group="reviews",
    entity="review",
    deletes="by_listing",
    description=(
        "Reviews of the merchant as REVIEWS.io lists them, with order and author where the app has "
        "an API key. An edit, a reply or a removal leaves the date alone: the nightly full sync or "
        "a webhook shows it."
    ),
    source=ReviewList(
        path="merchant/reviews",
        newest_first={"sort": "date_created", "order": "desc"},
        total="stats.total_reviews",
        order_field="order_number",
    ),
    id_field="store_review_id",
    id_prefix=MERCHANT_PREFIX,
    modified_field="date_created",
    order="descending",
    overlap=timedelta(days=3),
    volatile=VOLATILE,
    webhook=hinted("company", MERCHANT_PREFIX),
    mapper=map_merchant_review,
)


class _Rating(SourceModel):
    sku: str
    average_rating: Amount
    num_ratings: int


def map_rating(record: SourceRecord) -> Candidate:
    """Map the rating of a SKU."""
    rating = record.read(_Rating)
    sku = normal.sku(rating.sku)
    return Candidate(
        match_key=None,
        number=rating.sku,
        values={
            "sku": sku,
            "average": rating.average_rating,
            "rating_count": rating.num_ratings,
        },
        parents={"variant": [sku]},
    )


REVIEWSIO_PRODUCT_RATINGS = Stream(
    name="reviewsio_product_ratings",
    system=REVIEWSIO,
    group="reviews",
    entity="variant_rating",
    description=(
        "Average rating and number of ratings by SKU, for all SKUs that the tenant's variants, "
        "order lines and reviews name. A SKU without ratings has no record; one that lost them is "
        "marked deleted."
    ),
    source=RatingBatch(path="product/rating-batch"),
    id_field="sku",
    mapper=map_rating,
)
