"""Zoho: listings, filters and details (zoho.md 1.3, 1.4, 1.6)."""

from typing import Any

import httpx
import pytest

from sandbox.runner import Sandbox
from sandbox.times import parse_zoho_time
from tests.sandbox.callers import ZohoCaller

ROOTS = ("inventory/v1", "books/v3", "api/v1", "api/v3")


def modified(rows: Any):
    return [parse_zoho_time(row["last_modified_time"]) for row in rows]


@pytest.mark.parametrize("plural", ["salesorders", "invoices", "contacts"])
def test_pages_give_every_record_once(zoho: ZohoCaller, box: Sandbox, plural: str):
    entity = {"salesorders": "orders"}.get(plural, plural)

    rows = zoho.all_rows(plural, per_page=50, sort_column="last_modified_time")

    ids = [row[f"{plural[:-1]}_id"] for row in rows]
    assert sorted(ids) == sorted(box.control.ids("acme", "zoho", entity))
    assert modified(rows) == sorted(modified(rows), reverse=True)


def test_page_context_says_what_was_asked_and_whether_more_follows(zoho: ZohoCaller):
    last = zoho.get("salesorders", page=3, per_page=200, sort_column="date", sort_order="A").json()
    beyond = zoho.get("salesorders", page=9).json()

    assert last["code"] == 0
    assert len(last["salesorders"]) == 50
    assert last["page_context"] == {
        "page": 3,
        "per_page": 200,
        "has_more_page": False,
        "report_name": "Sales Orders",
        "applied_filter": "Status.All",
        "sort_column": "date",
        "sort_order": "A",
    }
    assert beyond["salesorders"] == []
    assert beyond["page_context"]["has_more_page"] is False


def test_page_size_is_capped_at_200(zoho: ZohoCaller):
    assert len(zoho.get("salesorders", per_page=500).json()["salesorders"]) == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page", "zero"),
        ("per_page", "-1"),
        ("sort_column", "colour"),
        ("sort_order", "X"),
        ("last_modified_time", "2026-01-01"),
        ("last_modified_time", "2026-01-01T00:00:00Z"),
        ("last_modified_time", "2026-01-01T00:00:00 0100"),
        ("last_modified_time", "2026-13-01T00:00:00+0100"),
        ("salesorder_ids", ",".join(["1"] * 201)),
        ("date_start", "yesterday"),
    ],
)
def test_malformed_values_are_code_2(zoho: ZohoCaller, name: str, value: str):
    answer = zoho.get("salesorders", **{name: value})

    assert answer.status_code == 400
    assert answer.json() == {"code": 2, "message": f"Invalid value passed for {name}"}


@pytest.mark.parametrize("column", ["last_modified_time", "created_time"])
def test_modified_filter_is_inclusive_and_reads_any_offset(zoho: ZohoCaller, column: str):
    rows = zoho.all_rows("salesorders", sort_column="last_modified_time")
    border = rows[119]["last_modified_time"]
    in_utc = f"{border[:-5]}+0000"

    listed = zoho.all_rows("salesorders", last_modified_time=border, sort_column=column)
    later = zoho.all_rows("salesorders", last_modified_time=in_utc, sort_column=column)

    expected = [m for m in modified(rows) if m >= parse_zoho_time(border)]
    assert len(listed) == len(expected) >= 120
    assert len(later) < len(listed), "an hour of offset makes the filter an hour later"


def test_number_reference_and_status_filters(zoho: ZohoCaller):
    by_reference = next(
        row for row in zoho.all_rows("salesorders") if row["reference_number"].startswith("STORE-")
    )

    by_number = zoho.all_rows("salesorders", salesorder_number=by_reference["salesorder_number"])
    referenced = zoho.all_rows("salesorders", reference_number=by_reference["reference_number"])
    contained = zoho.all_rows("salesorders", salesorder_number_contains="SO-000")
    void = zoho.all_rows("salesorders", status="void")

    assert [row["salesorder_id"] for row in by_number] == [by_reference["salesorder_id"]]
    assert [row["salesorder_id"] for row in referenced] == [by_reference["salesorder_id"]]
    assert len(contained) > 50
    assert void
    assert {row["status"] for row in void} == {"void"}


def test_ids_filter_finds_exactly_those_that_exist(zoho: ZohoCaller, box: Sandbox):
    some = box.control.ids("acme", "zoho")[:3]

    rows = zoho.all_rows("salesorders", salesorder_ids=",".join([*some, "1"]))

    assert {row["salesorder_id"] for row in rows} == set(some)


def test_blank_and_unknown_parameters_are_ignored(zoho: ZohoCaller):
    rows = zoho.all_rows("salesorders", status="", last_modified_time="", flavour="vanilla")

    assert len(rows) == 450


def test_list_rows_have_no_lines_and_details_agree_with_them(zoho: ZohoCaller):
    row = zoho.get("salesorders").json()["salesorders"][0]
    detail = zoho.get(f"salesorders/{row['salesorder_id']}").json()["salesorder"]

    assert not {"line_items", "billing_address", "sub_total"} & set(row)
    assert detail["line_items"]
    assert detail["billing_address"]["country"] == "Deutschland"
    assert {key: detail[key] for key in row} == row
    assert all(line["line_item_id"].isdigit() for line in detail["line_items"])
    assert int(row["salesorder_id"]) > 2**53


@pytest.mark.parametrize("root", ROOTS)
def test_all_roots_serve_one_store(zoho: ZohoCaller, http: httpx.Client, root: str):
    url = f"{zoho.info['accounts_url']}/{root}/salesorders"
    query = {"organization_id": zoho.info["organization_id"]}

    answer = http.get(url, params=query, headers=zoho.header)

    assert answer.content == zoho.get("salesorders").content


@pytest.mark.parametrize(
    ("path", "code"),
    [("salesorders/1", 1002), ("invoices/1", 1002), ("contacts/x", 1002), ("unicorns", 5)],
)
def test_unknown_ids_and_paths_are_404(zoho: ZohoCaller, path: str, code: int):
    answer = zoho.get(path)

    assert (answer.status_code, answer.json()["code"]) == (404, code)


def test_times_carry_the_organisations_offset(zoho: ZohoCaller, box: Sandbox, http: httpx.Client):
    other = type(zoho)(box.info["merchants"]["globex"]["zoho"], http)
    other.sign_in()

    berlin = {row["created_time"][-5:] for row in zoho.all_rows("salesorders")}
    new_york = {row["created_time"][-5:] for row in other.all_rows("salesorders")}

    assert berlin == {"+0100", "+0200"}
    assert new_york == {"-0400", "-0500"}


def test_organisations_and_taxes(zoho: ZohoCaller):
    organization = zoho.get("organizations", organization_id="").json()["organizations"][0]
    taxes = zoho.get("settings/taxes", root="books_url").json()

    assert organization["organization_id"] == zoho.info["organization_id"]
    assert organization["time_zone"] == "Europe/Berlin"
    assert [tax["tax_percentage"] for tax in taxes["taxes"]] == [19, 7]
    assert taxes["page_context"]["has_more_page"] is False
