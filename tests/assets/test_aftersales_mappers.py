"""Mappers of credit notes and returns: the odd cases of the provider documents, as tables."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from assets.credit_notes.zoho import map_credit_note, may_have_refunds
from assets.returns.saleor import map_return as map_fulfillment
from assets.returns.saleor import split_returns
from assets.returns.zoho import map_return
from resources.saleor import SALEOR
from resources.zoho import ZohoConfig
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.goods import goods_key
from schemabase_dagster.streams import JsonObject
from tests.factories import (
    saleor_fulfillment,
    saleor_line,
    saleor_order,
    zoho_credit_note,
    zoho_sales_return,
)

MODIFIED = datetime(2024, 3, 20, 9, 14, tzinfo=UTC)
ZOHO = ZohoConfig(organization_id="20011122233")


def credit(**changes: Any) -> Candidate:
    """Map a credit note with some fields changed."""
    text = orjson.dumps(zoho_credit_note(**changes)).decode()
    return map_credit_note(SourceRecord("73518000000611001", text, ZOHO, MODIFIED))


def sales_return(**changes: Any) -> Candidate:
    """Map a sales return with some fields changed."""
    text = orjson.dumps(zoho_sales_return(**changes)).decode()
    return map_return(SourceRecord("73518000000610002", text, ZOHO, None))


def returned(*fulfillments: JsonObject, **order: Any) -> list[Candidate]:
    """Map what came back of a shop order."""
    config = SALEOR.config.model_validate(
        {"api_url": "https://shop.example.com/graphql/", "order_prefix": "STORE"}
    )
    parts = split_returns(saleor_order(fulfillments=list(fulfillments), **order))
    return [
        map_fulfillment(SourceRecord(part["id"], orjson.dumps(part).decode(), config, MODIFIED))
        for part in parts
    ]


def test_credit_note_is_read_as_documented():
    candidate = credit()

    assert candidate.match_key == "CN-00041"
    assert candidate.parents == {
        "invoice": ["INV-000871"],
        "order": ["INV-000871"],
        "contact": ["#73518000000412007"],
    }
    values = {name: candidate.values[name] for name in ("issued_on", "total_gross", "balance")}
    assert values == {
        "issued_on": date(2024, 3, 20), "total_gross": Decimal("59.5"), "balance": Decimal("59.5"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("draft", "draft"),
        ("pending_approval", "pending_approval"),
        ("approved", "open"),
        ("open", "open"),
        ("closed", "closed"),
        ("void", "void"),
        ("surprise", "open"),
    ],
)
def test_statuses_of_credit_notes(status: str, expected: str):
    assert credit(status=status).values["status"] == expected


def test_three_links_of_a_credit_note_are_kept_apart():
    candidate = credit(
        line_items=[{"quantity": 1, "item_total": 50, "tax_percentage": 19, "invoice_id": "7"}],
        invoices=[{"invoice_id": "8", "invoice_number": "INV-8", "amount": 20}],
    )

    assert candidate.parents["invoice"] == ["#7", "INV-000871"]
    assert candidate.parents["invoice:applied"] == ["#8"]
    assert candidate.shares == {"invoice:applied": {"#8": {"amount": Decimal(20)}}}


def test_application_as_the_list_of_applications_spells_it():
    applied = [{"invoice_id": "8", "creditnote_invoice_id": "1", "credited_amount": "20.00"}]

    assert credit(invoices=applied).shares["invoice:applied"]["#8"]["amount"] == Decimal(20)


@pytest.mark.parametrize(
    ("line", "net", "gross"),
    [
        ({"item_total": 50.0, "tax_percentage": 19}, Decimal("50.0"), Decimal("59.5")),
        ({"rate": 25, "quantity": 2, "tax_percentage": 19}, Decimal(50), Decimal("59.5")),
        ({"rate": 25, "quantity": 2}, Decimal(50), None),
        ({"item_total": 50, "item_total_inclusive_of_tax": 59.49}, Decimal(50), Decimal("59.49")),
        ({"rate": "25.00", "quantity": 0, "tax_percentage": ""}, Decimal(0), None),
    ],
)
def test_amounts_of_a_line_come_from_what_is_printed(
    line: dict[str, Any], net: Decimal, gross: Decimal | None
):
    (mapped,) = credit(line_items=[{"quantity": 1, **line}]).children["lines"]

    assert (mapped["total_net"], mapped["total_gross"]) == (net, gross)


def test_inclusive_rates_are_made_net():
    line = {"rate": 59.5, "quantity": 1, "tax_percentage": 19, "code": " A-1 "}

    (mapped,) = credit(is_inclusive_tax=True, line_items=[line]).children["lines"]

    assert (mapped["total_net"], mapped["sku"]) == (Decimal("50.0000"), "A-1")


def test_taxes_printed_as_text_are_summed():
    candidate = credit(taxes=[{"tax_amount": "9.50"}, {"tax_amount": ""}])

    assert (candidate.values["total_tax"], candidate.values["total_net"]) == (
        Decimal("9.50"), Decimal("50.00"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"balance": 59.5}, False),
        ({"balance": 0}, True),
        ({"balance": 39.5, "invoices": [{"invoice_id": "8", "amount": 20}]}, False),
        ({"balance": 9.5, "invoices": [{"invoice_id": "8", "credited_amount": "20"}]}, True),
        ({"balance": ""}, True),
        ({"invoices": ["odd"]}, True),
    ],
)
def test_only_credit_notes_with_unexplained_use_cost_a_call_for_refunds(
    changes: dict[str, Any], expected: bool
):
    assert may_have_refunds(zoho_credit_note(**changes)) is expected


@pytest.mark.parametrize(
    "changes",
    [{"creditnote_number": ""}, {"total": ""}, {"currency_code": "€"}, {"date": ""}],
    ids=lambda changes: next(iter(changes)),
)
def test_credit_note_that_lacks_what_it_is_made_of_is_rejected(changes: dict[str, Any]):
    with pytest.raises(ValidationError):
        credit(**changes)


def test_sales_return_is_read_as_documented():
    candidate = sales_return()

    assert candidate.match_key == "RMA-00017"
    assert candidate.other_key == "goods:STORE-1042:1xA-1"
    assert candidate.parents == {
        "order": ["#73518000000500011", "STORE-1042"],
        "credit_note": ["#73518000000611001", "CN-00041"],
    }
    assert candidate.values["status"] == "closed"
    assert candidate.values["refund_status"] == "refunded"
    (line,) = candidate.children["receipt_lines"]
    assert (line["receipt_number"], line["sku"], line["quantity"]) == ("PR-00009", "A-1", 1)


@pytest.mark.parametrize(
    ("status", "received", "expected"),
    [
        ("draft", "", "requested"),
        ("pending_approval", None, "requested"),
        ("approved", "", "approved"),
        ("approved", "pending", "approved"),
        ("approved", "partially_received", "partially_received"),
        ("approved", "received", "received"),
        ("draft", "received", "received"),
        ("declined", "received", "declined"),
        ("rejected", "", "declined"),
        ("closed", "received", "closed"),
        ("void", "", "canceled"),
        ("surprise", "", "requested"),
    ],
)
def test_states_of_sales_returns(status: str, received: str | None, expected: str):
    candidate = sales_return(salesreturn_status=status, receive_status=received)

    assert candidate.values["status"] == expected


@pytest.mark.parametrize("key", ["line_item_id", "item_id"])
def test_received_goods_are_found_by_line_or_by_article(key: str):
    line = {"quantity": 1, key: {"line_item_id": "73518000000610004",
                                 "item_id": "73518000000203041"}[key]}  # fmt: skip
    receives = [_receive([line, line])]

    (mapped,) = sales_return(salesreturnreceives=receives).children["receipt_lines"]

    assert (mapped["sku"], mapped["quantity"]) == ("A-1", 2)


def test_received_goods_that_the_return_does_not_name_are_rejected():
    receives = [_receive([{"line_item_id": "1", "item_id": "2", "quantity": 1}])]

    with pytest.raises(RecordRejected, match="no line"):
        sales_return(salesreturnreceives=receives)


def test_goods_that_never_come_back_are_kept_apart():
    line = {"line_item_id": "1", "sku": "A-1", "quantity": 0, "non_receive_quantity": 2}

    candidate = sales_return(line_items=[line], salesreturnreceives=None, creditnotes=None)

    (mapped,) = candidate.children["lines"]
    assert (mapped["quantity"], mapped["quantity_credit_only"]) == (0, 2)
    assert candidate.other_key == "goods:STORE-1042:2xA-1"
    assert candidate.children["receipts"] == []


@pytest.mark.parametrize(
    ("status", "action"),
    [("RETURNED", "return"), ("REFUNDED_AND_RETURNED", "return"), ("REPLACED", "replace")],
)
def test_returned_fulfilments_are_returns(status: str, action: str):
    (candidate,) = returned(
        saleor_fulfillment(status=status, fulfillmentOrder=3), lines=[saleor_line()]
    )

    assert candidate.match_key == "STORE-1-R3"
    assert candidate.values["status"] == "received"
    assert [line["action"] for line in candidate.children["lines"]] == [action]


@pytest.mark.parametrize("status", ["FULFILLED", "CANCELED", "REFUNDED", "WAITING_FOR_APPROVAL"])
def test_other_fulfilments_are_no_returns(status: str):
    assert returned(saleor_fulfillment(status=status)) == []


def test_the_empty_fulfilment_that_a_replacement_leaves_is_no_return():
    assert returned(saleor_fulfillment(status="RETURNED", lines=[])) == []


def test_equal_goods_of_two_returns_name_neither():
    first = saleor_fulfillment(id="F1", status="RETURNED")
    second = saleor_fulfillment(id="F2", status="RETURNED")

    keys = [candidate.other_key for candidate in returned(first, second, lines=[saleor_line()])]

    assert keys == [None, None]


@pytest.mark.parametrize(
    ("number", "lines", "expected"),
    [
        ("S-1", [("B", Decimal("2.000")), ("A", Decimal(1))], "goods:S-1:1xA+2xB"),
        ("S-1", [("A", Decimal(0))], None),
        ("S-1", [("", Decimal(1))], None),
        ("S-1", [], None),
        (None, [("A", Decimal(1))], None),
        ("S-1", [("A", Decimal(10))], "goods:S-1:10xA"),
    ],
)
def test_goods_have_one_key_however_they_are_listed(
    number: str | None, lines: list[tuple[str, Decimal]], expected: str | None
):
    assert goods_key(number, lines) == expected


def _receive(lines: list[JsonObject]) -> JsonObject:
    return {"receive_id": "1", "receive_number": "PR-1", "date": "2024-03-19", "line_items": lines}
