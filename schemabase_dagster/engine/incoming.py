"""Incoming: a source record made ready for raw, or a reason why it cannot be stored."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from schemabase_dagster import source_json
from schemabase_dagster.clock import parse_instant
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.streams import JsonObject, Stream

_UNSTORABLE: Final = (
    (
        b"\\u0000",
        re.compile("\x00"),
        "nul_character",
        "Postgres cannot hold the character U+0000.",
    ),
    (
        b"\\ud",
        re.compile("[\ud800-\udfff]"),
        "lone_surrogate",
        "Postgres cannot hold half of a surrogate pair.",
    ),
)
"""As JSON shows it, as Python does, code and reason of what Postgres cannot hold."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One record ready to be landed.

    Attributes:
        external_id: id in the source.
        payload: the record as JSON with sorted keys.
        digest: SHA-256 of it without the stream's volatile keys.
        source_updated_at: modified time by the source.
        read_at: when it was read from the source.
    """

    external_id: str
    payload: bytes
    digest: bytes
    source_updated_at: datetime | None
    read_at: datetime

    @property
    def freshness(self) -> tuple[datetime, datetime]:
        """Return what orders versions of one record: modified time, then time of reading."""
        return (self.source_updated_at or self.read_at, self.read_at)


@dataclass(frozen=True, slots=True)
class Refused:
    """One record that raw cannot hold, kept whole."""

    external_id: str | None
    payload: bytes
    error: RecordRejected


def prepare(stream: Stream, record: object, read_at: datetime) -> Incoming | Refused:
    """Make a source record ready for raw; only its id and modified time are looked at."""
    payload = source_json.dumps(record)
    external_id: str | None = None
    if not isinstance(record, dict):
        error = RecordRejected("type", "", "The record is not a JSON object.")
        return Refused(external_id, payload, error)
    try:
        external_id = record_id(stream, record)
        modified = modified_at(stream, record)
        _refuse_unstorable(payload, record)
    except RecordRejected as fault:
        return Refused(external_id, payload, fault)
    return Incoming(external_id, payload, _digest(stream, record, payload), modified, read_at)


def prepare_parts(
    part: Stream, wholes: Iterable[Incoming], read_at: datetime
) -> list[Incoming | Refused]:
    """Make the records ready that lie inside others."""
    if part.part is None:
        raise TypeError(f"stream '{part.name}' is no part of another one")
    return [
        prepare(part, record, read_at)
        for whole in wholes
        for record in part.part.split(orjson.loads(whole.payload))
    ]


def record_id(stream: Stream, record: JsonObject) -> str:
    """Return the record's id as text, with the stream's prefix.

    Raises:
        RecordRejected: it has none.
    """
    value = _at(record, stream.id_field)
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise RecordRejected("no_id", stream.id_field, "The record has no id.")
    text = str(value)
    if not text.isprintable():
        raise RecordRejected("type", stream.id_field, "The id has control characters.")
    return f"{stream.id_prefix}{text}"


def modified_at(stream: Stream, record: JsonObject) -> datetime | None:
    """Return the record's modified time, or None when the stream has none.

    Raises:
        RecordRejected: the stream has one and the record's is missing or no time.
    """
    if stream.modified_field is None:
        return None
    value = _at(record, stream.modified_field)
    if stream.modified_alias is not None and not value:
        value = _at(record, stream.modified_alias)
    if value is None or value == "":
        raise RecordRejected("missing", stream.modified_field, "The modified time is missing.")
    if not isinstance(value, str):
        raise RecordRejected("type", stream.modified_field, "The modified time is not text.")
    try:
        return parse_instant(value)
    except ValueError:
        raise RecordRejected(
            "type", stream.modified_field, "The modified time is not a time."
        ) from None


def _at(record: JsonObject, path: str) -> Any:
    value: Any = record
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _digest(stream: Stream, record: JsonObject, payload: bytes) -> bytes:
    if stream.volatile and not stream.volatile.isdisjoint(record):
        stable = {key: value for key, value in record.items() if key not in stream.volatile}
        payload = orjson.dumps(stable, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(payload).digest()


def _refuse_unstorable(payload: bytes, record: JsonObject) -> None:
    # Most records hold no backslash at all, and a single byte is found many times as fast.
    if b"\\" not in payload:
        return
    for mark, character, code, reason in _UNSTORABLE:
        if mark in payload and (path := _path_of(character, record, "")) is not None:
            raise RecordRejected(code, path, reason)


def _path_of(character: re.Pattern[str], value: object, path: str) -> str | None:
    """Return where a text or a name with the character stands."""
    if isinstance(value, str):
        return path if character.search(value) else None
    if isinstance(value, dict):
        children = [(f"{path}.{key}".lstrip("."), item) for key, item in value.items()]
        if any(character.search(key) for key in value):
            return path
    elif isinstance(value, list):
        children = [(f"{path}.{index}".lstrip("."), item) for index, item in enumerate(value)]
    else:
        return None
    for child_path, child in children:
        if (found := _path_of(character, child, child_path)) is not None:
            return found
    return None
