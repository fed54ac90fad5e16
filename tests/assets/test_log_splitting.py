"""Splitting of batches: whatever one record is, all others are read."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.drain import BadRecord
from assets.logs.splitting import SAMPLE_BYTES, Found, split

RECORDS = [{"id": str(number), "proxy": {"path": "/a,{b"}, "n": number} for number in range(5)]


def array(*parts: bytes) -> bytes:
    return b"[" + b", ".join(parts) + b"]"


def lines(*parts: bytes) -> bytes:
    return b"\n".join(parts) + b"\n"


def values(body: bytes) -> list[Any]:
    return [each.value for each in split(body) if isinstance(each, Found)]


def faults(body: bytes) -> list[str]:
    return [each.code for each in split(body) if isinstance(each, BadRecord)]


WHOLE = [orjson.dumps(each) for each in RECORDS]


@pytest.mark.parametrize("join", [array, lines])
@pytest.mark.parametrize(
    "broken",
    [
        b'{"id": "9", "message": "no end',
        b'{"id": "9" "n": 1}',
        b'{"id": "9", "proxy": {"path": "/"}, "n": }',
        b"}",
        b'{"id": "9", "n": NaN}',
        b"null null",
        b'{"id": "9", "a": "\\x"}',
        b'{"a":' * 100_000,
    ],
    ids=["cut", "no comma", "no value", "brace", "not a number", "two words", "escape", "deep"],
)
@pytest.mark.parametrize("place", [0, 2, 5])
def test_around_a_broken_record_all_others_are_read(join: Any, broken: bytes, place: int):
    body = join(*WHOLE[:place], broken, *WHOLE[place:])

    assert values(body) == RECORDS
    assert faults(body) == ["not_json"]


@pytest.mark.parametrize("join", [array, lines])
def test_what_is_no_object_is_told(join: Any):
    body = join(WHOLE[0], b'"text"', b"17", WHOLE[1])

    assert values(body) == RECORDS[:2]
    assert faults(body) == ["not_an_object", "not_an_object"]


def test_a_cut_array_gives_what_is_whole():
    body = array(*WHOLE)[:-10]

    assert values(body) == RECORDS[:4]
    assert faults(body) == ["not_json"]


@pytest.mark.parametrize("body", [b"", b"[]", b" [ ] ", b"\n\n", b"\xef\xbb\xbf[]"])
def test_an_empty_batch_has_no_records(body: bytes):
    assert list(split(body)) == []


def test_a_bad_byte_spoils_its_record_only():
    body = array(WHOLE[0], b'{"id": "9", "message": "\xff"}', WHOLE[1])

    first, spoilt, last = values(body)
    assert [first, last] == RECORDS[:2]
    with pytest.raises(orjson.JSONEncodeError):
        orjson.dumps(spoilt)


def test_of_a_bad_record_the_beginning_is_kept():
    (bad,) = split(b'{"id": "' + b"x" * 10_000)

    assert isinstance(bad, BadRecord)
    assert bad.sample == (b'{"id": "' + b"x" * 10_000)[:SAMPLE_BYTES]


@given(st.binary(max_size=300))
def test_nothing_that_is_sent_raises(body: bytes):
    list(split(body))
    list(split(b"[" + body))
