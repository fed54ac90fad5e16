"""Lists of Xentral's REST v1: registered filters, sorting, pages that are 404 when empty."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.world import World
from sandbox.xentral import documents
from sandbox.xentral.documents import JsonObject

TEXT = ("", "_equals", "_exakt", "_startswith", "_endswith")
DAY = ("", "_gt", "_gte", "_lt", "_lte")
LARGEST = 1000
DEFAULT_ITEMS = 20
CONTROL = frozenset({"page", "items", "sort", "include"})


class BadArgumentError(Exception):
    """A filter, sorting or include that a list does not know (7454)."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One list.

    Attributes:
        rows: makes its records in the order of their ids.
        permission: key of the permission that lists it.
        texts: fields with the five text filters.
        days: fields with the five filters by day.
        plain: fields with an equality filter.
        sorts: fields it can be sorted by.
        includes: what can be embedded; left out unless asked for.
    """

    rows: Callable[[World], Iterator[JsonObject]]
    permission: str
    texts: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    plain: tuple[str, ...] = ("projekt",)
    sorts: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()


RESOURCES: Mapping[str, Resource] = {
    "artikel": Resource(
        documents.articles,
        "articles",
        texts=("name_de", "name_en", "nummer"),
        plain=("projekt", "typ", "ausverkauft"),
        sorts=("name_de", "name_en", "nummer", "typ"),
    ),
    "belege/auftraege": Resource(
        documents.orders,
        "orders",
        texts=("belegnr", "kundennummer", "internet"),
        days=("datum",),
        plain=("projekt", "status"),
        sorts=("belegnr", "datum"),
        includes=("positionen",),
    ),
    "belege/lieferscheine": Resource(
        documents.notes,
        "delivery_notes",
        texts=("belegnr", "kundennummer"),
        days=("datum",),
        plain=("projekt", "status", "auftrag", "auftragid"),
        sorts=("belegnr", "datum"),
        includes=("positionen",),
    ),
    "trackingnummern": Resource(
        documents.labels,
        "tracking_number",
        texts=("tracking", "lieferschein", "auftrag", "internet"),
        days=("versendet_am",),
        plain=("projekt", "versandart", "abgeschlossen", "adresse", "land"),
        sorts=("tracking", "auftrag", "lieferschein", "versandart", "versendet_am"),
    ),
    "versandarten": Resource(
        documents.methods,
        "shipping_method",
        texts=("bezeichnung", "type"),
        plain=("projekt", "modul", "aktiv"),
    ),
}
ENTITIES = {
    "articles": "artikel",
    "orders": "belege/auftraege",
    "delivery_notes": "belege/lieferscheine",
    "tracking_numbers": "trackingnummern",
    "shipping_methods": "versandarten",
}
"""What control calls a list -> its path."""


def records(world: World, path: str) -> list[JsonObject]:
    """All records of a list, by id."""
    found = (
        row for row in RESOURCES[path].rows(world) if (path, row["id"]) not in world.depot.gone
    )
    return sorted(found, key=lambda row: row["id"])


def chosen(world: World, path: str, query: Mapping[str, str]) -> list[JsonObject]:
    """The records that a query asks for, sorted.

    Raises:
        BadArgumentError: it asks for what the list does not know.
    """
    resource = RESOURCES[path]
    rows = records(world, path)
    for name, value in query.items():
        if name not in CONTROL:
            matches = _filter(resource, name, value)
            rows = [row for row in rows if matches(row)]
    for name in reversed(query.get("sort", "").split(",") if query.get("sort") else []):
        field = name.removeprefix("-")
        if field not in resource.sorts:
            raise BadArgumentError(f'Sorting parameter "{field}" is not registered.')
        rows.sort(key=lambda row: str(row[field]), reverse=name.startswith("-"))
    return rows


def shown(path: str, row: JsonObject, include: str) -> JsonObject:
    """A record with what is to be embedded.

    Raises:
        BadArgumentError: that cannot be embedded.
    """
    wanted = set(filter(None, include.split(",")))
    for name in wanted.difference(RESOURCES[path].includes):
        raise BadArgumentError(f'Include "{name}" is not registered.')
    hidden = set(RESOURCES[path].includes) - wanted
    return {key: value for key, value in row.items() if key not in hidden}


def page_of(rows: list[JsonObject], query: Mapping[str, str], shift: int = 0) -> dict[str, Any]:
    """One page and its numbers; sizes out of bounds are silently replaced by the default."""
    items, page = _bounded(query, "items", DEFAULT_ITEMS), _bounded(query, "page", 1)
    begin = max((page - 1) * items - (shift if page > 1 else 0), 0)
    part = rows[begin : begin + items]
    pagination = {
        "items_per_page": items,
        "items_current": len(part),
        "items_total": len(rows),
        "page_current": page,
        "page_last": -(-len(rows) // items),
    }
    return {"data": part, "pagination": pagination}


def _bounded(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    number = int(text) if text.isdecimal() else default
    return number if 1 <= number <= LARGEST else default


def _filter(resource: Resource, name: str, value: str) -> Callable[[JsonObject], bool]:
    for field in resource.texts:
        if name.removeprefix(field) in TEXT and name.startswith(field):
            pattern = _like(value, name.removeprefix(field))
            return lambda row: pattern.fullmatch(str(row[field] or "")) is not None
    for field in resource.days:
        if name.removeprefix(field) in DAY and name.startswith(field):
            sign = name.removeprefix(field)
            return lambda row: _compared(str(row[field])[:10], sign, value)
    if name in resource.plain:
        return lambda row: str(row.get(name, "")) == value
    raise BadArgumentError(f'Search parameter "{name}" is not supported.')


def _like(value: str, suffix: str) -> re.Pattern[str]:
    """MySQL's LIKE: ``%`` and ``_`` are wildcards, case does not matter; plain means contains."""
    inner = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in value)
    before = ".*" if suffix in {"", "_endswith"} else ""
    after = ".*" if suffix in {"", "_startswith"} else ""
    return re.compile(f"{before}{inner}{after}", re.IGNORECASE | re.DOTALL)


def _compared(day: str, sign: str, value: str) -> bool:
    return {
        "": day == value,
        "_gt": day > value,
        "_gte": day >= value,
        "_lt": day < value,
        "_lte": day <= value,
    }[sign]
