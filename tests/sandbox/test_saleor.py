"""Saleor: the GraphQL envelope, access, paging and filters (saleor-live.md 3, saleor.md 5)."""

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.runner import Sandbox
from tests.sandbox.callers import ORDERS_PAGE, SaleorCaller

NUMBER_PAGE = """
query OrdersPage($first: Int!, $after: String) {
  orders(first: $first, after: $after) { totalCount pageInfo { endCursor } edges { node { id } } }
}
"""
ORDER_ONE = "query OrderOne($id: ID!) { order(id: $id) { id } }"
BY_IDS = """
query OrdersByIds($ids: [ID!], $first: Int!) {
  orders(first: $first, filter: {ids: $ids}) { edges { node { id } } }
}
"""
CHECK = "query AppCheck { shop { name } app { id name permissions { code } } }"


def error_code(answer: httpx.Response):
    return answer.json()["errors"][0]["extensions"]["exception"]["code"]


def order_id(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_endpoint_needs_its_slash_and_post(saleor: SaleorCaller, http: httpx.Client):
    assert http.post(saleor.info["api_url"].rstrip("/"), json={}).status_code == 404
    assert http.put(saleor.info["api_url"], json={}).status_code == 405


def test_every_order_comes_once_in_ascending_modification(saleor: SaleorCaller, box: Sandbox):
    nodes = saleor.all_nodes(first=7)

    assert sorted(node["id"] for node in nodes) == sorted(box.control.ids("acme", "saleor"))
    times = [node["updatedAt"] for node in nodes]
    assert times == sorted(times)
    assert all(len(time) == len("2026-11-23T16:10:59.208747+00:00") for time in times)


def test_answers_carry_data_and_cost(saleor: SaleorCaller):
    body = saleor.page(first=1).json()

    assert set(body) == {"data", "extensions"}
    assert body["extensions"]["cost"]["maximumAvailable"] == 50000


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": ""}, {"Authorization": f"Bearer {'x' * 30}"}, {"X-Nothing": "1"}],
    ids=["empty", "unknown", "none"],
)
def test_unknown_callers_get_permission_denied_with_status_200(
    saleor: SaleorCaller, headers: dict[str, str]
):
    answer = saleor.ask(ORDERS_PAGE, "OrdersPage", {"first": 1}, **headers)

    assert answer.status_code == 200
    assert error_code(answer) == "PermissionDenied"
    assert answer.json()["data"] == {"orders": None}
    assert answer.json()["errors"][0]["message"].endswith("MANAGE_ORDERS")


@pytest.mark.parametrize("header", ["Authorization", "Authorization-Bearer"])
def test_all_ways_to_send_the_token_work(saleor: SaleorCaller, header: str):
    token = saleor.info["token"]
    value = token if header == "Authorization-Bearer" else f"JWT {token}"

    answer = saleor.ask(ORDERS_PAGE, "OrdersPage", {"first": 1}, **{header: value})

    assert answer.json()["data"]["orders"]["edges"]


def test_revoked_token_and_missing_permission_look_alike(saleor: SaleorCaller, box: Sandbox):
    box.control.revoke_credentials("acme", "saleor")
    revoked = saleor.page()
    box.control.restore_credentials("acme", "saleor")
    box.control.set_permissions("acme", ["MANAGE_USERS"])
    without = saleor.page()

    for answer in (revoked, without):
        assert (answer.status_code, error_code(answer)) == (200, "PermissionDenied")


def test_app_check_names_shop_app_and_permissions(saleor: SaleorCaller, box: Sandbox):
    allowed = saleor.ask(CHECK, "AppCheck", {}).json()["data"]
    box.control.revoke_credentials("acme", "saleor")
    denied = saleor.ask(CHECK, "AppCheck", {})

    assert allowed["shop"]["name"] == "Acme Trading"
    assert {"code": "MANAGE_ORDERS"} in allowed["app"]["permissions"]
    assert denied.json()["data"]["app"] is None
    assert error_code(denied) == "PermissionDenied"


@pytest.mark.parametrize(
    ("query", "operation", "variables"),
    [
        ("query OrdersPage($first: Int!) { orders(first: $first) {", "OrdersPage", {"first": 1}),
        ("query OrdersPage { orders(after: null) { x } }", "OrdersPage", {}),
        (ORDERS_PAGE, "Another", {"first": 1}),
        (ORDERS_PAGE, "OrdersPage", {}),
        (ORDERS_PAGE, "OrdersPage", {"first": "ten"}),
        (ORDERS_PAGE, "OrdersPage", {"first": 1, "from": "2026-11-23"}),
        (ORDERS_PAGE, "OrdersPage", {"first": 1, "from": "soon"}),
        (ORDER_ONE, "OrderOne", {}),
    ],
    ids=["cut", "null", "name", "no-first", "type", "bare-date", "no-date", "no-id"],
)
def test_invalid_documents_and_variables_are_400_without_data(
    saleor: SaleorCaller, query: str, operation: str, variables: dict[str, Any]
):
    answer = saleor.ask(query, operation, variables)

    assert answer.status_code == 400
    assert "data" not in answer.json()
    assert error_code(answer) in {"GraphQLSyntaxError", "GraphQLError"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"not json", "Unable to parse query."),
        (b"[]", "Number of batch queries exceeded."),
        (b"{}", "Must provide a query string."),
    ],
)
def test_bodies_that_are_no_query_are_400(
    saleor: SaleorCaller, http: httpx.Client, body: bytes, message: str
):
    answer = http.post(saleor.info["api_url"], content=body)

    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (400, message)


