"""Zoho listings: filters, sorting and pages over the records of one organisation."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from sandbox.faults import Fault, find, spoil
from sandbox.store import Record, Table
from sandbox.times import parse_zoho_time
from sandbox.world import World
from sandbox.zoho.entities import Entity

PAGE_SIZE = 200


class BadValueError(Exception):
    """A parameter has a value Zoho answers with code 2."""

    def __init__(self, parameter: str) -> None:
        super().__init__(f"Invalid value passed for {parameter}")


def page_body(
    world: World,
    entity: Entity,
    query: Mapping[str, str],
    *,
    inline: bool = False,
    faults: Sequence[Fault] = (),
) -> bytes:
    """One page of a listing as the bytes of the answer.

    Raises:
        BadValueError: a malformed page, sort column, sort order, time or id list.
    """
    ignored = set(entity.ignored)
    if entity.plural in world.unfiltered:
        ignored.add("last_modified_time")
    given = {key: value for key, value in query.items() if value and key not in ignored}
    page = _number(given, "page", 1)
    per_page = min(_number(given, "per_page", PAGE_SIZE), PAGE_SIZE)
    column = given.get("sort_column", entity.default_sort)
    direction = given.get("sort_order", "D").upper()[:1]
    if column not in entity.sorts:
        raise BadValueError("sort_column")
    if direction not in {"A", "D"}:
        raise BadValueError("sort_order")
    records = _select(world, entity, given, column)
    start = _start(page, per_page, faults)
    chosen = _slice(records, start, per_page, newest_first=direction == "D")
    rows = spoil(
        [row_bytes(world, entity, record, inline=inline) for record in chosen],
        faults,
        entity.id_key,
    )
    context = {
        "page": page,
        "per_page": per_page,
        "has_more_page": start + per_page < len(records),
        "report_name": entity.report,
        "applied_filter": given.get("filter_by", "Status.All"),
        "sort_column": column,
        "sort_order": direction,
    }
    return b'{"code":0,"message":"success","%b":[%b],"page_context":%b}' % (
        entity.rows.encode(),
        b",".join(rows),
        orjson.dumps(context),
    )


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise BadValueError(name)
    return int(text)


def _start(page: int, per_page: int, faults: Sequence[Fault]) -> int:
    start = (page - 1) * per_page
    if page > 1 and find(faults, "duplicate_page"):
        return start - per_page
    if page > 1 and (shift := find(faults, "shifted_page")):
        return max(start - shift.rows, 0)
    return start


def _slice(records: Sequence[Any], start: int, count: int, *, newest_first: bool) -> list[Any]:
    if not newest_first:
        return list(records[start : start + count])
    end = len(records) - start
    return list(records[max(end - count, 0) : max(end, 0)][::-1])


def _select(world: World, entity: Entity, given: Mapping[str, str], column: str) -> Sequence[Any]:
    table = entity.table(world)
    if column == "last_modified_time":
        records: Sequence[Any] = table.newest()
    else:
        key = entity.sorts[column]
        records = table.view(column, lambda record: (key(world, record), record.id))
    if since := given.get("last_modified_time"):
        records = _modified_since(table, records, since, is_sorted=column == "last_modified_time")
    for name, value in given.items():
        test = _test(world, entity, name, value)
        if test:
            records = [record for record in records if test(record)]
    return records


def _modified_since(
    table: Table[Any], records: Sequence[Any], text: str, *, is_sorted: bool
) -> Sequence[Any]:
    since = parse_zoho_time(text)
    if since is None:
        raise BadValueError("last_modified_time")
    if is_sorted:
        return records[table.position(since) :]
    return [record for record in records if record.modified >= since]


def _test(world: World, entity: Entity, name: str, value: str) -> Callable[[Record], bool] | None:
    """The filter that a parameter means; None for parameters Zoho ignores."""
    if name == f"{entity.singular}_ids":
        ids = value.split(",")
        if len(ids) > PAGE_SIZE:
            raise BadValueError(name)
        wanted = frozenset(ids)
        return lambda record: record.id in wanted
    if name == "status":
        return lambda record: value in entity.status(record)
    if name == "contact_type" and "contact_type" in entity.texts:
        return lambda record: entity.texts[name](world, record) == value
    for suffix, compare in _COMPARE.items():
        base = name.removesuffix(suffix)
        if name.endswith(suffix) and base in entity.texts:
            return _text_test(world, entity.texts[base], compare, value)
    for suffix, compare in _DATES.items():
        if name == f"date{suffix}" and "date" in entity.sorts:
            _check_date(name, value)
            return _text_test(world, entity.sorts["date"], compare, value)
    return None


def _text_test(
    world: World,
    text_of: Callable[[World, Any], str],
    compare: Callable[[str, str], bool],
    value: str,
) -> Callable[[Record], bool]:
    return lambda record: compare(text_of(world, record), value)


def _check_date(name: str, value: str) -> None:
    try:
        datetime.strptime(value, "%Y-%m-%d")  # noqa: DTZ007 - a calendar day has no zone
    except ValueError:
        raise BadValueError(name) from None


def row_bytes(world: World, entity: Entity, record: Record, *, inline: bool) -> bytes:
    """The rendered list row of a record, rendered at most once per change."""
    if record.row is None:
        render = entity.detail if inline else entity.row
        record.row = orjson.dumps(render(world, record))
    return record.row


_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "_startswith": str.startswith,
    "_contains": str.__contains__,
    "_not_in": lambda text, value: text not in value.split(","),
    "_in": lambda text, value: text in value.split(","),
    "": str.__eq__,
}
_DATES: dict[str, Callable[[str, str], bool]] = {
    "_start": lambda day, value: day >= value,
    "_end": lambda day, value: day <= value,
    "_after": lambda day, value: day > value,
    "_before": lambda day, value: day < value,
    "": str.__eq__,
}
