"""Mappers of packages: the odd cases of the provider documents, as tables."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from assets.packages.canonical import decide_state
from assets.packages.saleor import map_fulfillment, split_fulfillments
from assets.packages.saleor import split_pieces as split_saleor_pieces
from assets.packages.zoho import map_package, webhook_packages
from assets.packages.zoho import split_pieces as split_zoho_pieces
from resources.saleor import SALEOR
from resources.zoho import ZohoConfig
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.engine.entity import Claim
from schemabase_dagster.engine.ids import new_id
from schemabase_dagster.streams import JsonObject
from tests.factories import at, saleor_fulfillment, saleor_line, saleor_order, zoho_package

MODIFIED = datetime(2024, 3, 12, 15, 20, tzinfo=UTC)


def zoho(**changes: Any) -> Candidate:
    """Map a package with some fields changed."""
    text = orjson.dumps(zoho_package(**changes)).decode()
    config = ZohoConfig(organization_id="20011122233")
    return map_package(SourceRecord("73518000000501001", text, config, MODIFIED))


def parts(*fulfillments: JsonObject, **order: Any) -> list[JsonObject]:
    return list(split_fulfillments(saleor_order(fulfillments=list(fulfillments), **order)))


def saleor(*fulfillments: JsonObject, **order: Any) -> Candidate:
    """Map the first fulfilment of an order."""
    part = parts(*fulfillments, **order)[0]
    config = SALEOR.config.model_validate(
        {"api_url": "https://shop.example.com/graphql/", "order_prefix": "STORE"}
    )
    text = orjson.dumps(part).decode()
    return map_fulfillment(SourceRecord(part["id"], text, config, MODIFIED))


def test_zoho_package_is_read_as_documented():
    candidate = zoho()

    assert candidate.match_key == "LS-2207"
    assert candidate.parents == {"order": ["#73518000000500011", "STORE-1042"]}
    (line,) = candidate.children["lines"]
    assert (line["sku"], line["quantity"], line["sku_occurrence"]) == ("A-1", Decimal(2), 1)
    assert candidate.values["packed_at"] == datetime(2024, 3, 10, 8, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        ({}, "state", "init"),
        ({"tracking_number": "0123"}, "state", "information_received"),
        ({"tracking_number": "0123", "status": "delivered"}, "state", "delivered"),
        ({"status": "delivered"}, "state", "delivered"),
        ({"status": "surprise"}, "state", "init"),
        ({"shipment_date": "2024-03-11"}, "shipped_at", None),
        (
            {"status": "shipped", "shipment_date": "2024-03-11"},
            "shipped_at",
            datetime(2024, 3, 10, 23, tzinfo=UTC),
        ),
        (
            {"status": "shipped", "shipment_date": "2024-03-10"},
            "shipped_at",
            datetime(2024, 3, 10, 8, 0, 1, tzinfo=UTC),
        ),
        (
            {"status": "delivered", "shipment_order": {"delivery_date": "2024-03-12"}},
            "delivered_at",
            MODIFIED,
        ),
        ({"shipment_order": {"delivery_date": "2024-03-12"}}, "delivered_at", None),
    ],
)
def test_zoho_states_and_times(changes: dict[str, Any], column: str, expected: object):
    assert zoho(**changes).values[column] == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"delivery_method": "DHL Paket"}, "dhl"),
        ({"carrier": "UPS"}, "ups"),
        ({"delivery_method": "Spedition", "carrier": "DPD Germany"}, "dpd"),
        ({"shipment_order": {"aftership_carrier_code": "hermes"}}, "hermes"),
        ({"delivery_method": "Groups"}, None),
        ({}, None),
    ],
)
def test_zoho_carrier_is_taken_from_whatever_names_one(
    changes: dict[str, Any], expected: str | None
):
    assert zoho(**changes).values.get("carrier") == expected


@pytest.mark.parametrize(
    ("changes", "columns", "key"),
    [
        ({"tracking_number": ""}, {}, None),
        (
            {"tracking_number": " 0034 0434 "},
            {"tracking_id": "00340434", "tracking_ids": None, "is_multi_piece": False},
            "tracking:00340434",
        ),
        (
            {"tracking_number": "b2+A1"},
            {"tracking_id": "A1", "tracking_ids": ["A1", "b2"], "is_multi_piece": True},
            "tracking:A1",
        ),
        (
            {"tracking_number": "A1, A1,"},
            {"tracking_id": "A1", "tracking_ids": None, "is_multi_piece": False},
            "tracking:A1",
        ),
        (
            {"shipment_order": {"tracking_number": "A1"}},
            {"tracking_id": "A1", "tracking_ids": None, "is_multi_piece": False},
            "tracking:A1",
        ),
    ],
    ids=["none", "blanks", "two pieces", "repeated", "only in the shipment"],
)
def test_tracking_numbers_fill_their_columns_and_name_the_package(
    changes: dict[str, Any], columns: dict[str, Any], key: str | None
):
    candidate = zoho(**changes)

    found = {name: candidate.values[name] for name in columns}
    assert (found, candidate.other_key) == (columns, key)
    assert ("tracking_id" in candidate.values) == bool(columns)


def test_a_shipment_of_two_packages_names_neither():
    candidate = zoho(tracking_number="A1", shipment_order={"associated_packages_count": 2})

    assert candidate.other_key is None
    assert candidate.values["tracking_id"] == "A1"


@pytest.mark.parametrize("shipment", [{}, "", None])
def test_package_without_shipment_is_a_package(shipment: object):
    assert zoho(shipment_order=shipment).values["shipped_at"] is None


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"package_number": ""}, "package_number"),
        ({"created_time": 12}, "created_time"),
        ({"line_items": [{"line_item_id": "1", "quantity": "many"}]}, "line_items"),
        ({"line_items": None}, "line_items"),
    ],
)
def test_mistyped_field_is_a_fault_with_its_path(changes: dict[str, Any], path: str):
    with pytest.raises(ValidationError) as refused:
        zoho(**changes)

    assert refused.value.errors()[0]["loc"][0] == path


def test_zoho_webhook_is_data_only_when_whole():
    package = zoho_package()

    assert webhook_packages("", {"package": package}) == [package]
    assert webhook_packages("", {"package": {"package_id": "1", "line_items": []}}) == []
    assert webhook_packages("", {"salesorder": {"packages": [package]}}) == []
    assert webhook_packages("", "text") == []


@pytest.mark.parametrize(
    ("status", "is_package"),
    [
        ("FULFILLED", True),
        ("CANCELED", True),
        ("WAITING_FOR_APPROVAL", False),
        ("RETURNED", False),
        ("REFUNDED", False),
        ("REFUNDED_AND_RETURNED", False),
        ("REPLACED", False),
    ],
)
def test_only_what_was_sent_is_a_package(status: str, is_package: bool):
    assert bool(parts(saleor_fulfillment(status=status))) is is_package


def test_fulfilment_is_named_after_its_order_and_place():
    candidate = saleor(saleor_fulfillment(fulfillmentOrder=2), number="1042")

    assert candidate.match_key == "STORE-1042-F2"
    assert candidate.parents == {"order": ["#T3JkZXI6MQ=="]}


def test_fulfilment_of_an_order_with_a_reference_bears_that():
    candidate = saleor(saleor_fulfillment(), externalReference="EXT-7")

    assert candidate.match_key == "EXT-7-F1"


def test_articles_of_a_fulfilment_come_from_the_lines_of_its_order():
    line = saleor_line("L1", "OLD", variantName="Large", variant={"sku": " NEW  1 "})
    candidate = saleor(saleor_fulfillment(), lines=[line])

    (packed,) = candidate.children["lines"]
    assert (packed["sku"], packed["description"]) == ("NEW 1", "Cup - Large")


def test_line_whose_order_line_is_gone_keeps_the_sku_of_that_time():
    candidate = saleor(saleor_fulfillment(), lines=[])

    assert candidate.children["lines"][0]["sku"] == "A-1"


@pytest.mark.parametrize(
    ("tracking", "columns", "key"),
    [
        ("", {}, None),
        ("A1", {"tracking_id": "A1", "state": "information_received"}, "tracking:A1"),
        (
            "https://dhl.example/A1",
            {"carrier_tracking_url": "https://dhl.example/A1", "state": "init"},
            None,
        ),
    ],
    ids=["empty text", "number", "link"],
)
def test_tracking_number_of_a_fulfilment(tracking: str, columns: dict[str, Any], key: str | None):
    candidate = saleor(saleor_fulfillment(trackingNumber=tracking))

    assert {name: candidate.values[name] for name in columns} == columns
    assert candidate.other_key == key
    assert ("tracking_id" in candidate.values) == ("tracking_id" in columns)


def test_one_number_for_the_fulfilments_of_two_warehouses_names_neither():
    two = [saleor_fulfillment(id=each, trackingNumber="A1") for each in ("f1", "f2")]

    assert saleor(*two).other_key is None


def test_canceled_fulfilment_is_not_active():
    assert saleor(saleor_fulfillment(status="CANCELED")).values["active"] is False


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"fulfillments": None, "lines": "none"},
        {"fulfillments": ["text", {"status": "FULFILLED", "lines": [1]}]},
        {"fulfillments": [{"status": "FULFILLED", "lines": [{"orderLine": "L1"}]}]},
    ],
)
def test_splitting_takes_any_order(order: dict[str, Any]):
    assert all(isinstance(part, dict) for part in split_fulfillments(order))


def claim(role: str, **values: Any) -> Claim:
    return Claim(new_id(), role, role, role, "1", False, False, None, values, {})  # type: ignore[arg-type]  # a role


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("A", []),
        ("B+A", [("B", "LS-2207-2")]),
        ("a, C;B", [("B", "LS-2207-2"), ("C", "LS-2207-3")]),
        (None, []),
        (7, []),
    ],
)
def test_further_pieces_of_a_zoho_package_are_packages_without_lines(
    text: object, expected: list[tuple[str, str]]
):
    pieces = list(split_zoho_pieces(zoho_package(tracking_number=text)))

    found = [zoho(**piece) for piece in pieces]
    assert [(each.values["tracking_id"], each.match_key) for each in found] == expected
    assert all(not each.children["lines"] for each in found)
    assert all(each.values["is_multi_piece"] for each in found)
    assert len({piece["piece_id"] for piece in pieces}) == len(expected)


def test_further_pieces_of_a_fulfilment_are_packages_without_lines():
    order = saleor_order(fulfillments=[saleor_fulfillment(trackingNumber="B+A")])
    (piece,) = split_saleor_pieces(order)
    config = SALEOR.config.model_validate(
        {"api_url": "https://shop.example.com/graphql/", "order_prefix": "STORE"}
    )

    mapped = map_fulfillment(SourceRecord("x", orjson.dumps(piece).decode(), config, MODIFIED))

    assert (mapped.match_key, mapped.other_key) == ("STORE-1-F1-2", "tracking:B")
    assert not mapped.children["lines"]


def test_the_furthest_state_counts_whoever_tells_it():
    shop = claim("shop", state="information_received", shipped_at=at(5))
    erp = claim("erp", state="delivered", shipped_at=None, delivered_at=at(9))

    for claims in ([shop, erp], [erp, shop]):
        assert decide_state(claims) == {
            "state": "delivered",
            "shipped_at": at(5),
            "delivered_at": at(9),
        }