def test_page_size_limit_and_damaged_cursors_are_field_errors(saleor: SaleorCaller):
    foreign = saleor.ask(NUMBER_PAGE, "OrdersPage", {"first": 1}).json()
    too_many = saleor.page(first=101)
    damaged = saleor.page(after="WyJub25zZW5zZSJd")
    other_sort = saleor.page(after=foreign["data"]["orders"]["pageInfo"]["endCursor"])

    assert "exceeds the `first` limit of 100" in too_many.json()["errors"][0]["message"]
    for answer in (damaged, other_sort):
        assert answer.status_code == 200
        assert answer.json()["errors"][0]["message"] == "Received cursor is invalid."
        assert answer.json()["data"] == {"orders": None}


def test_numbers_in_strings_and_blank_cursors_are_taken(saleor: SaleorCaller):
    answer = saleor.page(first="3", after="")

    assert len(answer.json()["data"]["orders"]["edges"]) == 3


def test_updated_filter_is_inclusive_to_the_microsecond(saleor: SaleorCaller):
    nodes = saleor.all_nodes()
    border = nodes[100]["updatedAt"]
    without_zone = border.removesuffix("+00:00")
    moment_later = datetime.fromisoformat(border) + timedelta(microseconds=1)

    assert [n["id"] for n in saleor.all_nodes(since=border)] == [n["id"] for n in nodes[100:]]
    assert len(saleor.all_nodes(since=without_zone)) == len(nodes) - 100
    assert len(saleor.all_nodes(since=moment_later.isoformat())) == len(nodes) - 101
    assert len(saleor.all_nodes(since=None)) == len(nodes)


def test_last_page_and_empty_page(saleor: SaleorCaller):
    empty = saleor.page(**{"from": "2999-01-01T00:00:00Z"}).json()["data"]["orders"]

    assert empty["edges"] == []
    assert empty["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": None,
        "endCursor": None,
    }


def test_cursor_names_time_status_and_number(saleor: SaleorCaller):
    page = saleor.page(first=1).json()["data"]["orders"]
    node = page["edges"][0]["node"]

    values = json.loads(base64.b64decode(page["pageInfo"]["endCursor"]))

    assert values == [node["updatedAt"].replace("T", " "), node["status"].lower(), node["number"]]


def test_default_order_is_number_descending(saleor: SaleorCaller, box: Sandbox):
    nodes, after = [], None
    while True:
        orders = saleor.ask(NUMBER_PAGE, "OrdersPage", {"first": 90, "after": after}).json()
        edges = orders["data"]["orders"]["edges"]
        nodes += [edge["node"] for edge in edges]
        after = orders["data"]["orders"]["pageInfo"]["endCursor"]
        if not edges:
            break

    numbers = [int(node["number"]) for node in nodes]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == len(box.control.ids("acme", "saleor"))


def test_equal_times_on_a_page_border_lose_and_repeat_nothing(saleor: SaleorCaller, box: Sandbox):
    same = box.control.align_modified("acme", "saleor", 5, 30)

    nodes = saleor.all_nodes(first=10)

    ids = [node["id"] for node in nodes]
    assert len(ids) == len(set(ids)) == len(box.control.ids("acme", "saleor"))
    assert len({n["updatedAt"] for n in nodes if n["id"] in same}) == 1


def test_orders_by_ids_leaves_unknown_ones_out(saleor: SaleorCaller, box: Sandbox):
    some = box.control.ids("acme", "saleor")[:3]
    unknown = order_id("Order:00000000-0000-4000-8000-000000000000")

    answer = saleor.ask(BY_IDS, "OrdersByIds", {"ids": [*some, unknown], "first": 100}).json()

    assert {edge["node"]["id"] for edge in answer["data"]["orders"]["edges"]} == set(some)


def test_order_by_id_is_null_for_no_row_or_another_type_and_an_error_for_garbage(
    saleor: SaleorCaller, box: Sandbox
):
    (known, *_) = box.control.ids("acme", "saleor")
    unknown = order_id("Order:00000000-0000-4000-8000-000000000000")

    found = saleor.ask(ORDER_ONE, "OrderOne", {"id": known}).json()
    gone = saleor.ask(ORDER_ONE, "OrderOne", {"id": unknown}).json()
    other = saleor.ask(ORDER_ONE, "OrderOne", {"id": order_id("Product:72")}).json()
    garbage = saleor.ask(ORDER_ONE, "OrderOne", {"id": "abc"})

    assert found["data"]["order"] == box.control.document("acme", "saleor", known)
    assert gone["data"] == other["data"] == {"order": None}
    assert garbage.status_code == 200
    assert garbage.json()["errors"][0]["message"] == "Invalid ID: abc. Expected: Order."


def test_orders_have_the_shape_of_a_sync(saleor: SaleorCaller):
    node = saleor.all_nodes()[50]

    assert node["lines"][0]["unitPrice"].keys() == {"gross", "net"}
    assert node["channel"] == {"id": "Q2hhbm5lbDox", "slug": "de", "currencyCode": "EUR"}
    assert 0 <= node["lines"][0]["taxRate"] < 1
    assert isinstance(node["number"], str)
    assert node["shippingAddress"]["city"] == node["shippingAddress"]["city"].upper()


def test_total_count_comes_only_when_asked_for(saleor: SaleorCaller, box: Sandbox):
    counted = saleor.ask(NUMBER_PAGE, "OrdersPage", {"first": 1}).json()["data"]["orders"]
    plain = saleor.page(first=1).json()["data"]["orders"]

    assert counted["totalCount"] == len(box.control.ids("acme", "saleor"))
    assert "totalCount" not in plain
