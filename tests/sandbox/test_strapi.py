"""Strapi's stand-in by plain HTTP: shapes by version, filters, and what it sends on a save."""

import json
from typing import Any

import httpx
import pytest

from sandbox.runner import Sandbox


def get(box: Sandbox, http: httpx.Client, token: str | None = None, **query: Any) -> httpx.Response:
    info = box.info["merchants"]["acme"]["strapi"]
    header = {"Authorization": f"Bearer {info['api_token'] if token is None else token}"}
    return http.get(f"{info['url']}/api/bulkorders", params=query, headers=header)


POPULATE = {
    "populate[products][populate]": "product",
    "populate[addresses][populate][products][populate]": "product",
}


def test_version_4_nests_fields_and_leaves_relations_out(box: Sandbox, http: httpx.Client):
    plain = get(box, http).json()["data"][0]
    whole = get(box, http, **POPULATE).json()["data"][0]

    assert plain.keys() == {"id", "attributes"}
    assert not {"products", "addresses"} & plain["attributes"].keys()
    (line, *_) = whole["attributes"]["products"]
    assert line["product"]["data"]["attributes"]["zohoId"]


def test_version_5_is_flat(box: Sandbox, http: httpx.Client):
    box.control.set_editor("acme", version=5)

    row = get(box, http, **POPULATE).json()["data"][0]

    assert row["documentId"]
    assert row["products"][0]["product"]["zohoId"]


def test_pages_have_25_rows_and_100_at_most(box: Sandbox, http: httpx.Client):
    box.control.new_bulk_orders("acme", 120)

    sizes = [
        len(get(box, http, **{"pagination[pageSize]": size}).json()["data"])
        for size in ("25", "7", "500")
    ]
    sizes.insert(0, len(get(box, http).json()["data"]))

    assert sizes == [25, 25, 7, 100]


def test_entries_since_an_instant_and_by_id(box: Sandbox, http: httpx.Client):
    ids = box.control.ids("acme", "strapi", "bulk_orders")
    shown = box.control.document("acme", "strapi", ids[-1], "bulk_orders")

    later = get(box, http, **{"filters[updatedAt][$gte]": shown["updatedAt"]}).json()["data"]
    named = get(box, http, **{"filters[id][$in][0]": ids[0], "filters[id][$in][1]": "9"}).json()

    assert [str(row["id"]) for row in later] == [ids[-1]]
    assert [str(row["id"]) for row in named["data"]] == [ids[0]]


@pytest.mark.parametrize(
    ("query", "token", "status", "name"),
    [
        ({}, "wrong", 401, "UnauthorizedError"),
        ({"publicationState": "live"}, None, 400, "ValidationError"),
    ],
)
def test_error_bodies(
    box: Sandbox, http: httpx.Client, query: dict[str, str], token: str | None, status: int,
    name: str,
):  # fmt: skip
    answer = get(box, http, token, **query)

    assert (answer.status_code, answer.json()["error"]["name"]) == (status, name)
    assert answer.json()["data"] is None


def test_a_token_without_the_permission_is_forbidden(box: Sandbox, http: httpx.Client):
    box.control.set_editor("acme", is_forbidden=True)

    assert get(box, http).status_code == 403


@pytest.mark.parametrize(
    ("spelling", "stamp", "has_components"),
    [(3, "updated_at", True), (4, "updatedAt", True), (5, "updatedAt", False)],
)
def test_webhooks_in_the_spelling_of_each_version(
    box: Sandbox, spelling: int, stamp: str, has_components: bool
):
    order_id = box.control.ids("acme", "strapi", "bulk_orders")[0]

    sent = box.control.prepare_webhook("acme", "strapi", order_id, entity="bulk_orders",
                                       event="entry.update", spelling=spelling)  # fmt: skip

    body = json.loads(sent["body"])
    assert sent["headers"]["X-Strapi-Event"] == body["event"] == "entry.update"
    assert stamp in body["entry"]
    assert ("addresses" in body["entry"]) is has_components


def test_a_save_makes_components_anew_and_keeps_the_numbers(box: Sandbox):
    order_id = box.control.ids("acme", "strapi", "bulk_orders")[0]
    before = box.control.document("acme", "strapi", order_id, "bulk_orders")

    after = box.control.save_bulk_order("acme", order_id, {})

    numbers = [[each["orderId"] for each in entry["addresses"]] for entry in (before, after)]
    assert numbers[0] == numbers[1]
    assert before["addresses"][0]["id"] != after["addresses"][0]["id"]
    assert before["updatedAt"] < after["updatedAt"]


def test_what_is_confirmed_is_in_the_books_and_a_draft_is_not(box: Sandbox):
    books = {box.control.document("acme", "zoho", i)["salesorder_number"]
             for i in box.control.ids("acme", "zoho")}  # fmt: skip

    for order_id in box.control.ids("acme", "strapi", "bulk_orders"):
        entry = box.control.document("acme", "strapi", order_id, "bulk_orders")
        numbers = {each["orderId"] for each in entry["addresses"]}
        assert numbers <= books if entry["status"] != "Draft" else not numbers & books
