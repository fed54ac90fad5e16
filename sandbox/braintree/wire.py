"""Braintree's XML: typed elements out, search criteria in."""

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from sandbox.times import utc_time

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def text(name: str, value: object) -> str:
    """An element without type; None becomes nil, which bears no other type."""
    if value is None or value == "":
        return f'<{name} nil="true"/>'
    return f"<{name}>{escape(str(value))}</{name}>"


def typed(name: str, kind: str, value: object) -> str:
    """An element of a type; None becomes nil."""
    return text(name, None) if value is None else f'<{name} type="{kind}">{value}</{name}>'


def instant(name: str, at: int | None) -> str:
    """A time, in UTC and whole seconds."""
    return typed(name, "datetime", None if at is None else utc_time(at))


def day(name: str, at: int | None) -> str:
    """A day."""
    return typed(name, "date", None if at is None else utc_time(at)[:10])


def group(name: str, *parts: str) -> str:
    """An element with elements in it."""
    return f"<{name}>{''.join(parts)}</{name}>"


def array(name: str, parts: Iterable[str]) -> str:
    """A list."""
    return f'<{name} type="array">{"".join(parts)}</{name}>'


def document(body: str) -> bytes:
    """A whole answer."""
    return f"{DECLARATION}{body}".encode()


def criteria(body: bytes) -> Mapping[str, Any]:
    """The criteria of a search: name -> text, list of texts, or operator -> text."""
    root = ET.fromstring(body or b"<search/>")  # noqa: S314 - from our own tests and demo
    return {each.tag: _value(each) for each in root}


def _value(element: ET.Element) -> Any:
    if element.get("type") == "array":
        return [each.text or "" for each in element]
    if len(element):
        return {each.tag: each.text or "" for each in element}
    return element.text or ""
