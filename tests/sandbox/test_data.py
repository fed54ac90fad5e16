"""The data: repeatable from a seed, coherent between the systems, odd where it was planted."""

from collections import Counter
from decimal import Decimal

import pytest

from sandbox.merchants import make_merchant
from sandbox.runner import Sandbox
from sandbox.seeding import make_world
from sandbox.world import DAY

NOW = 1_795_000_000_000_000


def minor(value: float) -> int:
    return int(Decimal(str(value)) * 100)


def test_same_seed_gives_the_same_bytes_and_another_seed_does_not():
    def fingerprint(seed: int) -> list[object]:
        box = Sandbox(seed=seed, size=40, now=NOW)
        return [
            box.control.document("acme", system, record_id)
            for system in ("zoho", "saleor")
            for record_id in box.control.ids("acme", system)
        ]

    first = fingerprint(3)

    assert fingerprint(3) == first
    assert fingerprint(4) != first


def test_a_merchant_may_have_another_number_of_orders():
    box = Sandbox(size=40, sizes={"globex": 60})

    counts = [len(box.control.ids(merchant, "zoho")) for merchant in ("acme", "globex")]

    assert counts == [40, 60]


@pytest.mark.parametrize("merchant", ["acme", "globex"])
def test_every_order_adds_up_in_both_systems(box: Sandbox, merchant: str):
    for record_id in box.control.ids(merchant, "zoho"):
        order = box.control.document(merchant, "zoho", record_id)
        net = sum(minor(line["item_total"]) for line in order["line_items"])
        assert minor(order["sub_total"]) == net
        assert minor(order["total"]) == net - minor(order["discount"]) + minor(
            order["tax_total"]
        ) + minor(order["shipping_charges"]["item_total"]) + minor(order["adjustment"])
        assert minor(order["tax_total"]) == sum(minor(t["tax_amount"]) for t in order["taxes"])
    for record_id in box.control.ids(merchant, "saleor"):
        order = box.control.document(merchant, "saleor", record_id)
        for side in ("gross", "net"):
            goods = sum(minor(line["totalPrice"][side]["amount"]) for line in order["lines"])
            assert minor(order["subtotal"][side]["amount"]) == goods
            total = goods + minor(order["shippingPrice"][side]["amount"])
            assert minor(order["total"][side]["amount"]) == total


@pytest.mark.parametrize("merchant", ["acme", "globex"])
def test_exactly_one_order_differs_between_shop_and_erp(box: Sandbox, merchant: str):
    rows = [row for row in box.control.truth(merchant) if "zoho_id" in row and "saleor_id" in row]

    differing = [row for row in rows if row["zoho_total_minor"] != row["saleor_total_minor"]]

    planted = box.control.planted(merchant)["totals_differ"]
    assert len(rows) > 200
    assert [row["zoho_id"] for row in differing] == [planted["zoho"]]
    assert [row["saleor_id"] for row in differing] == [planted["saleor"]]
    assert abs(differing[0]["zoho_total_minor"] - differing[0]["saleor_total_minor"]) > 1


def test_orders_come_in_every_relation_between_shop_and_erp(box: Sandbox):
    orders = [box.control.document("acme", "zoho", i) for i in box.control.ids("acme", "zoho")]
    shop = {
        box.control.document("acme", "saleor", i)["number"]
        for i in box.control.ids("acme", "saleor")
    }

    by_number = [o for o in orders if o["salesorder_number"].startswith("STORE-")]
    by_reference = [o for o in orders if o["reference_number"].startswith("STORE-")]
    alone = [o for o in orders if o not in by_number and o not in by_reference]

    pushed = {o["salesorder_number"].removeprefix("STORE-") for o in by_number}
    pushed |= {o["reference_number"].removeprefix("STORE-") for o in by_reference}
    assert len(orders) == 450
    assert len(by_reference) > 10
    assert len(alone) > 40
    assert pushed < shop
    own = ("SO-", "XMAS25-")
    assert all(o["salesorder_number"].startswith(own) for o in by_reference + alone)
    numbers = sorted(int(number) for number in shop)
    assert numbers[-1] - numbers[0] >= len(numbers), "the number sequence has no gaps"


def test_both_price_modes_discounts_and_taxes_occur(box: Sandbox):
    orders = [box.control.document("globex", "zoho", i) for i in box.control.ids("globex", "zoho")]

    kinds = Counter(order["discount_type"] for order in orders)
    modes = Counter(order["is_inclusive_tax"] for order in orders)
    discounts = {str(line["discount"])[-1] for order in orders for line in order["line_items"]}

    assert min(kinds["entity_level"], kinds["item_level"]) > 10
    assert min(modes[True], modes[False]) > 10
    assert "%" in discounts
    assert all(
        ("item_total_inclusive_of_tax" in line) == order["is_inclusive_tax"]
        for order in orders
        for line in order["line_items"]
    )


