"""Changes: what moves, by how much, and what the systems answer afterwards."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.control import Control
from sandbox.runner import Sandbox
from tests.sandbox.callers import SaleorCaller, ZohoCaller

NOW = 1_795_000_000_000_000


def zoho_order(box: Sandbox, order_id: str):
    return box.control.document("acme", "zoho", order_id)


def saleor_order(box: Sandbox, order_id: str):
    return box.control.document("acme", "saleor", order_id)


@pytest.mark.parametrize("system", ["zoho", "saleor"])
def test_changed_orders_are_the_newest_and_differ(box: Sandbox, system: str):
    before = {i: box.control.document("acme", system, i) for i in box.control.ids("acme", system)}

    changed = box.control.change_orders("acme", system, 10)

    assert len(set(changed)) == 10
    assert set(box.control.ids("acme", system)[-10:]) == set(changed)
    modified = "last_modified_time" if system == "zoho" else "updatedAt"
    for record_id in changed:
        after = box.control.document("acme", system, record_id)
        assert after[modified] > before[record_id][modified]
        assert {k: v for k, v in after.items() if k != modified} != {
            k: v for k, v in before[record_id].items() if k != modified
        }


def test_changed_orders_are_served_at_once(zoho: ZohoCaller, box: Sandbox):
    zoho.all_rows("salesorders", sort_column="last_modified_time")

    (changed,) = box.control.change_orders("acme", "zoho", 1, "status")

    row = zoho.get("salesorders", sort_column="last_modified_time").json()["salesorders"][0]
    assert row["salesorder_id"] == changed
    assert row["status"] == zoho_order(box, changed)["status"]


@pytest.mark.parametrize("kind", ["tracking", "second_parcel"])
def test_parcel_changes_leave_updated_at_alone(saleor: SaleorCaller, box: Sandbox, kind: str):
    before = {node["id"]: node for node in saleor.all_nodes()}

    (changed,) = box.control.change_orders("acme", "saleor", 1, kind)

    after = next(node for node in saleor.all_nodes() if node["id"] == changed)
    assert after["fulfillments"] != before[changed]["fulfillments"]
    assert after["updatedAt"] == before[changed]["updatedAt"]


def test_quantity_change_keeps_the_sums_right(box: Sandbox):
    alone = next(
        i
        for i in box.control.ids("acme", "zoho")
        if zoho_order(box, i)["source"] == "Client" and zoho_order(box, i)["invoices"]
    )
    before = zoho_order(box, alone)

    box.control.change_orders("acme", "zoho", 1, "quantity", ids=[alone])

    after = zoho_order(box, alone)
    assert after["quantity"] == before["quantity"] + 1
    assert after["total"] > before["total"]
    invoice_id = before["invoices"][0]["invoice_id"]
    invoice = box.control.document("acme", "zoho", invoice_id, "invoices")
    assert invoice["total"] == before["total"], "an invoice does not change with its order"


def test_new_shop_order_with_twin_is_one_order_in_two_systems(box: Sandbox):
    (order,) = box.control.new_orders("acme", "saleor", 1, twin=True)

    (row,) = [r for r in box.control.truth("acme") if r.get("saleor_id") == order]
    twin = zoho_order(box, row["zoho_id"])
    assert twin["salesorder_number"] == f"STORE-{saleor_order(box, order)['number']}"
    assert row["zoho_total_minor"] == row["saleor_total_minor"]
    numbers = [saleor_order(box, i)["number"] for i in box.control.ids("acme", "saleor")]
    assert len(numbers) == len(set(numbers))


def test_push_brings_a_shop_order_into_the_erp_once(box: Sandbox):
    (order,) = box.control.new_orders("acme", "saleor", 1)

    (pushed,) = box.control.push_orders("acme", [order])

    assert zoho_order(box, pushed)["source"] == "Api"
    with pytest.raises(ValueError, match="in the ERP already"):
        box.control.push_orders("acme", [order])


def test_number_and_reference_can_be_edited(zoho: ZohoCaller, box: Sandbox):
    (order_id, *_) = box.control.ids("acme", "zoho")
    taken = zoho_order(box, box.control.ids("acme", "zoho")[1])["salesorder_number"]

    before = box.control.edit_number("acme", order_id, "STORE-9999")
    box.control.set_reference("acme", order_id, before)

    row = zoho.get("salesorders", salesorder_number="STORE-9999").json()["salesorders"][0]
    assert (row["salesorder_id"], row["reference_number"]) == (order_id, before)
    assert box.control.ids("acme", "zoho")[-1] == order_id
    with pytest.raises(ValueError, match="already exists"):
        box.control.edit_number("acme", order_id, taken)


def test_deleted_orders_are_gone_in_one_system_only(zoho: ZohoCaller, box: Sandbox):
    row = next(r for r in box.control.truth("acme") if "zoho_id" in r and "saleor_id" in r)

    box.control.delete_order("acme", "zoho", row["zoho_id"])

    assert zoho.get(f"salesorders/{row['zoho_id']}").status_code == 404
    assert row["zoho_id"] not in {r["salesorder_id"] for r in zoho.all_rows("salesorders")}
    assert saleor_order(box, row["saleor_id"])


@pytest.mark.parametrize("entity", ["orders", "invoices", "contacts"])
def test_touch_moves_only_the_modified_time(box: Sandbox, entity: str):
    chosen = box.control.ids("acme", "zoho", entity)[3]
    before = box.control.document("acme", "zoho", chosen, entity)

    box.control.touch("acme", "zoho", entity=entity, ids=[chosen])

    after = box.control.document("acme", "zoho", chosen, entity)
    different = {key for key in after if after[key] != before[key]}
    assert "last_modified_time" in different
    assert different <= {"last_modified_time", "shipment_date", "last_payment_date"}


def test_contacts_and_invoices_change_too(zoho: ZohoCaller, box: Sandbox):
    contacts = box.control.change_contacts("acme", 3)
    invoices = box.control.change_invoices("acme", 2)

    newest: dict[str, Any] = {"sort_column": "last_modified_time", "per_page": 3}
    listed = {row["contact_id"] for row in zoho.get("contacts", **newest).json()["contacts"]}
    assert listed == set(contacts)
    rows = zoho.get("invoices", **newest).json()["invoices"]
    assert {row["invoice_id"] for row in rows[:2]} == set(invoices)


def test_equal_times_can_lie_over_a_page_border(zoho: ZohoCaller, box: Sandbox):
    same = box.control.align_modified("acme", "zoho", 190, 20)

    rows = zoho.all_rows("salesorders", sort_column="last_modified_time")

    times = {row["last_modified_time"] for row in rows if row["salesorder_id"] in same}
    assert len(times) == 1
    assert {row["salesorder_id"] for row in rows[190:210]} == set(same)
    assert len({row["salesorder_id"] for row in rows}) == 450


def test_reset_makes_everything_as_it_was(box: Sandbox):
    def picture():
        return {
            system: [
                box.control.document("acme", system, i) for i in box.control.ids("acme", system)
            ]
            for system in ("zoho", "saleor")
        }

    before = picture()
    box.control.change_orders("acme", "zoho", 5)
    box.control.new_orders("acme", "saleor", 5, twin=True)
    box.control.add_fault("error_500", "acme", "zoho", times=None)
    box.control.revoke_credentials("acme", "saleor")

    box.reset()

    assert picture() == before
    assert box.control.faults() == []
    assert box.control.calls() == {}


def test_same_changes_give_the_same_data():
    def run():
        box = Sandbox(seed=5, size=60, now=NOW)
        box.control.at = NOW + 1_000_000
        ids = box.control.change_orders("acme", "zoho", 5)
        return ids, [box.control.document("acme", "zoho", i) for i in ids]

    assert run() == run()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.change_orders("nobody", "zoho", 1), "no merchant 'nobody'"),
        (lambda c: c.change_orders("acme", "xentral", 1), "xentral has no orders"),
        (lambda c: c.change_orders("acme", "zoho", 10**6), "only"),
        (lambda c: c.change_orders("acme", "zoho", 1, "magic"), "no change 'magic'"),
        (lambda c: c.delete_order("acme", "zoho", "1"), "has no orders record 1"),
        (lambda c: c.revoke_credentials("acme", "odoo"), "no system 'odoo'"),
    ],
)
def test_wrong_arguments_are_explained(
    box: Sandbox, call: Callable[[Control], object], message: str
):
    with pytest.raises(ValueError, match=message):
        call(box.control)


def test_calls_are_counted_by_kind(zoho: ZohoCaller, saleor: SaleorCaller, box: Sandbox):
    box.control.reset_calls()
    (known, *_) = box.control.ids("acme", "zoho")

    zoho.all_rows("salesorders")
    zoho.get(f"salesorders/{known}")
    zoho.grant()
    saleor.page()

    counts = box.control.calls()["acme"]
    assert counts["zoho"] == {
        "detail": 1,
        "detail:salesorders": 1,
        "list": 3,
        "list:salesorders": 3,
        "token": 1,
        "token:token": 1,
        "total": 5,
    }
    assert counts["saleor"]["list:OrdersPage"] == 1
