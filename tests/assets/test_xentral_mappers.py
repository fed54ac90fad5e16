"""What Xentral's records say about orders and packages, with the odd cases of its documents."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from pydantic import ValidationError

from assets.orders.xentral import map_order
from assets.packages.xentral import carrier_of, map_delivery_note, map_tracking_number
from assets.variants.xentral import map_article
from resources.xentral import XentralConfig
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.streams import Mapper

BERLIN = ZoneInfo("Europe/Berlin")
CONFIG = XentralConfig(url="https://acme.xentral.example")


def mapped(mapper: Mapper, record: dict[str, Any], config: XentralConfig = CONFIG) -> Candidate:
    text = orjson.dumps(record).decode()
    return mapper(SourceRecord(str(record["id"]), text, config, None))


def order(**fields: Any) -> Candidate:
    record = {"id": 311, "belegnr": "200311", "internet": "STORE-1042", "status": "freigegeben",
              "projekt": "2", "teillieferungvon": 0, "positionen": []}  # fmt: skip
    return mapped(map_order, {**record, **fields})


def note(config: XentralConfig = CONFIG, **fields: Any) -> Candidate:
    record = {
        "id": 61, "belegnr": "300287", "status": "versendet", "auftragid": 311,
        "auftrag": "200311", "versandart": "DHL", "datum": "2026-03-02",
        "versendet_am": "2026-03-03 12:00:00", "positionen": [position()],
    }  # fmt: skip
    return mapped(map_delivery_note, {**record, **fields}, config)


def position(**fields: Any) -> dict[str, Any]:
    line = {"id": 6100, "nummer": "A-1", "bezeichnung": "Cup", "menge": "2.0000"}
    return {**line, **fields}


def label(config: XentralConfig = CONFIG, **fields: Any) -> Candidate:
    record = {
        "id": 7, "tracking": "00340434700000081234", "lieferschein": "300287",
        "auftrag": "200311", "internet": "STORE-1042", "versandart": "DHL", "land": "AT",
        "versendet_am": "2026-03-03", "retoure": 0, "projekt": 2, "gewicht": "1.4",
    }  # fmt: skip
    return mapped(map_tracking_number, {**record, **fields}, config)


def berlin(day: int) -> datetime:
    return datetime(2026, 3, day, tzinfo=BERLIN)


class TestOrder:
    def test_it_names_the_order_and_tells_nothing_about_it(self):
        candidate = order()

        assert (candidate.match_key, candidate.other_key) == ("STORE-1042", None)
        assert (candidate.number, candidate.status) == ("200311", "freigegeben")
        assert (candidate.values, candidate.children, candidate.contact) == ({}, {}, None)

    @pytest.mark.parametrize(
        ("internet", "key"),
        [
            ("  STORE-1042 ", "STORE-1042"),
            ("A&amp;B-7", "A&B-7"),
            ("O&#039;NEIL-7", "O'NEIL-7"),
            ("", None),
            (" ", None),
            (None, None),
        ],
    )
    def test_order_numbers(self, internet: str | None, key: str | None):
        assert order(internet=internet).match_key == key

    def test_a_split_one_belongs_to_the_order_of_its_parent(self):
        child = order(id=312, belegnr="200311-1", teillieferungvon=311)

        assert (child.match_key, child.number) == ("STORE-1042", "200311-1")
        assert child.attrs["split_from"] == 311

    def test_one_that_was_not_split_has_no_parent(self):
        assert order(teillieferungvon=0).attrs["split_from"] is None

    @pytest.mark.parametrize("status", ["angelegt", "abgeschlossen", "storniert"])
    def test_its_status_stays_on_the_reference(self, status: str):
        assert order(status=status).attrs["status"] == status

    def test_one_that_is_not_released_has_no_number(self):
        assert order(belegnr="").number is None


@pytest.mark.parametrize(
    ("number", "key"),
    [
        ("A-1", "A-1"),
        (" A  1 ", "A 1"),
        ("007", "007"),
        ("A&amp;B", "A&B"),
        ("", None),
        (None, None),
    ],
)
def test_an_article_is_the_variant_of_its_number(number: str | None, key: str | None):
    candidate = mapped(map_article, {"id": 1, "nummer": number, "inaktiv": ""})

    assert (candidate.match_key, candidate.values, candidate.status) == (key, {}, None)


def test_an_inactive_article_says_so():
    assert mapped(map_article, {"id": 1, "nummer": "A-1", "inaktiv": "1"}).status == "inaktiv"


class TestDeliveryNote:
    def test_a_package_with_its_lines(self):
        candidate = note()

        assert (candidate.match_key, candidate.other_key) == ("LF-300287", None)
        assert candidate.values == {
            "package_number": "LF-300287", "active": True, "packed_at": berlin(2),
            "state": "init", "shipped_at": berlin(3), "carrier": "dhl",
        }  # fmt: skip
        (line,) = candidate.children["lines"]
        assert (line["sku"], str(line["quantity"]), line["source_id"]) == ("A-1", "2.0000", "6100")
        assert candidate.parents == {"order": ["#311"]}

    @pytest.mark.parametrize(
        ("status", "active", "shipped"),
        [
            ("angelegt", True, False),
            ("freigegeben", True, False),
            ("versendet", True, True),
            ("abgeschlossen", True, True),
            ("storniert", False, False),
        ],
    )
    def test_statuses(self, status: str, active: bool, shipped: bool):
        values = note(status=status).values

        assert (values["active"], values["shipped_at"] is not None) == (active, shipped)

    def test_one_that_is_not_released_goes_by_its_id(self):
        candidate = note(belegnr="", status="angelegt")

        assert (candidate.match_key, candidate.number) == ("LF-draft-61", None)

    @pytest.mark.parametrize("day", ["0000-00-00", "0000-00-00 00:00:00", "", None])
    def test_days_that_are_unset(self, day: str | None):
        values = note(datum=day, versendet_am=day).values

        assert (values["packed_at"], values["shipped_at"]) == (None, None)

    def test_days_are_those_of_the_instance(self):
        config = CONFIG.model_copy(update={"timezone": "America/New_York"})

        assert str(note(config).values["packed_at"]) == "2026-03-02 00:00:00-05:00"

    def test_a_note_of_nobodys_order_has_no_parent(self):
        assert note(auftragid=0).parents == {"order": []}

    def test_equal_skus_are_numbered_and_entities_decoded(self):
        lines = note(
            positionen=[
                position(nummer="A&amp;1", bezeichnung="Tor&ouml;ffner"),
                position(id=6101, nummer="A&amp;1"),
            ]
        ).children["lines"]

        assert [(line["sku"], line["sku_occurrence"]) for line in lines] == [("A&1", 1), ("A&1", 2)]
        assert lines[0]["description"] == "Toröffner"

    @pytest.mark.parametrize("fields", [
        {"positionen": None}, {"positionen": [position(menge="two")]}, {"datum": "2.3.2026"},
    ], ids=["no lines", "quantity", "day"])  # fmt: skip
    def test_what_cannot_be_read_is_refused(self, fields: dict[str, Any]):
        with pytest.raises(ValidationError):
            note(**fields)


class TestTrackingNumber:
    def test_it_adds_the_tracking_number_to_the_package_of_its_note(self):
        candidate = label()

        assert candidate.match_key == "LF-300287"
        assert candidate.other_key == "tracking:00340434700000081234"
        assert candidate.values == {
            "carrier": "dhl", "tracking_id": "00340434700000081234", "tracking_ids": None,
            "is_multi_piece": False, "state": "information_received", "shipped_at": berlin(3),
            "carrier_tracking_url": "https://www.dhl.com/de-de/home/tracking/"
            "tracking-parcel.html?submit=1&tracking-id=00340434700000081234",
        }  # fmt: skip

    @pytest.mark.parametrize(
        "fields",
        [{"tracking": ""}, {"tracking": None}, {"retoure": 1}],
        ids=["failed", "null", "return"],
    )
    def test_a_label_that_is_no_parcel_tells_no_number(self, fields: dict[str, Any]):
        candidate = label(**fields)

        assert (candidate.match_key, candidate.other_key) == ("LF-300287", None)
        assert candidate.values == {}

    def test_a_label_without_a_note_is_known_by_its_number_only(self):
        candidate = label(lieferschein=None, auftrag=None, internet=None, versandart=None)

        assert candidate.match_key is None
        assert candidate.other_key == "tracking:00340434700000081234"
        assert "carrier" not in candidate.values

    def test_several_numbers_in_one_field(self):
        values = label(tracking="A1+B2").values

        assert (values["tracking_id"], values["tracking_ids"]) == ("A1", ["A1", "B2"])
        assert values["is_multi_piece"] is True

    @pytest.mark.parametrize(
        ("method", "language", "url"),
        [
            ("DPD", "de", "https://tracking.dpd.de/status/de_DE/parcel/X1"),
            ("DPD", "en", "https://tracking.dpd.de/status/en_EN/parcel/X1"),
            ("UPS", "de", None),
            ("gls", "de", None),
        ],
    )
    def test_tracking_pages(self, method: str, language: str, url: str | None):
        config = CONFIG.model_copy(update={"language": language})

        values = label(config, versandart=method, tracking="X1").values

        assert values["carrier_tracking_url"] == url


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("DHL", "dhl"),
        ("export_dpd", "dpd"),
        ("express_dpd", "dpd"),
        ("UPS Standard", "ups"),
        ("WAPO_3", "dhl"),
        ("Groups", "unknown"),
        ("gls", "unknown"),
        ("keinversand", "unknown"),
        (None, "unknown"),
    ],
)
def test_carriers_by_name(method: str | None, code: str):
    assert carrier_of(method, CONFIG) == code


def test_the_apps_own_table_goes_first():
    config = CONFIG.model_copy(update={"carriers": {"Go": "dhl", "DHL": "ups"}})

    assert [carrier_of(method, config) for method in ("Go", "DHL", "DPD")] == ["dhl", "ups", "dpd"]
