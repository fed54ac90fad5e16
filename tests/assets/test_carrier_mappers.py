"""Mappers of carriers: every code, time zone and odd shape of the provider document, as tables."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assets.package_events import dhl, dpd, ups
from assets.package_events.events import Reading, event_key
from assets.package_events.states import EDGES, edges, walk
from resources.dpd import DpdConfig
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.streams import JsonObject
from schemabase_dagster.tables.shipping import PACKAGE_STATES
from tests.support.parcels import dhl_event, dhl_parcel

NONE = Reading(None)
INFO, MOVES = Reading("information_received"), Reading("in_transit")
LATE, OUT = Reading("in_transit", is_delayed=True), Reading("out_for_delivery")
FAILED, WAITS = Reading("failed_attempt"), Reading("available_for_pickup")
THERE, WRONG = Reading("delivered"), Reading("exception")


def country(code: str) -> JsonObject:
    return {"location": {"address": {"countryCode": code}}}


def map_part(stream: Any, part: JsonObject, config: Any = None) -> Candidate:
    text = orjson.dumps(part).decode()
    mapped: Candidate = stream.mapper(SourceRecord(str(part["id"]), text, config, None))
    return mapped


@pytest.mark.parametrize(
    ("service", "coarse", "code", "more", "expected"),
    [
        ("parcel-de", "pre-transit", "VA", {}, INFO),
        ("parcel-de", "transit", "AN", {}, INFO),
        ("parcel-de", "transit", "AE", {}, MOVES),
        ("parcel-de", "transit", "ES", {}, MOVES),
        ("parcel-de", "transit", "PO", {}, OUT),
        ("parcel-de", "failure", "PO", {}, WRONG),
        ("parcel-de", "transit", "ZN", {}, FAILED),
        ("parcel-de", "transit", "ZN", {"is_return": True}, WRONG),
        ("parcel-de", "transit", "ZF", {}, WAITS),
        ("parcel-de", "transit", "LA", {}, MOVES),
        ("parcel-de", "transit", "LA", {"detail": "HLDCC/INFCL"}, WAITS),
        ("parcel-de", "delivered", "ZU", {}, THERE),
        ("parcel-de", "delivered", "ZU", {"is_return": True}, WRONG),
        ("parcel-de", "transit", "ZO", {}, MOVES),
        ("parcel-de", "transit", "ZO", {"detail": "HLDCU"}, LATE),
        ("parcel-de", "transit", "BV", {}, LATE),
        ("parcel-de", "failure", "BV", {}, WRONG),
        ("parcel-de", "transit", "DD", {}, NONE),
        ("parcel-de", "transit", "GT", {}, NONE),
        ("parcel-de", "transit", "??", {}, MOVES),
        ("express", "transit", "WC", {}, OUT),
        ("express", "failure", "DD", {}, WRONG),
        ("express", "transit", "CC", {}, WAITS),
        ("express", "transit", "CD", {}, LATE),
        ("express", "transit", "NH", {}, FAILED),
        ("express", "delivered", "OK", {}, THERE),
        ("express", "delivered", "101", {}, THERE),
        ("ecommerce", "pre-transit", "", {}, INFO),
        ("ecommerce", "delivered", "anything", {"is_return": True}, WRONG),
        ("ecommerce", "failure", "", {}, WRONG),
        ("ecommerce", "unknown", "", {}, NONE),
        ("ecommerce", "brand-new", "", {}, NONE),
    ],
)
def test_dhl_codes(
    service: str, coarse: str, code: str, more: Mapping[str, Any], expected: Reading
):
    assert dhl.read_codes(service, coarse, code, **more) == expected


@pytest.mark.parametrize(
    ("text", "service", "expected"),
    [
        ("2025-03-03T11:32:00", "parcel-de", datetime(2025, 3, 3, 10, 32, tzinfo=UTC)),
        ("2025-07-03T11:32:00", "parcel-de", datetime(2025, 7, 3, 9, 32, tzinfo=UTC)),
        ("2025-03-03T11:32:00", "parcel-uk", datetime(2025, 3, 3, 11, 32, tzinfo=UTC)),
        ("2025-03-03T11:32:00", "freight", datetime(2025, 3, 3, 11, 32, tzinfo=UTC)),
        ("2025-03-03T11:32:00-04:00", "express", datetime(2025, 3, 3, 15, 32, tzinfo=UTC)),
        ("2025-03-03T11:32:00Z", "parcel-de", datetime(2025, 3, 3, 11, 32, tzinfo=UTC)),
        (
            "2023-11-21T15:27:20.331986369+01:00",
            "ecommerce",
            datetime(2023, 11, 21, 14, 27, 20, 331986, tzinfo=UTC),
        ),
    ],
)
def test_dhl_times(text: str, service: str, expected: datetime):
    assert dhl.read_time(text, service) == expected


def test_a_dhl_event_is_read_as_documented():
    (part,) = dhl.split_events(dhl_parcel("T1", dhl_event("2025-03-03T11:32:00", "PO")))

    mapped = map_part(dhl.DHL_EVENTS, part)

    assert mapped.match_key == part["id"]
    assert mapped.match_key == event_key(
        "dhl", "T1", "PO", datetime(2025, 3, 3, 10, 32, tzinfo=UTC), "Feucht"
    )
    assert mapped.parents == {"package": ["tracking:T1"]}
    assert (mapped.values["state"], mapped.values["country_code"]) == ("out_for_delivery", "DE")


@pytest.mark.parametrize(
    ("record", "count"),
    [
        ({}, 0),
        ({"shipments": None}, 0),
        ({"shipments": [7]}, 0),
        ({"shipments": {"T1": {}}}, 0),
        ({"shipments": [{"status": None}]}, 0),
        ({"shipments": [{"events": [None, 1], "status": {}}]}, 0),
        (dhl_parcel("T1", *[dhl_event("2025-03-03T11:32:00", "PO")] * 2), 1),
        ({"shipments": [{"status": dhl_event("2025-03-03T11:32:00", "PO")}]}, 1),
    ],
)
def test_splitting_a_dhl_answer_never_fails(record: JsonObject, count: int):
    assert len(list(dhl.split_events(record))) == count


@pytest.mark.parametrize(("told", "state"), [(True, "exception"), ("yes", "delivered")])
def test_an_event_of_dhl_knows_whether_its_parcel_goes_back(told: Any, state: str):
    event = dhl_event("2025-03-03T11:32:00", "ZU", "delivered")
    (part,) = dhl.split_events(dhl_parcel("T1", event, returnFlag=told))

    assert map_part(dhl.DHL_EVENTS, part).values["state"] == state


def test_a_dhl_event_without_a_time_is_rejected_with_its_path():
    (part,) = dhl.split_events(dhl_parcel("T1", dhl_event("soon", "PO")))

    with pytest.raises(RecordRejected) as caught:
        map_part(dhl.DHL_EVENTS, part)

    assert caught.value.path == "timestamp"


@pytest.mark.parametrize(
    ("kind", "code", "number", "expected"),
    [
        ("I", "OT", "021", OUT),
        ("I", "OT", "21", OUT),
        ("I", "DP", "005", MOVES),
        ("X", "48", "022", FAILED),
        ("I", "2Q", "161", WAITS),
        ("D", "FS", "011", THERE),
        ("X", "B0", "034", WRONG),
        ("M", "MP", "003", INFO),
        ("X", "", "048", LATE),
        ("X", "", "097", NONE),
        ("NA", "", "000", Reading("pending")),
        ("P", "", "", MOVES),
        ("O", "", "", OUT),
        ("MV", "", "", WRONG),
        ("RS", "", "", WRONG),
        ("DO", "", "", MOVES),
        ("W", "", "", MOVES),
        ("X", "", "", LATE),
        ("U", "", "", NONE),
        ("I", "OF", "999", OUT),
        ("D", "2W", "", THERE),
        ("D", "1N", "", WAITS),
        ("M", "VP", "", WRONG),
        ("", "", "", NONE),
    ],
)
def test_ups_codes(kind: str, code: str, number: str, expected: Reading):
    assert ups.read_codes(kind, code, number) == expected


def test_every_documented_ups_code_is_mapped():
    documented = {f"{number:03}" for number in range(170)}
    missing = documented - ups.STATUS_CODES.keys()

    assert missing == {
        f"{number:03}"
        for number in (1, 2, 4, 8, 9, 15, 31, 150, 151, 152)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"gmtDate": "20250303", "gmtTime": "18:58:40", "gmtOffset": "-05:00"},
         datetime(2025, 3, 3, 18, 58, 40, tzinfo=UTC)),
        ({"gmtDate": "20250303", "gmtTime": "74700"}, datetime(2025, 3, 3, 7, 47, tzinfo=UTC)),
        ({"gmtOffset": "-05:00"}, datetime(2025, 3, 3, 18, 58, tzinfo=UTC)),
        ({"gmtOffset": "+05:30"}, datetime(2025, 3, 3, 8, 28, tzinfo=UTC)),
        (country("DE"), datetime(2025, 3, 3, 12, 58, tzinfo=UTC)),
        (country("US"), datetime(2025, 3, 3, 13, 58, tzinfo=UTC)),
        (country("XX"), datetime(2025, 3, 3, 13, 58, tzinfo=UTC)),
        ({}, datetime(2025, 3, 3, 13, 58, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_ups_times(fields: JsonObject, expected: datetime):
    activity = {"date": "20250303", "time": "135800", **fields}
    record = {"inquiryNumber": "1Z1", "package": {"activity": [activity]}}
    (part,) = ups.split_events(record)

    assert map_part(ups.UPS_EVENTS, part).values["event_at"] == expected


@pytest.mark.parametrize(
    ("record", "count"),
    [
        ({}, 0),
        ({"package": None}, 0),
        ({"package": {"activity": "none"}}, 0),
        ({"package": {"activity": [None, 3, {"date": "x"}]}}, 1),
    ],
)
def test_splitting_a_ups_answer_never_fails(record: JsonObject, count: int):
    assert len(list(ups.split_events(record))) == count


def test_a_ups_event_is_known_by_parcel_codes_time_and_place():
    place = {"location": {"address": {"city": "Ulm", "stateProvince": "BW"}}}
    codes = {"status": {"type": "I", "code": "OT", "statusCode": "021"}}
    time = {"date": "20250303", "time": "135840", "gmtDate": "20250303", "gmtTime": "185840"}
    activity = {**time, **place, **codes}
    (part,) = ups.split_events({"inquiryNumber": "1Z1", "package": {"activity": [activity]}})

    at = datetime(2025, 3, 3, 18, 58, 40, tzinfo=UTC)
    mapped = map_part(ups.UPS_EVENTS, part)
    assert part["id"] == event_key("ups", "1Z1", "I/OT/021", at, "Ulm, BW")
    assert (mapped.match_key, mapped.values["source_status"]) == (part["id"], "I/OT/021")


def test_a_ups_event_without_a_time_is_rejected():
    (part,) = ups.split_events({"inquiryNumber": "1Z1", "package": {"activity": [{"date": "x"}]}})

    with pytest.raises((RecordRejected, ValidationError)):
        map_part(ups.UPS_EVENTS, part)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("start_order", INFO),
        ("pickup_driver", MOVES),
        ("pickup_depot", MOVES),
        ("delivery_depot", MOVES),
        ("delivery_carload", OUT),
        ("delivery_nab", FAILED),
        ("delivery_notification", LATE),
        ("delivery_customer", THERE),
        ("delivery_shop", WAITS),
        ("pickup_by_consignee", THERE),
        ("no_pickup_by_consignee", WRONG),
        ("error_pickup", Reading("information_received", is_delayed=True)),
        ("error_return", WRONG),
        ("brand_new", NONE),
    ],
)
def test_dpd_statuses(status: str, expected: Reading):
    facts = {"pnr": "01", "status": status, "statusdate": "05072026081500", "depot": "0112"}
    (scan,) = dpd.webhook_scans("", facts)

    mapped = map_part(dpd.DPD_TRACKING, scan, DpdConfig())

    assert (mapped.values["state"], mapped.values["is_delayed"]) == (
        expected.state, expected.is_delayed,
    )  # fmt: skip
    assert mapped.values["event_at"] == datetime(2026, 7, 5, 6, 15, tzinfo=UTC)
    assert mapped.values["location"] == "0112"


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("05012022100200", "Europe/Berlin", datetime(2022, 1, 5, 9, 2, tzinfo=UTC)),
        ("05072022100200", "Europe/Berlin", datetime(2022, 7, 5, 8, 2, tzinfo=UTC)),
        ("30102022023000", "Europe/Berlin", datetime(2022, 10, 30, 0, 30, tzinfo=UTC)),
        ("05072022100200", "Etc/GMT-1", datetime(2022, 7, 5, 9, 2, tzinfo=UTC)),
    ],
)
def test_dpd_times(text: str, zone: str, expected: datetime):
    assert dpd.read_time(text, zone) == expected


@pytest.mark.parametrize("payload", [None, [], {}, {"pnr": ""}, {"status": "x"}, "text"])
def test_what_is_no_scan_of_dpd_is_none(payload: Any):
    assert dpd.webhook_scans("", payload) == []


def test_the_zone_of_dpd_must_exist():
    with pytest.raises(ValidationError):
        DpdConfig(timezone="Europe/Nowhere")


@pytest.mark.parametrize("start", PACKAGE_STATES)
def test_edges_are_those_of_the_reference(start: str):
    later = {"in_transit", "out_for_delivery", "failed_attempt", "delivered",
             "available_for_pickup", "exception"}  # fmt: skip
    expected = {
        "init": later | {"information_received"},
        "information_received": later,
        "in_transit": later - {"in_transit"},
        "out_for_delivery": later - {"in_transit", "out_for_delivery"},
        "failed_attempt": later - {"in_transit"},
        "pending": later,
        "expired": later,
    }

    assert EDGES[start] == expected.get(start, set())


@pytest.mark.parametrize(
    ("pickup", "exception", "start", "then", "moves"),
    [
        (True, False, "available_for_pickup", "delivered", True),
        (False, True, "available_for_pickup", "delivered", False),
        (False, True, "exception", "in_transit", True),
        (False, True, "exception", "delivered", True),
        (True, False, "exception", "delivered", False),
        (True, True, "delivered", "exception", False),
    ],
)
def test_extensions_are_switched_one_by_one(
    pickup: bool, exception: bool, start: str, then: str, moves: bool
):
    allowed = edges(leaves_pickup=pickup, leaves_exception=exception)

    assert walk([start, then], allowed)[1] == (start, moves)


@given(st.lists(st.one_of(st.none(), st.sampled_from(PACKAGE_STATES)), max_size=12))
def test_a_walk_moves_only_along_edges_and_delivered_is_never_left(
    states: Sequence[str | None],
):
    allowed = edges()
    now = "init"
    for state, (before, moves) in zip(states, walk(states, allowed), strict=True):
        assert before == now
        assert moves == (state is not None and state in allowed[now])
        assert not (moves and before == "delivered")
        now = state if moves and state is not None else now


def test_every_fact_of_an_event_counts_for_its_key():
    facts = ("dhl", "T1", "PO", "2025-03-03T10:32:00+00:00", "Feucht")

    keys = {event_key(*each) for each in permutations(facts)}

    at = datetime(2025, 3, 3, 10, 32, tzinfo=UTC)
    assert len(keys) == 120
    assert event_key(*facts) == event_key("dhl", "T1", "PO", at, "Feucht")
