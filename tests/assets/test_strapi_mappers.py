"""What a bulk order says about the orders of its recipients, with the odd cases of strapi.md."""

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from assets.orders.strapi import map_recipient, split_recipients, webhook_entries
from resources.strapi import StrapiConfig, flat
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.streams import JsonObject

CONFIG = StrapiConfig(url="https://cms.example")


def bulk(**fields: Any) -> JsonObject:
    """Return an entry with two recipients, as a webhook of version 4 has it."""
    return {
        "id": 84, "prefix": "XMAS22", "status": "Confirmed",
        "zohoCustomerId": "116240000000911042", "terminationDate": "2022-11-30",
        "createdAt": "2022-11-17T15:02:44.001Z", "updatedAt": "2022-11-18T09:41:07.466Z",
        "products": [line("116240000000100001", 3)],
        "addresses": [
            address(), address(2, products=[line("116240000000100002", 10, 6.2)], id=911),
        ],
        **fields,
    }  # fmt: skip


def address(row: int = 1, **fields: Any) -> JsonObject:
    return {
        "id": 910, "orderId": f"XMAS22-84-{row}", "name": "Mira", "surname": "Sol",
        "companyName": "Sol KG", "address": "Lindenweg 4", "street2": "Hof 2", "zip": "8010",
        "city": "Graz", "country": "Austria", "shippingCosts": 4.5, "products": [], **fields,
    }  # fmt: skip


def line(item: str, quantity: int, price: float | None = None) -> JsonObject:
    return {"id": 301, "quantity": quantity, "price": price, "product": {"id": 12, "zohoId": item}}


def parts(**fields: Any) -> list[JsonObject]:
    return list(split_recipients(bulk(**fields)))


def mapped(*, config: StrapiConfig = CONFIG, place: int = 0, **fields: Any) -> Candidate:
    part = parts(**fields)[place]
    return map_recipient(SourceRecord(part["key"], orjson.dumps(part).decode(), config, None))


def test_a_recipient_is_an_order():
    candidate = mapped()

    assert (candidate.match_key, candidate.other_key) == ("XMAS22-84-1", None)
    assert candidate.values == {
        "order_number": "XMAS22-84-1", "reference_number": "XMAS22-84",
        "ordered_at": datetime(2022, 11, 17, 15, 2, 44, 1000, UTC),
        "expected_ship_date": date(2022, 11, 30), "ready_to_fulfill": False,
        "first_name": "Mira", "last_name": "Sol", "status": "confirmed",
    }  # fmt: skip
    (shipping,) = candidate.addresses.values()
    assert (shipping.full_name, shipping.company_name) == ("Mira Sol", "Sol KG")
    assert (shipping.street, shipping.line2, shipping.postal_code) == (
        "Lindenweg 4", "Hof 2", "8010"
    )  # fmt: skip
    assert (shipping.city, shipping.country_code) == ("Graz", "AT")
    assert candidate.children == {}


@pytest.mark.parametrize(
    ("status", "values"),
    [
        ("Draft", {"ready_to_fulfill": False}),
        ("Confirmed", {"status": "confirmed", "ready_to_fulfill": False}),
        ("ReadyToFulfill", {"status": "confirmed", "ready_to_fulfill": True}),
        ("Finished", {"status": "confirmed", "ready_to_fulfill": False}),
        ("Sending", {"ready_to_fulfill": False}),
    ],
)
def test_statuses(status: str, values: dict[str, Any]):
    given = mapped(status=status).values

    assert {key: given[key] for key in ("status", "ready_to_fulfill") if key in given} == values


@pytest.mark.parametrize("day", ["", None])
def test_no_day_of_shipping(day: str | None):
    assert mapped(terminationDate=day).values["expected_ship_date"] is None


@pytest.mark.parametrize(
    ("country", "language", "code"),
    [
        ("Austria", "en", "AT"),
        ("Österreich", "de", "AT"),
        ("Austria", "de", "AT"),
        ("AT", "en", "AT"),
        ("Atlantis", "en", None),
        (None, "en", None),
    ],
)
def test_countries(country: str | None, language: str, code: str | None):
    config = CONFIG.model_copy(update={"country_language": language})

    (shipping,) = mapped(config=config, addresses=[address(country=country)]).addresses.values()

    assert shipping.country_code == code


@pytest.mark.parametrize(
    "number",
    [
        "XMAS22-8-1",
        "XMAS22-841-1",
        "XMAS22-84",
        "XMAS22-84-",
        "XMAS22-84-1-2",
        "SO-1",
        "xmas22-84-1",
    ],
)
def test_a_number_of_another_bulk_order_is_refused(number: str):
    with pytest.raises(RecordRejected) as caught:
        mapped(addresses=[address(orderId=number)])

    assert (caught.value.code, caught.value.path) == ("number", "orderId")


def test_a_prefix_is_no_pattern():
    with pytest.raises(RecordRejected):
        mapped(prefix="X.AS22", addresses=[address(orderId="XMAS22-84-1")])


def test_of_two_recipients_with_one_number_the_second_is_refused():
    twice = [address(), address(name="Jo")]

    assert mapped(addresses=twice).values["first_name"] == "Mira"
    with pytest.raises(RecordRejected, match="duplicate"):
        mapped(addresses=twice, place=1)


