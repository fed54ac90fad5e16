"""Splitting: a JSON array or NDJSON into its records, one by one, around what is broken."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from assets.drain import BadRecord
from schemabase_dagster.streams import JsonObject

SAMPLE_BYTES: Final = 2048
MOST_GUESSES: Final = 1000
"""Places tried for the record behind a broken one."""

_RECORD: Final = re.compile(r",\s*(?=\{)")
_SPACE: Final = re.compile(r"[ \t\r\n]*")


def _no_number(text: str) -> Any:
    raise ValueError(text)


_DECODER: Final = json.JSONDecoder(parse_constant=_no_number)


class Found(NamedTuple):
    """An object, and the text that it was read from."""

    value: JsonObject
    text: str


def split(body: bytes) -> Iterator[Found | BadRecord]:
    """Yield the objects of a body and, at their places, what is none.

    Bytes that are no UTF-8 spoil the record they stand in only: they become half surrogates, which
    no document can hold.
    """
    text = body.decode("utf-8-sig", "surrogateescape")
    start = _skip(text, 0)
    if text[start : start + 1] == "[":
        yield from _split_array(text, start + 1)
    else:
        yield from _split_lines(text)


def sample(text: str) -> bytes:
    """Return the beginning of a record as it came."""
    return text[:SAMPLE_BYTES].encode("utf-8", "surrogateescape")[:SAMPLE_BYTES]


def _split_lines(text: str) -> Iterator[Found | BadRecord]:
    for line in text.split("\n"):
        if line.strip():
            try:
                value = _DECODER.decode(line)
            except (ValueError, RecursionError):
                yield BadRecord("not_json", "", sample(line))
            else:
                yield _object(value, line)


def _split_array(text: str, position: int) -> Iterator[Found | BadRecord]:
    position = _skip(text, position)
    while text[position : position + 1] != "]":
        start = position
        try:
            value, end = _DECODER.raw_decode(text, start)
            position = _skip(text, end)
            if text[position : position + 1] not in {",", "]"}:
                raise ValueError("no separator")  # noqa: TRY301 - the same fault as the decoder's
        except (ValueError, RecursionError):
            position = _next_record(text, start)
            yield BadRecord("not_json", "", sample(text[start:position]))
            if position == len(text):
                return
        else:
            yield _object(value, text[start:end])
        if text[position] == ",":
            position = _skip(text, position + 1)


def _next_record(text: str, start: int) -> int:
    """Return the comma before the next whole record behind a broken one, or the end of the text."""
    for number, comma in enumerate(_RECORD.finditer(text, start)):
        if number == MOST_GUESSES:
            break
        try:
            value, end = _DECODER.raw_decode(text, comma.end())
        except (ValueError, RecursionError):
            continue
        # a part of the broken record may be an object, too
        follows = _skip(text, end)
        is_record = isinstance(value, dict) and "id" in value
        if is_record and text[follows : follows + 1] in {",", "]"}:
            return comma.start()
    return len(text)


def _object(value: Any, text: str) -> Found | BadRecord:
    if isinstance(value, dict):
        return Found(value, text)
    return BadRecord("not_an_object", "", sample(text))


def _skip(text: str, position: int) -> int:
    """Return the position of the next letter that is no white space."""
    space = _SPACE.match(text, position)
    return space.end() if space else position
