"""The text of a Lambda function's log record: its lines, and what the platform adds to them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from schemabase_dagster.clock import parse_instant

TAB_PARTS: Final = 4
"""Of a line of the runtime's console: time, request id, level, message."""

_PLATFORM: Final = re.compile(r"(START|END|REPORT) RequestId:")
_REQUEST_ID: Final = re.compile(r"RequestId: ([0-9a-fA-F-]{1,64})")
_METRICS: Final = {
    "duration": re.compile(r"(?<!Billed )(?<!Init )Duration: ([0-9.]+) ms"),
    "billedDuration": re.compile(r"Billed Duration: ([0-9.]+) ms"),
    "memorySize": re.compile(r"Memory Size: ([0-9]+) MB"),
    "maxMemoryUsed": re.compile(r"Max Memory Used: ([0-9]+) MB"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line that the function wrote.

    Attributes:
        content: its text, or the object that it is.
        at_ms: when, milliseconds since the epoch, if the line says so.
        level: its level, likewise.
        request_id: likewise.
    """

    content: str | Mapping[str, Any]
    at_ms: int | None = None
    level: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class LambdaText:
    """A record's text.

    Attributes:
        lines: what the function wrote.
        metrics: of the platform's report: milliseconds and megabytes.
        request_id: of the platform's lines.
    """

    lines: tuple[Line, ...]
    metrics: Mapping[str, float | int] = field(default_factory=dict)
    request_id: str | None = None


def read_lambda(text: str) -> LambdaText:
    """Take the platform's lines out of a text and read the others."""
    metrics: dict[str, float | int] = {}
    request_id = None
    rest = []
    for line in text.split("\n"):
        if _PLATFORM.match(line):
            found = _REQUEST_ID.search(line)
            request_id = found.group(1) if found else request_id
            metrics |= _metrics(line)
        else:
            rest.append(line)
    return LambdaText(tuple(_lines("\n".join(rest).strip())), metrics, request_id)


def as_object(text: str) -> Mapping[str, Any] | None:
    """Return the JSON object that a text is, or None."""
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _lines(text: str) -> Iterator[Line]:
    whole = as_object(text)
    if whole is not None:
        yield Line(whole)
        return
    for line in text.split("\n"):
        if line.strip():
            yield _line(line.rstrip("\r"))


def _line(text: str) -> Line:
    parts = text.split("\t", TAB_PARTS - 1)
    if len(parts) == TAB_PARTS and (at_ms := _milliseconds(parts[0])) is not None:
        return Line(parts[3], at_ms, level=parts[2] or None, request_id=parts[1] or None)
    return Line(as_object(text.strip()) or text)


def _milliseconds(text: str) -> int | None:
    try:
        return round(parse_instant(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _metrics(line: str) -> dict[str, float | int]:
    """Return the numbers of a ``REPORT`` line; other lines of the platform have none."""
    found: dict[str, float | int] = {}
    for name, pattern in _METRICS.items():
        match = pattern.search(line)
        if match:
            number = float(match.group(1))
            found[name] = int(number) if number.is_integer() else number
    return found