@pytest.mark.parametrize("fields", [{"prefix": None}, {"createdAt": None}, {"status": None}])
def test_an_entry_that_cannot_be_read_is_refused(fields: dict[str, Any]):
    with pytest.raises(ValidationError):
        mapped(**fields)


class TestSplitting:
    def test_products_of_the_address_replace_those_of_the_entry(self):
        first, second = parts()

        assert first["products"] == [
            {"zohoId": "116240000000100001", "quantity": 3, "price": None}
        ]  # fmt: skip
        assert second["products"] == [
            {"zohoId": "116240000000100002", "quantity": 10, "price": 6.2}
        ]  # fmt: skip

    @pytest.mark.parametrize("products", [None, []])
    def test_no_products_of_its_own_are_those_of_the_entry(self, products: object):
        (only,) = parts(addresses=[address(products=products)])

        assert len(only["products"]) == 1

    def test_a_mere_save_changes_no_part(self):
        again = bulk(
            updatedAt="2022-11-19T00:00:00.000Z",
            products=[{**line("116240000000100001", 3), "id": 999}],
            addresses=[{**each, "id": each["id"] + 100} for each in bulk()["addresses"]],
        )

        assert list(split_recipients(again)) == parts()

    def test_the_place_in_the_list_is_no_part_of_a_recipient(self):
        turned = parts(addresses=bulk()["addresses"][::-1])

        assert turned[::-1] == parts()

    @pytest.mark.parametrize(
        ("fields", "keys"),
        [
            ({"addresses": []}, []),
            ({"addresses": None}, []),
            ({"addresses": "none"}, []),
            ({"addresses": [None, 7]}, []),
            ({"addresses": [address(orderId=None)]}, [None]),
            ({"addresses": [address(), address(), address()]},
             ["XMAS22-84-1", "XMAS22-84-1#2", "XMAS22-84-1#3"]),
            ({"products": "none"}, ["XMAS22-84-1", "XMAS22-84-2"]),
            ({"products": [{"product": None}]}, ["XMAS22-84-1", "XMAS22-84-2"]),
        ],
    )  # fmt: skip
    def test_odd_entries(self, fields: dict[str, Any], keys: list[str | None]):
        assert [part["key"] for part in parts(**fields)] == keys


class TestShapes:
    def test_rest_of_version_4_is_unwrapped(self):
        product = {"data": {"id": 12, "attributes": {"zohoId": "116"}}}
        nested = {
            "id": 84,
            "attributes": {"prefix": "X", "products": [{"id": 301, "product": product}]},
        }

        assert flat(nested) == {
            "id": 84, "prefix": "X",
            "products": [{"id": 301, "product": {"id": 12, "zohoId": "116"}}],
        }  # fmt: skip

    def test_version_3_spells_times_otherwise(self):
        old = {"id": 1, "created_at": "a", "updated_at": "b", "published_at": None}

        assert flat(old) == {"id": 1, "createdAt": "a", "updatedAt": "b", "publishedAt": None}

    @pytest.mark.parametrize(
        "value",
        [7, "x", None, [], {}, {"data": 1, "other": 2}, {"id": 1, "attributes": "x"},
         {"attributes": {"a": 1}, "name": "size"}],
    )  # fmt: skip
    def test_other_values_stay(self, value: object):
        assert flat(value) == value

    def test_an_empty_relation_is_none(self):
        assert flat({"product": {"data": None}}) == {"product": None}


class TestWebhooks:
    def payload(self, **fields: Any) -> JsonObject:
        return {"event": "entry.update", "model": "bulkorder", "entry": bulk(), **fields}

    @pytest.mark.parametrize("event", ["entry.create", "entry.update", "entry.publish"])
    def test_a_saved_entry_is_landed(self, event: str):
        assert webhook_entries(event, self.payload(event=event)) == [bulk()]

    def test_the_header_names_the_event_where_the_body_does_not(self):
        payload = self.payload()
        del payload["event"]

        assert webhook_entries("entry.update", payload) == [bulk()]

    @pytest.mark.parametrize("model", ["bulkorder", "bulkOrder"])
    def test_old_and_new_names_of_the_content_type(self, model: str):
        assert webhook_entries("entry.update", self.payload(model=model)) != []

    @pytest.mark.parametrize(
        "payload",
        [
            {"event": "entry.delete"},
            {"event": "entry.unpublish"},
            {"event": "trigger-test", "entry": None},
            {"event": "media.create"},
            {"model": "article"},
            {"entry": {**bulk(), "publishedAt": None}},
            {"entry": {"id": 84, "documentId": "x", "updatedAt": "2022-11-18T09:41:07.466Z"}},
            {"entry": {**bulk(), "addresses": {"count": 2}}},
        ],
        ids=["delete", "unpublish", "test", "media", "other type", "draft", "version 5", "counts"],
    )
    def test_other_events_are_ignored(self, payload: JsonObject):
        whole = self.payload(**payload)

        assert webhook_entries(str(whole["event"]), whole) == []

    @pytest.mark.parametrize("payload", [None, [], "x", {}, {"entry": []}])
    def test_what_is_no_webhook_of_strapi_is_ignored(self, payload: object):
        assert webhook_entries("entry.update", payload) == []

    def test_a_published_entry_of_version_3(self):
        old = {"id": 84, "updated_at": "b", "published_at": "c", "addresses": [], "products": []}

        (entry,) = webhook_entries("entry.update", self.payload(entry=old))

        assert (entry["updatedAt"], entry["publishedAt"]) == ("b", "c")
