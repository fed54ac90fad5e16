"""Misbehaviour: every switch has its effect, on the requests it was meant for, and ends."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox.faults import Fault
from sandbox.runner import Sandbox
from tests.sandbox.callers import SaleorCaller, ZohoCaller


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="unknown fault 'gremlin'"):
        Fault("gremlin", "acme", "zoho")


@pytest.mark.parametrize("retry_after", [None, 7])
def test_rate_limited_with_and_without_retry_after(
    zoho: ZohoCaller, box: Sandbox, retry_after: int | None
):
    box.control.add_fault("rate_limited", "acme", "zoho", retry_after=retry_after, times=2)

    answers = [zoho.get("contacts") for _ in range(3)]

    assert [a.status_code for a in answers] == [429, 429, 200]
    assert answers[0].json()["code"] == 44
    assert answers[0].headers.get("Retry-After") == (str(retry_after) if retry_after else None)
    assert box.control.calls()["acme"]["zoho"]["refused"] == 2


def test_error_500_and_html_502(zoho: ZohoCaller, box: Sandbox):
    box.control.add_fault("error_500", "acme", "zoho")
    box.control.add_fault("html_502", "acme", "zoho", after=1)

    first, second, third = (zoho.get("contacts") for _ in range(3))

    assert (first.status_code, first.json()["code"]) == (500, 1000)
    assert second.status_code == 502
    assert second.headers["content-type"].startswith("text/html")
    assert third.status_code == 200


def test_slow_answers_take_their_time(zoho: ZohoCaller, box: Sandbox):
    box.control.add_fault("slow", "acme", "zoho", seconds=0.2)

    before = time.monotonic()
    zoho.get("contacts")

    assert time.monotonic() - before >= 0.2


def test_slow_answers_of_one_shop_do_not_hold_up_the_other(
    saleor: SaleorCaller, box: Sandbox, http: httpx.Client
):
    box.control.add_fault("slow", "acme", "saleor", seconds=5)
    info = box.info["merchants"]["globex"]["saleor"]

    soon = httpx.Timeout(60, read=0.1)
    with pytest.raises(httpx.ReadTimeout):
        http.post(saleor.info["api_url"], json={"query": "query X { x }"}, timeout=soon)

    assert type(saleor)(info, http).page().status_code == 200


@pytest.mark.parametrize("kind", ["cut_body", "invalid_json"])
@pytest.mark.parametrize("system", ["zoho", "saleor"])
def test_damaged_bodies(
    zoho: ZohoCaller, saleor: SaleorCaller, box: Sandbox, kind: str, system: str
):
    box.control.add_fault(kind, "acme", system)
    call = zoho.get if system == "zoho" else lambda _path: saleor.page()

    if kind == "cut_body":
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            call("salesorders")
    else:
        answer = call("salesorders")
        assert answer.status_code == 200
        with pytest.raises(ValueError, match="Expecting"):
            answer.json()
    assert call("salesorders").json()


def test_expired_token_ends_the_token_for_good(zoho: ZohoCaller, box: Sandbox):
    box.control.add_fault("expired_token", "acme", "zoho")

    statuses = [zoho.get("contacts").status_code for _ in range(2)]
    zoho.sign_in()

    assert statuses == [401, 401]
    assert zoho.get("contacts").status_code == 200


def test_faults_hit_only_matching_requests(zoho: ZohoCaller, saleor: SaleorCaller, box: Sandbox):
    box.control.add_fault(
        "error_500", "acme", "zoho", match="/salesorders", where="detail", times=None
    )
    box.control.add_fault("error_500", "acme", "saleor", match="OrderOne", times=None)
    (known, *_) = box.control.ids("acme", "zoho")

    assert zoho.get("salesorders").status_code == 200
    assert zoho.get("invoices").status_code == 200
    assert zoho.get(f"salesorders/{known}").status_code == 500
    assert saleor.page().status_code == 200
    assert box.control.clear_faults("acme", "zoho") == 1
    assert zoho.get(f"salesorders/{known}").status_code == 200


def test_token_endpoint_can_fail_alone(zoho: ZohoCaller, box: Sandbox):
    box.control.add_fault("error_500", "acme", "zoho", match="/oauth/v2/token")

    assert zoho.get("contacts").status_code == 200
    assert zoho.grant().status_code == 500


@pytest.mark.parametrize(("rows", "repeated", "missing"), [(3, 6, 0), (-3, 0, 6)])
def test_shifted_pages_repeat_or_leave_out_rows(
    zoho: ZohoCaller, box: Sandbox, rows: int, repeated: int, missing: int
):
    box.control.add_fault("shifted_page", "acme", "zoho", rows=rows, times=None)

    ids = [row["salesorder_id"] for row in zoho.all_rows("salesorders")]

    everything = set(box.control.ids("acme", "zoho"))
    if repeated:
        assert len(ids) - len(set(ids)) >= 3
        assert set(ids) == everything
    else:
        assert len(ids) == len(set(ids))
        assert 3 <= len(everything - set(ids)) <= missing


def test_duplicate_pages_delay_all_that_follow(zoho: ZohoCaller, box: Sandbox):
    box.control.add_fault("duplicate_page", "acme", "zoho", times=None)

    ids = [row["salesorder_id"] for row in zoho.all_rows("salesorders")]

    assert ids[:200] == ids[200:400]
    assert set(ids) == set(box.control.ids("acme", "zoho"))


def test_saleor_repeats_one_page_and_then_goes_on(saleor: SaleorCaller, box: Sandbox):
    box.control.add_fault("duplicate_page", "acme", "saleor", after=1)

    ids = [node["id"] for node in saleor.all_nodes(first=50)]

    assert len(ids) == len(set(ids)) + 50
    assert set(ids) == set(box.control.ids("acme", "saleor"))


@pytest.mark.parametrize("system", ["zoho", "saleor"])
def test_moving_rows_really_change_between_pages(
    zoho: ZohoCaller, saleor: SaleorCaller, box: Sandbox, system: str
):
    before = box.control.ids("acme", system)
    box.control.add_fault("moving_rows", "acme", system, rows=2, times=None)

    if system == "zoho":
        zoho.all_rows("salesorders", sort_column="last_modified_time")
    else:
        saleor.all_nodes(first=90)

    after = box.control.ids("acme", system)
    assert set(after) == set(before)
    assert after[-2:] != before[-2:]
    assert after[-1] in before[:20]


@pytest.mark.parametrize(
    ("kind", "settings", "spoilt"),
    [
        ("missing_field", {"path": "total"}, lambda row: "total" not in row),
        ("mistyped_field", {"path": "total"}, lambda row: isinstance(row["total"], dict)),
        ("no_id", {}, lambda row: "salesorder_id" not in row),
        ("nul_text", {}, lambda row: row["customer_name"].endswith("\x00end")),
        ("half_pair", {}, lambda row: row["customer_name"].endswith("\ud83dend")),
    ],
)
def test_record_faults_spoil_one_record_of_a_list(
    zoho: ZohoCaller,
    box: Sandbox,
    kind: str,
    settings: dict[str, Any],
    spoilt: Callable[[dict[str, Any]], bool],
):
    target = zoho.get("salesorders").json()["salesorders"][7]["salesorder_id"]
    box.control.add_fault(kind, "acme", "zoho", record=target, **settings)

    faulty = zoho.get("salesorders").json()["salesorders"]
    healed = zoho.get("salesorders").json()["salesorders"]

    assert [i for i, row in enumerate(faulty) if spoilt(row)] == [7]
    assert not any(spoilt(row) for row in healed)


def test_record_faults_reach_into_details_and_graphql_nodes(
    zoho: ZohoCaller, saleor: SaleorCaller, box: Sandbox
):
    (zoho_id, *_) = box.control.ids("acme", "zoho")
    box.control.add_fault(
        "mistyped_field", "acme", "zoho", path="line_items.0.rate", where="detail"
    )
    box.control.add_fault("missing_field", "acme", "saleor", path="total.gross.amount")

    order = zoho.get(f"salesorders/{zoho_id}").json()["salesorder"]
    nodes = saleor.page(first=2).json()["data"]["orders"]["edges"]

    assert isinstance(order["line_items"][0]["rate"], dict)
    assert [set(edge["node"]["total"]["gross"]) for edge in nodes] == [
        {"currency"},
        {"amount", "currency"},
    ]


def test_saleor_can_answer_with_data_and_errors(saleor: SaleorCaller, box: Sandbox):
    box.control.add_fault("partial_data", "acme", "saleor")

    body = saleor.page().json()

    assert body["data"]["orders"]["edges"]
    assert body["errors"][0]["message"] == "Internal Server Error"
