"""The stand-in of REVIEWS.io: access, pages from 0 and from 1, filters, quirks."""

from typing import Any

import httpx
import pytest

from sandbox.runner import Sandbox

Row = dict[str, Any]


class ReviewsioCaller:
    """A bare caller of one store."""

    def __init__(self, info: dict[str, Any], http: httpx.Client) -> None:
        self.info = info
        self.http = http
        self.headers = {"store": info["store_id"], "apikey": info["api_key"]}

    def get(self, path: str, **query: Any) -> httpx.Response:
        """Read a path with the credentials in headers."""
        return self.http.get(f"{self.info['api_url']}/{path}", params=query, headers=self.headers)


@pytest.fixture
def reviews(box: Sandbox, http: httpx.Client) -> ReviewsioCaller:
    """Acme's store."""
    return ReviewsioCaller(box.info["merchants"]["acme"]["reviewsio"], http)


LISTS = [
    pytest.param("product/reviews/all", "product_reviews", "product_review_id", id="product"),
    pytest.param("merchant/reviews", "merchant_reviews", "store_review_id", id="merchant"),
]


@pytest.mark.parametrize("way", ["headers", "parameters"])
def test_credentials_are_taken_from_headers_and_from_parameters(reviews: ReviewsioCaller, way: str):
    values = {"store": reviews.info["store_id"], "apikey": reviews.info["api_key"]}
    url = f"{reviews.info['api_url']}/merchant/reviews"

    answer = (
        reviews.http.get(url, params=values)
        if way == "parameters"
        else reviews.http.get(url, headers=values)
    )

    assert answer.status_code == 200
    assert "email" in answer.json()["reviews"][0]["reviewer"]


def test_an_unknown_store_is_refused(reviews: ReviewsioCaller):
    reviews.headers["store"] = "nobody"

    answer = reviews.get("merchant/reviews")

    assert answer.status_code == 401
    assert answer.json()["success"] is False


@pytest.mark.parametrize("key", ["", "wrong", "revoked"])
def test_without_a_valid_key_orders_and_authors_are_hidden(
    box: Sandbox, reviews: ReviewsioCaller, key: str
):
    if key == "revoked":
        box.control.revoke_credentials("acme", "reviewsio")
    else:
        reviews.headers["apikey"] = key

    answer = reviews.get("merchant/reviews")

    assert answer.status_code == 200
    for row in answer.json()["reviews"]:
        assert "order_number" not in row
        assert "email" not in row["reviewer"]


@pytest.mark.parametrize(("path", "entity", "id_key"), LISTS)
def test_pages_count_from_0_and_end_with_an_empty_one(
    box: Sandbox, reviews: ReviewsioCaller, path: str, entity: str, id_key: str
):
    first = reviews.get(path, per_page=7).json()
    pages = [
        reviews.get(path, per_page=7, page=page).json() for page in range(first["total_pages"])
    ]
    beyond = reviews.get(path, per_page=7, page=first["total_pages"])

    listed = [str(row[id_key]) for page in pages for row in page["reviews"]]
    assert sorted(listed) == sorted(box.control.ids("acme", "reviewsio", entity))
    assert first["reviews"] == pages[0]["reviews"]
    assert (beyond.status_code, beyond.json()["reviews"]) == (200, [])
    assert beyond.json()["current_page"] == first["total_pages"]


def test_public_reviews_of_a_sku_count_pages_from_1(box: Sandbox, reviews: ReviewsioCaller):
    rows = reviews.get("product/reviews/all", per_page=100).json()["reviews"]
    skus = sorted({row["sku"] for row in rows})[:8]

    first = reviews.get("product/review", sku=";".join(skus), per_page=2).json()["reviews"]
    second = reviews.get("product/review", sku=";".join(skus), per_page=2, page=2).json()["reviews"]

    assert box.control.calls()["acme"]["reviewsio"]["total"] == 3
    assert (first["current_page"], first["from"], first["to"]) == (1, 1, 2)
    assert (second["current_page"], second["from"]) == (2, 3)
    assert first["data"] != second["data"]
    assert "order_id" not in first["data"][0]


