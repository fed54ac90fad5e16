"""Documents of REVIEWS.io: a review and a rating, with the shapes that change from row to row."""

from datetime import UTC, datetime
from typing import Any

from sandbox.store import Review
from sandbox.times import now_us
from sandbox.world import DAY, SECOND, World

JsonObject = dict[str, Any]


def review_row(world: World, review: Review, *, is_private: bool) -> JsonObject:
    """One review as its list shows it; order and e-mail only to the key's owner."""
    row = _of_product(review) if review.sku else _of_merchant(review)
    number = int(review.id)
    row |= {
        "rating": str(review.rating) if number % 4 == 0 else review.rating,
        "date_created": shown_time(review.created),
        "timeago": f"{max(0, now_us() - review.created) // DAY} days ago",
        "reviewer": _reviewer(world, review, is_private=is_private),
        "images": _images(number),
        "tags": [{"tag": "winter"}] if number % 5 == 0 else [],
        "ratings": _sub_ratings(review),
        "replies": _replies(review),
    }
    if is_private:
        key = "order_id" if review.sku else "order_number"
        row[key] = review.order_number or None
    return row


def rating_row(sku: str, reviews: list[Review]) -> JsonObject:
    """Average and number of the ratings of one SKU."""
    average = sum(review.rating for review in reviews) / len(reviews)
    return {
        "sku": sku,
        "average_rating": f"{average:.4f}",
        "num_ratings": len(reviews),
        "name": reviews[0].product,
    }


def average(reviews: list[Review], decimals: int = 2) -> str:
    """The average as text, as all answers have it."""
    if not reviews:
        return f"{0:.{decimals}f}"
    return f"{sum(review.rating for review in reviews) / len(reviews):.{decimals}f}"


def shown_time(at: int) -> str:
    """A time as records have it: UTC without saying so."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _of_product(review: Review) -> JsonObject:
    named = {"sku": review.sku, "name": review.product}
    return {
        "product_review_id": int(review.id),
        "title": review.title,
        "review": review.body,
        "sku": review.sku,
        "name": review.product,
        "product": review.product if int(review.id) % 2 else named,
        "votes": int(review.id) % 3,
        "flags": 0,
    }


def _of_merchant(review: Review) -> JsonObject:
    return {
        "store_review_id": int(review.id),
        "user_id": review.customer + 1,
        "store_branch_id": 0,
        "title": review.title,
        "comments": review.body,
        "branch": {"name": "", "description": "", "image": ""},
    }


def _reviewer(world: World, review: Review, *, is_private: bool) -> JsonObject:
    customer = world.customer(review.customer)
    reviewer = {
        "first_name": customer.first_name,
        "last_name": customer.last_name[:1],
        "verified_buyer": "yes" if review.customer % 5 else "no",
        "address": customer.address.city,
    }
    return reviewer | {"email": customer.email} if is_private else reviewer


def _images(number: int) -> Any:
    url = f"https://media.example/{number}.jpg"
    return ([], "", [url], [{"image": url}])[number % 4]


def _sub_ratings(review: Review) -> Any:
    name = "Quality" if review.sku else "Delivery"
    if int(review.id) % 3 == 0:
        return {name.lower(): {"rating_text": name, "rating": review.rating}}
    return [{"name": name, "score": str(review.rating)}] if int(review.id) % 3 == 1 else []


def _replies(review: Review) -> list[JsonObject]:
    if not review.reply:
        return []
    at = shown_time(review.created + DAY)
    return [{"user_type": "merchant", "comments": review.reply, "date_created": at}]
