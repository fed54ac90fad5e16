"""JSON as sources send it: written with sorted keys, and holding no more memory than its text."""

import tracemalloc

import pytest

from schemabase_dagster import source_json


def test_half_of_a_surrogate_pair_survives() -> None:
    text = rb'{"b":"\ud83d","a":1}'
    assert source_json.dumps(source_json.loads(text)) == rb'{"a":1,"b":"\ud83d"}'


def test_what_is_no_json_is_refused_though_it_has_half_a_pair() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        source_json.loads(rb'{"a":"\ud83d"')


def test_written_records_hold_only_their_text() -> None:
    """Batches of them are in memory at a time; orjson leaves its whole buffer with its result."""
    record = {f"field_{number}": "value" * 8 for number in range(90)}
    tracemalloc.start()
    try:
        written = [source_json.dumps(record) for _ in range(200)]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.2 * sum(map(len, written))