@pytest.mark.parametrize(("path", "entity", "id_key"), LISTS)
def test_min_date_takes_the_moment_itself(
    reviews: ReviewsioCaller, path: str, entity: str, id_key: str
):
    del entity
    rows = reviews.get(path, per_page=100).json()["reviews"]
    written = rows[5]["date_created"]

    found = reviews.get(path, per_page=100, min_date=written.replace(" ", "T")).json()["reviews"]

    expected = [row[id_key] for row in rows if row["date_created"] >= written]
    assert [row[id_key] for row in found] == expected


def test_a_wrong_parameter_is_refused_with_200(reviews: ReviewsioCaller):
    answer = reviews.get("merchant/reviews", min_date="yesterday")

    assert answer.status_code == 200
    assert answer.json() == {
        "success": False,
        "message": "The min_date does not match the format Y-m-d.",
    }


def test_ratings_leave_out_what_is_not_rated_and_agree_with_the_reviews(reviews: ReviewsioCaller):
    sku = reviews.get("product/reviews/all").json()["reviews"][0]["sku"]
    rows = reviews.get("product/reviews", sku=sku, per_page=100).json()["reviews"]
    stars = [int(row["rating"]) for row in rows]

    ratings = reviews.get("product/rating-batch", sku=f"{sku};nobody").json()

    assert {row["sku"] for row in rows} == {sku}
    assert ratings == [
        {
            "sku": sku,
            "average_rating": f"{sum(stars) / len(stars):.4f}",
            "num_ratings": len(stars),
            "name": rows[-1]["name"],
        }
    ]


def test_one_field_comes_in_several_shapes(box: Sandbox, reviews: ReviewsioCaller):
    rows: list[Row] = []
    for path in ("product/reviews/all", "merchant/reviews"):
        rows += reviews.get(path, per_page=100).json()["reviews"]
    texts = " ".join(f"{row.get('review')} {row.get('comments')}" for row in rows)

    assert {type(row["rating"]) for row in rows} == {int, str}
    assert {type(row["images"]) for row in rows} == {list, str}
    assert {type(row["ratings"]) for row in rows} == {list, dict}
    assert {type(row["product"]) for row in rows if "product" in row} == {dict, str}
    assert "&auml;" in texts
    assert "👍" in texts
    ids = [box.control.ids("acme", "reviewsio", kind) for kind in
           ("product_reviews", "merchant_reviews")]  # fmt: skip
    assert set(ids[0]) & set(ids[1]), "both kinds count on their own"


def test_some_reviews_share_a_second(reviews: ReviewsioCaller):
    rows = reviews.get("product/reviews/all", per_page=100).json()["reviews"]
    times = [row["date_created"] for row in rows]

    assert len(set(times)) < len(times)


def test_reviews_are_of_finished_orders_and_their_items(box: Sandbox, reviews: ReviewsioCaller):
    odd = box.control.planted("acme")["unknown_sku"]["sku"]
    shop = {
        order["number"]: order
        for order in (
            box.control.document("acme", "saleor", i) for i in box.control.ids("acme", "saleor")
        )
    }

    for row in reviews.get("product/reviews/all", per_page=100).json()["reviews"]:
        order = shop[row["order_id"].lstrip("#")]
        assert order["status"] in {"FULFILLED", "PARTIALLY_RETURNED", "RETURNED"}
        assert row["date_created"] > order["created"][:10]
        assert row["sku"] in {odd, *(line["productSku"] for line in order["lines"])}


def test_an_edit_keeps_the_date_and_a_removal_leaves_nothing(
    box: Sandbox, reviews: ReviewsioCaller
):
    first, second, *_ = box.control.ids("acme", "reviewsio", "merchant_reviews")
    before = box.control.document("acme", "reviewsio", first, "merchant_reviews")

    box.control.edit_review("acme", "merchant_reviews", first, rating=2, reply="Sorry")
    box.control.delete_review("acme", "merchant_reviews", second)

    rows = {
        str(row["store_review_id"]): row
        for row in reviews.get("merchant/reviews", per_page=100).json()["reviews"]
    }
    assert int(rows[first]["rating"]) == 2
    assert rows[first]["replies"][0]["comments"] == "Sorry"
    assert rows[first]["date_created"] == before["date_created"]
    assert second not in rows
