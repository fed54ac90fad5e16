"""What becomes of a source record before raw: its id, its times, its hash, or why it is refused."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.orders.zoho import ZOHO_SALES_ORDERS
from assets.taxes.zoho import ZOHO_TAXES
from schemabase_dagster import source_json
from schemabase_dagster.engine.incoming import Incoming, Refused, prepare
from tests.factories import NOON, at, zoho_order

READ = at(60)
NESTED = dataclasses.replace(
    ZOHO_SALES_ORDERS, id_field="node.id", modified_field="node.changed", volatile=frozenset()
)


def prepared(record: Any, stream: Any = ZOHO_SALES_ORDERS) -> Incoming:
    made = prepare(stream, record, READ)
    assert isinstance(made, Incoming)
    return made


@pytest.mark.parametrize(
    ("record", "code", "path"),
    [
        pytest.param(["a"], "type", "", id="a list"),
        pytest.param("text", "type", "", id="text"),
        pytest.param(None, "type", "", id="null"),
        pytest.param(zoho_order(salesorder_id=None), "no_id", "salesorder_id", id="null id"),
        pytest.param(zoho_order(salesorder_id=""), "no_id", "salesorder_id", id="empty id"),
        pytest.param(zoho_order(salesorder_id=True), "no_id", "salesorder_id", id="boolean id"),
        pytest.param(zoho_order(salesorder_id=1.5), "no_id", "salesorder_id", id="broken id"),
        pytest.param(zoho_order(salesorder_id={}), "no_id", "salesorder_id", id="object as id"),
        pytest.param(zoho_order(salesorder_id="1\n2"), "type", "salesorder_id", id="line break"),
        pytest.param(zoho_order(salesorder_id="1\t"), "type", "salesorder_id", id="tab in id"),
        pytest.param(
            zoho_order(last_modified_time=None), "missing", "last_modified_time", id="no time"
        ),
        pytest.param(
            zoho_order(last_modified_time=""), "missing", "last_modified_time", id="empty time"
        ),
        pytest.param(
            zoho_order(last_modified_time=5), "type", "last_modified_time", id="number as time"
        ),
        pytest.param(
            zoho_order(last_modified_time="soon"), "type", "last_modified_time", id="no instant"
        ),
        pytest.param(zoho_order(notes="a\0b"), "nul_character", "notes", id="nul in text"),
        pytest.param(
            zoho_order(line_items=[{}, {"name": "\0"}]),
            "nul_character",
            "line_items.1.name",
            id="nul deep inside",
        ),
        pytest.param(zoho_order(custom={"a\0": 1}), "nul_character", "custom", id="nul in a name"),
        pytest.param(zoho_order(notes="a\ud83d"), "lone_surrogate", "notes", id="half a pair"),
        pytest.param(
            zoho_order(custom={"\udc00": 1}), "lone_surrogate", "custom", id="half a pair in a name"
        ),
    ],
)
def test_what_raw_cannot_hold_is_refused_whole_with_code_and_path(
    record: object, code: str, path: str
):
    refused = prepare(ZOHO_SALES_ORDERS, record, READ)

    assert isinstance(refused, Refused)
    assert (refused.error.code, refused.error.path) == (code, path)
    assert source_json.loads(refused.payload) == record


def test_a_refused_record_keeps_its_id_if_it_has_one():
    nul = prepare(ZOHO_SALES_ORDERS, zoho_order("5", notes="\0"), READ)
    no_id = prepare(ZOHO_SALES_ORDERS, zoho_order(salesorder_id=None), READ)

    assert (nul.external_id, no_id.external_id) == ("5", None)


def test_six_characters_that_look_like_nul_are_text():
    assert prepared(zoho_order(notes="\\u0000")).external_id == "1"


def test_a_number_is_an_id():
    assert prepared(zoho_order(salesorder_id=0)).external_id == "0"


def test_id_and_time_may_stand_inside():
    record = {"node": {"id": "a", "changed": "2026-03-02T12:00:00Z"}}

    made = prepared(record, NESTED)

    assert (made.external_id, made.source_updated_at) == ("a", NOON)


def test_a_parent_that_is_no_object_has_no_id():
    refused = prepare(NESTED, {"node": "a"}, READ)

    assert isinstance(refused, Refused)
    assert refused.error.code == "no_id"


def test_times_become_utc():
    made = prepared(zoho_order(last_modified_time="2026-03-02T14:05:33+0100"))

    assert made.source_updated_at == datetime(2026, 3, 2, 13, 5, 33, tzinfo=UTC)


def test_without_a_modified_time_the_time_of_reading_orders_versions():
    made = prepared({"tax_id": "1"}, ZOHO_TAXES)

    assert made.source_updated_at is None
    assert made.freshness == (READ, READ)


def test_the_sources_time_orders_versions_before_the_time_of_reading():
    assert prepared(zoho_order()).freshness == (NOON, READ)


@given(st.permutations(list(zoho_order(notes="x"))))
def test_the_order_of_fields_changes_neither_hash_nor_payload(names: list[str]):
    record = zoho_order(notes="x")

    shuffled = prepared({name: record[name] for name in names})

    assert shuffled == prepared(record)


@given(st.dictionaries(st.sampled_from(["notes", "total", "terms"]), st.text("ab", max_size=2)))
def test_another_value_of_any_field_is_another_hash(fields: dict[str, str]):
    record = zoho_order(notes="", total="", terms="")
    changed = {**record, **fields}

    assert (prepared(changed).digest == prepared(record).digest) == (changed == record)


def test_volatile_fields_are_stored_and_not_compared():
    stream = dataclasses.replace(ZOHO_SALES_ORDERS, volatile=frozenset({"signed_url"}))

    first = prepared(zoho_order(signed_url="a"), stream)
    second = prepared(zoho_order(signed_url="b"), stream)
    other = prepared(zoho_order(signed_url="b", total=5), stream)

    assert first.digest == second.digest != other.digest
    assert orjson.loads(second.payload)["signed_url"] == "b"


def test_the_time_of_reading_is_no_part_of_the_hash():
    later = prepare(ZOHO_SALES_ORDERS, zoho_order(), READ + timedelta(days=1))

    assert isinstance(later, Incoming)
    assert later.digest == prepared(zoho_order()).digest


def test_a_detail_may_call_the_modified_time_otherwise_than_the_list():
    stream = dataclasses.replace(ZOHO_SALES_ORDERS, modified_alias="updated_time")
    row = zoho_order()
    detail = {**row, "updated_time": row["last_modified_time"], "last_modified_time": ""}

    assert prepared(detail, stream).source_updated_at == prepared(row, stream).source_updated_at
