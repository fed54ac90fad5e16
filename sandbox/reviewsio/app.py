"""The web side of REVIEWS.io: two lists that page from 0, one that pages from 1, and ratings."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.faults import Fault, find, spoil
from sandbox.reviewsio.documents import average, rating_row, review_row
from sandbox.state import State
from sandbox.store import Review, Table
from sandbox.web import refusal_by_fault, reply, spoil_body
from sandbox.world import SECOND, World

MOST_IN_PAGE = 100

Query: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is to be answered.

    Attributes:
        world: data of the store's merchant.
        query: parameters.
        is_private: whether the key shows orders and authors.
        faults: misbehaviour that it meets.
    """

    world: World
    query: Query
    is_private: bool
    faults: Sequence[Fault]


class BadValueError(Exception):
    """A parameter that the API refuses, which it does with HTTP 200."""


class ReviewsioApi:
    """REVIEWS.io for all merchants; the store key tells whose."""

    def __init__(self, state: State) -> None:
        self._state = state

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        path, query = request.path_params["path"].strip("/"), request.query_params
        account = self._state.by_store(_given(request, "store"))
        if account is None:
            return reply(_failure("Store not found"), 401)
        name = account.world.merchant.name
        with self._state.lock:
            where = "list" if path in ANSWERS else "detail"
            self._state.calls.note(name, "reviewsio", where, path)
            faults = self._state.faults.strike(name, "reviewsio", f"/{path}", where)
        if self._state.options.latency:
            await asyncio.sleep(self._state.options.latency)
        early = await refusal_by_fault(faults, _failure("Too many requests"))
        if early:
            if early.status_code == 429:
                self._state.calls.refused(name, "reviewsio")
            return early
        if fault := find(faults, "refused_200"):
            return reply(_failure(fault.text))
        if path not in ANSWERS:
            return reply(_failure("Not found"), 404)
        key = _given(request, "apikey")
        is_private = (
            key == account.world.merchant.reviews_key and not account.reviews.is_key_revoked
        )
        with self._state.lock:
            try:
                body = ANSWERS[path](Asked(account.world, query, is_private, faults))
            except BadValueError as error:
                return reply(_failure(str(error)))
        return spoil_body(reply(body), faults)


def _ratings(asked: Asked) -> object:
    """Ratings of the SKUs asked for; those without a rating are left out."""
    wanted = set(asked.query.get("sku", "").split(";"))
    by_sku: dict[str, list[Review]] = defaultdict(list)
    for review in asked.world.product_reviews.by_id.values():
        if review.sku in wanted:
            by_sku[review.sku].append(review)
    rows = [rating_row(sku, found) for sku, found in sorted(by_sku.items())]
    return _shown(asked, rows, "sku")


def _product_reviews(asked: Asked) -> object:
    """All reviews of products, or those of some SKUs; pages from 0."""
    found = _filtered(asked.world.product_reviews, asked.query)
    page = _page(asked, found, "product_review_id")
    return {"rating": average(found), "count": len(found), **page}


def _merchant_reviews(asked: Asked) -> object:
    """Reviews of the merchant; pages from 0."""
    found = _filtered(asked.world.merchant_reviews, asked.query)
    return {
        **_head(asked),
        "stats": {"total_reviews": len(found), "average_rating": average(found)},
        **_page(asked, found, "store_review_id"),
    }


def _public_reviews(asked: Asked) -> object:
    """Reviews of some SKUs in pages from 1, in the shape of a Laravel paginator."""
    found = _filtered(asked.world.product_reviews, asked.query)
    size, page = _whole(asked.query, "per_page", 15), max(1, _whole(asked.query, "page", 1))
    begin = (page - 1) * size
    part = found[begin : begin + size]
    return {
        **_head(asked),
        "stats": {"average": average(found, 1), "count": str(len(found))},
        "reviews": {
            "total": len(found),
            "per_page": size,
            "current_page": page,
            "last_page": max(1, -(-len(found) // size)),
            "from": begin + 1 if part else None,
            "to": begin + len(part) if part else None,
            "data": [review_row(asked.world, each, is_private=False) for each in part],
        },
    }


ANSWERS: dict[str, Callable[[Asked], object]] = {
    "product/rating-batch": _ratings,
    "product/reviews": _product_reviews,
    "product/reviews/all": _product_reviews,
    "product/review": _public_reviews,
    "merchant/reviews": _merchant_reviews,
}


def _head(asked: Asked) -> dict[str, Any]:
    store = {"name": asked.world.merchant.title, "logo": "https://media.example/logo.png"}
    return {"store": store, "word": "Excellent"}


def _page(asked: Asked, found: list[Review], id_key: str) -> dict[str, Any]:
    """One page; past the end it is empty, and ``current_page`` only repeats the question."""
    size = min(_whole(asked.query, "per_page", 50), MOST_IN_PAGE)
    page = _whole(asked.query, "page", 0)
    begin = max(page - 1, 0) * size if find(asked.faults, "duplicate_page") else page * size
    part = found[begin : begin + size]
    rows = [review_row(asked.world, each, is_private=asked.is_private) for each in part]
    return {
        "total_pages": -(-len(found) // size),
        "per_page": size,
        "current_page": page,
        "reviews": _shown(asked, rows, id_key),
    }


def _shown(asked: Asked, rows: list[dict[str, Any]], id_key: str) -> object:
    """Records as an array, or as the object that a PHP array with gaps becomes."""
    spoilt = spoil([orjson.dumps(row) for row in rows], asked.faults, id_key)
    shown = [orjson.loads(row) for row in spoilt]
    if find(asked.faults, "object_root"):
        return {str(index * 2): row for index, row in enumerate(shown)}
    return shown


def _filtered(table: Table[Review], query: Query) -> list[Review]:
    """Reviews newest first, or oldest first when asked for, within the filters."""
    found = table.view("created", lambda review: (review.created, int(review.id)))
    if "asc" not in {query.get("sort"), query.get("order")}:
        found = found[::-1]
    skus = set(filter(None, query.get("sku", "").split(";")))
    first, last = _date(query, "min_date"), _date(query, "max_date")
    least, most = _whole(query, "min_rating", 1), _whole(query, "max_rating", 5)
    number = query.get("order_number")
    return [
        review
        for review in found
        if (not skus or review.sku in skus)
        and (first is None or review.created >= first)
        and (last is None or review.created <= last)
        and least <= review.rating <= most
        and number in {None, review.order_number}
    ]


def _date(query: Query, name: str) -> int | None:
    text = query.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadValueError(f"The {name} does not match the format Y-m-d.") from None
    return int(moment.replace(tzinfo=UTC).timestamp()) * SECOND


def _whole(query: Query, name: str, default: int) -> int:
    text = query.get(name, "")
    if text and not text.isdecimal():
        raise BadValueError(f"The {name} must be an integer.")
    return int(text) if text else default


def _given(request: Request, name: str) -> str:
    """A value of a parameter or of the header of the same name: both are accepted."""
    return request.query_params.get(name) or request.headers.get(name, "")


def _failure(message: str) -> dict[str, Any]:
    return {"success": False, "message": message}
