"""Mappers of orders: the odd cases of the provider documents, as tables."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from assets.orders.zoho import map_order, webhook_orders
from resources.zoho import ZohoConfig
from schemabase_dagster.candidate import Candidate, SourceRecord

ZOHO_ORDER: dict[str, Any] = {
    "salesorder_id": "73518000000500011",
    "salesorder_number": "STORE-1042",
    "reference_number": "",
    "customer_id": "73518000000412007",
    "customer_name": "Mira Holt",
    "email": "Mira@Example.org ",
    "date": "2024-03-09",
    "shipment_date": "",
    "created_time": "2024-03-09T14:05:33+0100",
    "last_modified_time": "2024-03-09T14:05:36+0100",
    "currency_code": "EUR",
    "total": 48.7,
    "tax_total": 3.19,
    "order_status": "confirmed",
    "invoiced_status": "not_invoiced",
    "paid_status": "unpaid",
    "shipped_status": "pending",
    "delivery_method": "DPD",
    "is_inclusive_tax": True,
    "shipping_charge": 4.9,
    "shipping_charge_tax_percentage": 7,
    "line_items": [
        {
            "line_item_id": "73518000000500013",
            "sku": " tin-5-sugar",
            "name": "Tin - Sugar",
            "rate": 21.9,
            "quantity": 2.0,
            "tax_percentage": 7,
            "item_total": 40.93,
            "item_total_inclusive_of_tax": 43.8,
        }
    ],
    "shipping_address": {
        "attention": "Mira Holt",
        "address": "Lindenweg 4",
        "street2": "Holt GmbH\nHinterhaus",
        "city": "Ulm",
        "zip": "89073",
        "country": "Deutschland",
        "country_code": "",
    },
}


CUSTOM_FIELDS = {
    "ready_to_fulfill": "cf_go",
    "customer_note": "cf_note",
    "voucher_code": "cf_voucher",
}


def zoho(config: ZohoConfig | None = None, /, **changes: Any) -> Candidate:
    """Map the documented order with some fields changed."""
    config = config or ZohoConfig(organization_id="20011122233")
    payload = {**ZOHO_ORDER, **changes}
    text = orjson.dumps(payload).decode()
    return map_order(SourceRecord("73518000000500011", text, config, None))


def test_inclusive_order_adds_up_as_documented():
    values = zoho().values
    line = zoho().children["lines"][0]

    assert values["total_gross"] == Decimal("48.7")
    assert values["total_net"] == Decimal("45.51")
    assert values["shipping_gross"] == Decimal("4.9")
    assert values["shipping_net"] == Decimal("4.58")
    assert (line["total_net"], line["total_gross"]) == (Decimal("40.93"), Decimal("43.8"))
    assert line["undiscounted_unit_gross"] == Decimal("21.9")
    assert line["sku"] == "tin-5-sugar"


def test_company_country_and_email_are_read_from_where_zoho_hides_them():
    candidate = zoho()

    address = candidate.addresses["shipping_address_id"]
    assert (address.company_name, address.line2) == ("Holt GmbH", "Hinterhaus")
    assert address.country_code == "DE"
    assert candidate.contact is not None
    assert candidate.contact.email == "mira@example.org"


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        ({"order_status": "void"}, "status", "canceled"),
        ({"order_status": "closed"}, "status", "closed"),
        ({"order_status": "surprise"}, "status", "unconfirmed"),
        ({"shipped_status": "fulfilled"}, "shipment_status", "delivered"),
        ({"shipped_status": ""}, "shipment_status", None),
        ({"paid_status": "paid"}, "payment_status", "fully_paid"),
        ({"delivery_method": "Groups and more"}, "carrier", "unknown"),
        ({"delivery_method": "DHL Standard"}, "carrier", "dhl"),
        ({"delivery_method": ""}, "carrier", None),
    ],
)
def test_states_are_translated(changes: dict[str, Any], column: str, expected: object):
    assert zoho(**changes).values[column] == expected


@pytest.mark.parametrize(
    ("day", "created", "expected"),
    [
        ("2024-03-09", "2024-03-09T14:05:33+0100", "2024-03-09T14:05:33+01:00"),
        ("2024-03-09", "2024-03-09T00:05:33+0100", "2024-03-09T00:05:33+01:00"),
        ("2024-03-08", "2024-03-09T00:05:33+0100", "2024-03-08T00:00:00+01:00"),
        ("2024-03-09", "2024-03-08T23:59:59-0500", "2024-03-09T00:00:00-05:00"),
    ],
    ids=["on its day", "just after midnight", "dated back", "dated ahead"],
)
def test_days_of_orders_are_those_of_the_organisation(day: str, created: str, expected: str):
    ordered_at = zoho(date=day, created_time=created).values["ordered_at"]

    assert ordered_at == datetime.fromisoformat(expected)


@pytest.mark.parametrize("currency", ["EUR", "USD", "JPY", "CHF"])
def test_orders_are_in_whatever_currency_they_say(currency: str):
    assert zoho(currency_code=currency).values["currency"] == currency


@pytest.mark.parametrize(
    ("fields", "column", "expected"),
    [
        ({"cf_go": True}, "ready_to_fulfill", True),
        ({"cf_go": "true"}, "ready_to_fulfill", True),
        ({"cf_go": "Ja", "cf_go_unformatted": False}, "ready_to_fulfill", False),
        ({"cf_go": "perhaps"}, "ready_to_fulfill", None),
        ({}, "ready_to_fulfill", None),
        ({"cf_note": " ring twice "}, "customer_note", "ring twice"),
        ({"cf_voucher": "SPRING"}, "discount_code", "SPRING"),
        ({"cf_voucher": ""}, "discount_code", None),
    ],
)
def test_custom_fields_are_read_where_the_app_names_them(
    fields: dict[str, Any], column: str, expected: object
):
    config = ZohoConfig.model_validate(
        {"organization_id": "20011122233", "custom_fields": CUSTOM_FIELDS}
    )

    assert zoho(config, **fields).values[column] == expected
    assert column not in zoho(**fields).values


def test_order_without_email_waits_for_its_contact_by_reference():
    candidate = zoho(email="", contact_person_details=[])

    assert candidate.contact is not None
    assert candidate.contact.email is None
    assert candidate.parents == {"contact": ["#73518000000412007"]}


def test_entity_discount_is_spread_with_each_lines_tax():
    line = {**ZOHO_ORDER["line_items"][0], "item_total": 149.0, "tax_percentage": 5}
    line.pop("item_total_inclusive_of_tax")
    candidate = zoho(
        is_inclusive_tax=False,
        line_items=[line],
        discount_type="entity_level",
        discount_amount=10.0,
        shipping_charge=0,
        total=145.95,
    )

    gross = candidate.children["lines"][0]["total_gross"]
    assert gross - candidate.values["discount_gross"] == Decimal("145.95")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"total": "much"}, "total"),
        ({"currency_code": "euro"}, "currency_code"),
        ({"created_time": 12}, "created_time"),
        ({"line_items": [{"line_item_id": "1"}]}, "line_items"),
    ],
)
def test_mistyped_field_is_a_fault_with_its_path(changes: dict[str, Any], path: str):
    with pytest.raises(ValidationError) as refused:
        zoho(**changes)

    assert refused.value.errors()[0]["loc"][0] == path


@pytest.mark.parametrize("body", [{}, [], None, "text", {"order": None}, {"product": {"id": "x"}}])
def test_webhook_of_no_concern_brings_nothing(body: Any):
    assert webhook_orders("", body) == []


def test_zoho_webhook_is_data_only_when_whole():
    assert webhook_orders("", {"salesorder": ZOHO_ORDER}) == [ZOHO_ORDER]
    assert webhook_orders("", {"salesorder": {"salesorder_id": "1"}}) == []
