"""Mapper of Saleor orders: the odd cases of the provider document, as tables."""

from decimal import Decimal
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from assets.orders.saleor import map_order
from resources.saleor import SaleorConfig
from schemabase_dagster.candidate import Candidate, SourceRecord
from tests.factories import saleor_line, saleor_order, saleor_price

SHOP = SaleorConfig(api_url="https://shop.example/graphql/", order_prefix="STORE")
ADDRESS = {
    "firstName": "Mira",
    "lastName": "Holt",
    "companyName": "Holt GmbH",
    "streetAddress1": "Lindenweg 4",
    "city": "Ulm",
    "postalCode": "89073",
    "country": {"code": "DE"},
    "phone": "+49731123",
}
NOTES = {"key": "deliveryNotes", "value": "Ring twice"}


def mapped(**fields: Any) -> Candidate:
    order = saleor_order(number="1042", **fields)
    return map_order(SourceRecord(order["id"], orjson.dumps(order).decode(), SHOP, None))


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ({}, ("STORE-1042", None)),
        ({"externalReference": ""}, ("STORE-1042", None)),
        ({"externalReference": "SO-7"}, ("SO-7", "STORE-1042")),
    ],
    ids=["own number", "blank reference", "number of the ERP"],
)
def test_an_order_is_known_by_its_prefixed_number_or_its_reference(
    fields: dict[str, Any], keys: tuple[str, str | None]
):
    candidate = mapped(**fields)

    assert (candidate.match_key, candidate.other_key) == keys
    assert (candidate.values["order_number"], candidate.number) == (keys[0], "1042")


@pytest.mark.parametrize(
    ("told", "status", "shipped", "ready"),
    [
        ("DRAFT", "draft", "pending", False),
        ("UNCONFIRMED", "unconfirmed", "pending", False),
        ("UNFULFILLED", "confirmed", "pending", True),
        ("PARTIALLY_FULFILLED", "confirmed", "partially_shipped", True),
        ("FULFILLED", "confirmed", "shipped", True),
        ("PARTIALLY_RETURNED", "confirmed", "shipped", True),
        ("RETURNED", "confirmed", "shipped", True),
        ("CANCELED", "canceled", "pending", False),
        ("EXPIRED", "canceled", "pending", False),
        ("SOMETHING_NEW", "unconfirmed", "pending", False),
    ],
)
def test_every_status_is_translated(told: str, status: str, shipped: str, ready: bool):
    candidate = mapped(status=told)

    found = [candidate.values[name] for name in ("status", "shipment_status", "ready_to_fulfill")]
    assert found == [status, shipped, ready]
    assert (candidate.status, candidate.attrs["status"]) == (told, status)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("FULLY_CHARGED", "fully_paid"),
        ("PARTIALLY_CHARGED", "partially_paid"),
        ("FULLY_REFUNDED", "fully_refunded"),
        ("PARTIALLY_REFUNDED", "partially_refunded"),
        ("NOT_CHARGED", "unpaid"),
        (None, "unpaid"),
    ],
)
def test_an_order_is_released_when_it_is_paid_in_full(told: str | None, expected: str):
    values = mapped(paymentStatus=told).values

    assert values["payment_status"] == expected
    assert values["ready_to_fulfill"] is (expected == "fully_paid")


def test_buyer_and_addresses_are_read_from_where_they_stand():
    candidate = mapped(userEmail="Mira@Example.org ", billingAddress=ADDRESS)

    assert candidate.contact is not None
    names = ("email", "first_name", "last_name", "phone", "company_name")
    assert [getattr(candidate.contact, name) for name in names] == [
        "mira@example.org", "Mira", "Holt", "+49731123", "Holt GmbH",
    ]  # fmt: skip
    assert (candidate.values["first_name"], candidate.values["last_name"]) == ("Mira", "Holt")
    assert list(candidate.addresses) == ["billing_address_id"]
    assert list(mapped(shippingAddress=ADDRESS).addresses) == ["shipping_address_id"]


def test_an_order_without_a_billing_address_has_a_buyer_without_a_name():
    candidate = mapped(userEmail="mira@example.org")

    assert candidate.contact is not None
    assert (candidate.contact.email, candidate.contact.first_name, candidate.contact.phone) == (
        "mira@example.org", None, None,
    )  # fmt: skip
    assert candidate.values["first_name"] is None


@pytest.mark.parametrize(
    ("code", "language"),
    [("DE", "de"), ("EN_US", "en-US"), ("ZH_HANS", "zh"), (None, None)],
)
def test_language_is_a_tag(code: str | None, language: str | None):
    assert mapped(languageCodeEnum=code).values["language"] == language


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"metadata": [NOTES], "customerNote": "other"}, "Ring twice"),
        ({"metadata": [{**NOTES, "value": " "}], "customerNote": "other"}, "other"),
        ({"metadata": [{"key": "color", "value": "red"}], "customerNote": "other"}, "other"),
        ({"metadata": []}, None),
    ],
    ids=["of the storefront", "blank", "of something else", "none"],
)
def test_the_storefronts_note_goes_before_the_orders(fields: dict[str, Any], note: str | None):
    assert mapped(**fields).values["customer_note"] == note


def test_what_the_order_was_reduced_by_is_what_its_total_lacks():
    values = mapped(
        subtotal=saleor_price("100", "119"),
        shippingPrice=saleor_price("4", "4.76"),
        total=saleor_price("94", "111.86"),
        voucherCode="TEN",
    ).values

    assert (values["discount_net"], values["discount_gross"]) == (Decimal(10), Decimal("11.90"))
    assert (values["shipping_net"], values["shipping_gross"]) == (Decimal(4), Decimal("4.76"))
    assert (values["total_net"], values["discount_code"]) == (Decimal(94), "TEN")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"sku": "A-1", "description": "Cup", "tax_percentage": None, "discount_net": 0}),
        ({"sku": "B-2"}, {"sku": "B-2"}),
        ({"sku": "B-2", "variant": {"sku": "C-3"}}, {"sku": "C-3"}),
        ({"variant": {"sku": ""}}, {"sku": "A-1"}),
        ({"variantName": "blue"}, {"description": "Cup - blue"}),
        ({"productName": None}, {"description": None}),
        ({"taxRate": 0.19}, {"tax_percentage": Decimal(19)}),
        ({"taxRate": 0}, {"tax_percentage": 0}),
        ({"quantity": 3, "undiscountedUnitPrice": saleor_price("12", "14.28")},
         {"discount_net": 6, "unit_net": 10, "undiscounted_unit_gross": Decimal("14.28")}),
    ],
)  # fmt: skip
def test_lines(fields: dict[str, Any], expected: dict[str, Any]):
    (line,) = mapped(lines=[saleor_line(**fields)]).children["lines"]

    assert {name: line[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"total": None}, "total"),
        ({"created": "soon"}, "created"),
        ({"lines": None}, "lines"),
        ({"lines": [saleor_line(quantity="many")]}, "lines"),
    ],
)
def test_mistyped_field_is_a_fault_with_its_path(fields: dict[str, Any], path: str):
    with pytest.raises(ValidationError) as refused:
        mapped(**fields)

    assert refused.value.errors()[0]["loc"][0] == path
