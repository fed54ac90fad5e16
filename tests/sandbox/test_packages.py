"""Packages of the stand-ins: shaped like Zoho's, and consistent with orders and fulfilments."""

from collections import Counter
from typing import Any

import pytest

from sandbox.runner import Sandbox
from tests.sandbox.callers import ZohoCaller


def packages(box: Sandbox) -> list[dict[str, Any]]:
    control = box.control
    ids = control.ids("acme", "zoho", "packages")
    return [control.document("acme", "zoho", each, "packages") for each in ids]


def quantities(lines: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in lines:
        found[line["sku"]] += int(line["quantity"])
    return found


def test_rows_tell_neither_lines_nor_carrier_and_count_as_text(zoho: ZohoCaller):
    rows = zoho.all_rows("packages", per_page=200)

    shipped = next(row for row in rows if row["status"] == "shipped")
    detail = zoho.get(f"packages/{shipped['package_id']}").json()["package"]
    assert {"line_items", "carrier", "shipment_order"}.isdisjoint(shipped)
    assert shipped["quantity"] == f"{detail['total_quantity']:.6f}"
    assert detail["shipment_order"]["tracking_number"] == shipped["tracking_number"]


@pytest.mark.parametrize(
    "given",
    [
        {"last_modified_time": "2126-01-01T00:00:00+0000"},
        {"package_number": "nothing"},
        {"salesorder_number": "nothing"},
        {"package_ids": "1"},
    ],
    ids=lambda given: next(iter(given)),
)
def test_filters_that_zoho_ignores_filter_nothing(zoho: ZohoCaller, given: dict[str, str]):
    everything = zoho.get("packages").json()["packages"]

    assert zoho.get("packages", **given).json()["packages"] == everything != []


def test_a_status_filters(zoho: ZohoCaller):
    rows = zoho.all_rows("packages", status="shipped")

    assert {row["status"] for row in rows} == {"shipped"}


def test_a_package_holds_what_its_order_sold(box: Sandbox):
    for package in packages(box):
        order = box.control.document("acme", "zoho", package["salesorder_id"])
        assert package["line_items"]
        assert quantities(package["line_items"]) <= quantities(order["line_items"])
        # of the newest ones only the carrier knows that they arrived
        assert package["status"] in {"shipped", {"closed": "delivered"}.get(order["order_status"])}


def test_shop_and_books_know_a_parcel_by_one_number(box: Sandbox):
    by_order = {each["salesorder_id"]: each for each in packages(box)}
    pairs = [row for row in box.control.truth("acme") if {"zoho_id", "saleor_id"} <= row.keys()]
    seen = 0
    for row in pairs:
        shop = box.control.document("acme", "saleor", row["saleor_id"])
        if {each["status"] for each in shop["fulfillments"]} - {"FULFILLED"}:
            continue  # what came back left its parcel
        told = [each["trackingNumber"] for each in shop["fulfillments"]]
        package = by_order.get(row["zoho_id"])
        assert told == ([package["tracking_number"]] if package else [])
        seen += bool(told)

    assert seen > 100


def test_a_finished_order_sends_what_was_left(box: Sandbox):
    (order,) = box.control.change_orders(
        "acme", "zoho", 1, "status", ids=[next(_in_stage(box, "partially_shipped"))]
    )

    sent = [each for each in packages(box) if each["salesorder_id"] == order]
    sold = box.control.document("acme", "zoho", order)["line_items"]
    assert {each["status"] for each in sent} == {"delivered"}
    assert quantities(line for each in sent for line in each["line_items"]) == quantities(sold)


def _in_stage(box: Sandbox, shipped_status: str) -> Any:
    for order_id in box.control.ids("acme", "zoho"):
        order = box.control.document("acme", "zoho", order_id)
        if order["shipped_status"] == shipped_status:
            yield order_id


def test_what_was_packed_stays_packed(box: Sandbox):
    before = packages(box)
    order = before[0]["salesorder_id"]

    box.control.change_orders("acme", "zoho", 1, "quantity", ids=[order])
    box.control.edit_number("acme", order, "SO-EDITED")

    assert packages(box) == before


def test_a_new_package_is_shipped_then_delivered(box: Sandbox):
    (package,) = box.control.new_packages("acme", 1)
    seen = []
    for _ in range(3):
        shown = box.control.document("acme", "zoho", package, "packages")
        seen.append((shown["status"], bool(shown["shipment_order"])))
        box.control.change_packages("acme", 1, "status", ids=[package])

    assert seen == [("not_shipped", False), ("shipped", True), ("delivered", True)]


def test_an_order_goes_with_its_packages(box: Sandbox):
    package = packages(box)[0]

    box.control.delete_order("acme", "zoho", package["salesorder_id"])

    assert package["package_id"] not in box.control.ids("acme", "zoho", "packages")