def test_planted_orders_lack_what_they_should(box: Sandbox):
    planted = box.control.planted("acme")

    for name in ("without_email_1", "without_email_2"):
        order = box.control.document("acme", "zoho", planted[name]["zoho"])
        assert order["email"] == ""
        assert order["contact_person_details"][0]["email"] == ""
    guest = box.control.document("acme", "saleor", planted["guest_without_email"]["saleor"])
    assert guest["userEmail"] is None
    assert guest["user"] is None


def test_contacts_are_people_companies_and_vendors_with_foreign_names(box: Sandbox):
    contacts = [
        box.control.document("acme", "zoho", i, "contacts")
        for i in box.control.ids("acme", "zoho", "contacts")
    ]

    assert {c["contact_type"] for c in contacts} == {"customer", "vendor"}
    assert {c["customer_sub_type"] for c in contacts} == {"individual", "business"}
    assert any(c["email"] == "" for c in contacts)
    assert any("ü" in c["contact_name"] for c in contacts)
    assert any("Смирнова" in c["contact_name"] for c in contacts), "no Cyrillic name"
    known = {c["contact_id"] for c in contacts}
    orders = [box.control.document("acme", "zoho", i) for i in box.control.ids("acme", "zoho")]
    assert {o["customer_id"] for o in orders} <= known


def test_details_of_contacts_show_persons_and_addresses_as_zoho_does(box: Sandbox):
    contacts = [
        box.control.document("acme", "zoho", i, "contacts")
        for i in box.control.ids("acme", "zoho", "contacts")
    ]

    for contact in contacts:
        billing, shipping = contact["billing_address"], contact["shipping_address"]
        known = {block["address_id"] for block in (billing, shipping, *contact["addresses"])}
        assert len(known) == 2 + len(contact["addresses"])
        assert {**billing, "address_id": ""} == {**shipping, "address_id": ""}
        persons = contact["contact_persons"]
        primary = next((each for each in persons if each["is_primary_contact"]), None)
        told = {name: contact[name] for name in ("first_name", "last_name", "email")}
        assert told == {name: primary[name] if primary else "" for name in told}
        assert contact["primary_contact_id"] == (primary["contact_person_id"] if primary else "")
    several = [each for each in contacts if len(each["contact_persons"]) > 1]
    assert several
    assert all(each["company_name"] for each in several)
    assert any(not each["contact_persons"] for each in contacts)
    emails = [person["email"] for each in several for person in each["contact_persons"][1:]]
    assert "" in emails
    assert any(emails)
    buyers = {each["email"] for each in contacts if not each["company_name"]}
    assert buyers.intersection(filter(None, emails)), "nobody who also buys for himself"


def test_invoices_point_at_their_orders(box: Sandbox):
    orders = {i: box.control.document("acme", "zoho", i) for i in box.control.ids("acme", "zoho")}
    invoices = [
        box.control.document("acme", "zoho", i, "invoices")
        for i in box.control.ids("acme", "zoho", "invoices")
    ]

    assert len(invoices) > 200
    for invoice in invoices:
        order = orders[invoice["salesorder_id"]]
        assert invoice["reference_number"] == order["salesorder_number"]
        assert invoice["total"] == order["total"]
        assert order["invoices"][0]["invoice_id"] == invoice["invoice_id"]


def test_recent_days_are_denser_and_nothing_is_newer_than_now():
    world = make_world(make_merchant("acme", 0, 1), seed=1, size=2000, now=NOW)

    created = [order.sale.created for order in world.zoho_orders.by_id.values()]

    assert max(order.modified for order in world.zoho_orders.by_id.values()) <= NOW
    assert max(order.modified for order in world.shop_orders.by_id.values()) <= NOW
    last_week = sum(at > NOW - 7 * DAY for at in created)
    a_week_long_ago = sum(NOW - 307 * DAY < at < NOW - 300 * DAY for at in created)
    assert last_week > a_week_long_ago
    assert min(created) < NOW - 390 * DAY


def test_merchants_share_no_id_and_no_secret(box: Sandbox):
    acme, globex = (box.info["merchants"][name] for name in ("acme", "globex"))

    assert not set(box.control.ids("acme", "zoho")) & set(box.control.ids("globex", "zoho"))
    assert not set(box.control.ids("acme", "saleor")) & set(box.control.ids("globex", "saleor"))
    for name in ("client_id", "client_secret", "refresh_token", "organization_id"):
        assert acme["zoho"][name] != globex["zoho"][name]
    assert len(acme["saleor"]["token"]) == 30
    assert acme["saleor"]["token"].isalnum()
