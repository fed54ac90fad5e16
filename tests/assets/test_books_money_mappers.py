"""Mappers of what the books say of money: payments, their charges and refunds, as tables."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from assets.invoices.zoho import map_invoice
from assets.payments.zoho import map_payment, may_have_refunds
from assets.refunds.zoho import (
    map_note_refund,
    map_payment_refund,
    split_note_refunds,
    split_payment_refunds,
)
from assets.transaction_costs.zoho import map_charge, split_charges
from resources.zoho import ZohoConfig
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.streams import JsonObject, Mapper
from tests.factories import zoho_credit_note, zoho_invoice, zoho_payment

ZOHO = ZohoConfig(organization_id="20011122233")


def mapped(mapper: Mapper, record: JsonObject, external_id: str = "1") -> Candidate:
    return mapper(SourceRecord(external_id, orjson.dumps(record).decode(), ZOHO, None))


def note_refund(**changes: Any) -> Candidate:
    """Map the one refund of a credit note."""
    refund = {
        "creditnote_refund_id": "73518000000611030",
        "creditnote_id": "73518000000611001",
        "date": "2024-03-21",
        "refund_mode": "creditcard",
        "reference_number": "m4c8r2kx",
        "amount_bcy": 65.0,
        "amount_fcy": 59.5,
        **changes,
    }
    (part,) = split_note_refunds(zoho_credit_note(refunds=[refund]))
    return mapped(map_note_refund, part, "73518000000611030")


def test_payment_is_read_as_documented():
    candidate = mapped(map_payment, zoho_payment())

    assert candidate.match_key == "k9x2m1ab"
    assert candidate.parents["invoice"] == ["#73518000000502001"]
    assert candidate.shares["invoice"]["#73518000000502001"] == {"amount": Decimal("48.7")}
    assert candidate.values["paid_at"] == datetime(2024, 3, 12, 9, tzinfo=UTC)
    assert candidate.attrs["bank_charges"] == "1.28"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "k9x2m1ab"),
        ({"reference_number": " "}, "2712"),
        ({"reference_number": "", "cf_gateway_transaction_id": "cf1"}, "cf1"),
        ({"reference_number": None, "gateway_transaction_id": "gw1"}, "gw1"),
        ({"reference_number": "", "payment_number": ""}, "zoho:73518000000503001"),
    ],
)
def test_payment_is_known_by_the_gateways_id_where_there_is_one(
    changes: dict[str, Any], expected: str
):
    assert mapped(map_payment, zoho_payment(**changes)).match_key == expected


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("Kreditkarte", "card"),
        ("creditcard", "card"),
        ("Banküberweisung", "banktransfer"),
        ("PayPal", "paypal"),
        ("onlinepayment", None),
        (None, None),
    ],
)
def test_modes_of_payment_come_as_codes_or_in_the_organisations_language(
    mode: str | None, expected: str | None
):
    candidate = mapped(map_payment, zoho_payment(payment_mode=mode))

    assert candidate.values.get("method_type") == expected


def test_payment_of_no_invoice_is_a_payment_all_the_same():
    candidate = mapped(map_payment, zoho_payment(invoices=None, unused_amount=48.7))

    assert "invoice" not in candidate.parents
    assert candidate.values["amount"] == Decimal("48.7")


@pytest.mark.parametrize("changes", [{"amount": ""}, {"currency_code": None}, {"date": ""}])
def test_payment_without_amount_currency_or_day_is_rejected(changes: dict[str, Any]):
    with pytest.raises(ValidationError):
        mapped(map_payment, zoho_payment(**changes))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"amount": 50.7}, True),
        ({"amount": 50.7, "unused_amount": 2}, False),
        ({"unused_amount": ""}, True),
        ({"invoices": [{"amount_applied": "48.70"}]}, False),
        ({"invoices": ["odd"]}, True),
        ({"invoices": None}, True),
        ({"invoices": None, "unused_amount": zoho_payment()["amount"]}, False),
    ],
)
def test_only_payments_with_an_unexplained_part_cost_a_call_for_refunds(
    changes: dict[str, Any], expected: bool
):
    assert may_have_refunds(zoho_payment(**changes)) is expected


def test_refund_of_a_credit_note_counts_what_the_customer_got():
    candidate = note_refund()

    assert candidate.match_key == "m4c8r2kx"
    assert candidate.values["amount"] == Decimal("59.5")
    assert candidate.parents == {"credit_note": ["#73518000000611001"]}
    assert candidate.shares["credit_note"]["#73518000000611001"] == {"amount": Decimal("59.5")}
    assert candidate.attrs == {
        "amount": "59.5", "currency": "EUR", "state": "done", "at": "2024-03-21",
        "method": "original",
    }  # fmt: skip
    assert "purpose" not in candidate.values


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        ({"amount": "20.00"}, "amount", Decimal("20.00")),
        ({"amount_fcy": ""}, "amount", Decimal("65.0")),
        ({"reference_number": ""}, "refund_key", "zoho:73518000000611030"),
        ({"refund_mode": "Banküberweisung"}, "method", "bank_transfer"),
        ({"refund_mode": "cash"}, "method", "cash"),
        ({"refund_mode": "autotransaction"}, "method", "original"),
        ({"refund_mode": ""}, "method", "original"),
        ({"date": "2024-03-20"}, "refunded_at", datetime(2024, 3, 20, 9, 12, 44, tzinfo=UTC)),
        ({"date": "2024-03-01"}, "refunded_at", datetime(2024, 2, 29, 23, tzinfo=UTC)),
    ],
)
def test_odd_refunds_of_credit_notes(changes: dict[str, Any], column: str, expected: object):
    assert note_refund(**changes).values[column] == expected


def test_refund_without_any_amount_is_rejected():
    with pytest.raises(ValidationError):
        note_refund(amount_fcy="", amount_bcy=None)


@pytest.mark.parametrize("refunds", [None, "text", ["text"], []])
def test_what_is_no_refund_is_no_part(refunds: Any):
    assert list(split_note_refunds(zoho_credit_note(refunds=refunds))) == []


def test_refund_of_a_payment_is_an_overpayment_without_credit_note():
    refund = {"payment_refund_id": "9", "date": "2024-03-21", "amount_fcy": 2, "amount_bcy": 2}
    (part,) = split_payment_refunds(zoho_payment(refunds=[refund]))

    candidate = mapped(map_payment_refund, part, "payment:9")

    assert candidate.parents == {"payment": ["#73518000000503001"]}
    assert (candidate.values["purpose"], candidate.shares) == ("overpayment", {})


@pytest.mark.parametrize("charges", [0, 0.0, "", None, "0"])
def test_payment_without_charges_has_no_costs(charges: Any):
    assert list(split_charges(zoho_payment(bank_charges=charges))) == []


def test_bank_charges_meet_the_gateways_fee_by_its_id():
    (part,) = split_charges(zoho_payment())

    candidate = mapped(map_charge, part)

    assert candidate.match_key == "k9x2m1ab:transaction"
    assert (candidate.values["amount"], candidate.values["kind"]) == (
        Decimal("1.28"), "transaction",
    )  # fmt: skip
    assert candidate.parents == {"payment": ["#73518000000503001"]}


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        ({"status": "sent"}, "status", "open"),
        ({"status": "viewed"}, "status", "open"),
        ({"status": "overdue"}, "status", "overdue"),
        ({"status": "void"}, "status", "void"),
        ({"status": "surprise"}, "status", None),
        ({"invoice_number": " INV-9 "}, "invoice_number", "INV-9"),
        ({"total": "48.70"}, "total_gross", Decimal("48.70")),
        ({"balance": ""}, "open_amount", None),
        ({"due_date": ""}, "due_on", None),
        ({"currency_code": "CHF"}, "currency", "CHF"),
    ],
)
def test_invoice_of_the_list(changes: JsonObject, column: str, expected: object):
    assert mapped(map_invoice, zoho_invoice(**changes)).values[column] == expected


@pytest.mark.parametrize(
    ("changes", "parents"),
    [
        ({"reference_number": "STORE-1042"}, {"order": ["STORE-1042"]}),
        ({"reference_number": "", "email": "mira@example.org", "customer_id": "7"}, {}),
        ({"reference_number": "", "email": "", "customer_id": "7"}, {"contact": ["#7"]}),
    ],
    ids=["order", "customer by e-mail", "customer by id"],
)
def test_what_an_invoice_belongs_to(changes: JsonObject, parents: dict[str, list[str]]):
    assert mapped(map_invoice, zoho_invoice(**changes)).parents == parents


@pytest.mark.parametrize("missing", ["invoice_number", "currency_code", "total"])
def test_invoice_that_lacks_what_it_is_made_of_is_rejected(missing: str):
    invoice = {key: each for key, each in zoho_invoice().items() if key != missing}

    with pytest.raises(ValidationError, match=missing):
        mapped(map_invoice, invoice)
