"""Saleor's ``orders`` connection: sorting, keyset cursors, filters and page limits."""

import base64
import binascii
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.faults import Fault, find, spoil
from sandbox.saleor.documents import STATUSES, order_key, order_node
from sandbox.store import ShopOrder
from sandbox.times import parse_saleor_time, saleor_time
from sandbox.world import World

MAX_FIRST = 100
_SORT = re.compile(r"sortBy:\s*\{([^}]*)\}")


class FieldError(Exception):
    """An error of one field: HTTP 200, the field null, code ``GraphQLError``."""


class VariableError(Exception):
    """A variable of a wrong type: HTTP 400, no data."""


@dataclass(frozen=True, slots=True)
class Sort:
    """One order of the connection: its key, the cursor that names a key, and its direction."""

    name: str
    is_descending: bool
    key: Callable[[ShopOrder], tuple[Any, ...]]
    cursor: Callable[[ShopOrder], list[str]]
    parse: Callable[[list[str]], tuple[Any, ...]]


def connection(
    world: World, query: str, variables: Mapping[str, Any], faults: Sequence[Fault] = ()
) -> bytes:
    """The ``orders`` connection as rendered JSON.

    Raises:
        FieldError: page size or cursor is refused.
        VariableError: a variable has a wrong type.
    """
    first, after = _first(variables), variables.get("after") or ""
    sort = _sort(query)
    records = _filtered(world, variables, sort)
    start = _start(records, after, sort)
    if find(faults, "duplicate_page") and after:
        start = max(start - first, 0)
    if (shift := find(faults, "shifted_page")) and after:
        start = max(start - shift.rows, 0)
    chosen = records[start : start + first]
    has_next = start + first < len(records)
    rows = spoil([node_bytes(world, order) for order in chosen], faults, "id")
    cursors = [_encode(sort.cursor(order)) for order in chosen]
    edges = b",".join(
        b'{"cursor":"%b","node":%b}' % (cursor.encode(), row)
        for cursor, row in zip(cursors, rows, strict=True)
    )
    page_info = {
        "hasNextPage": has_next,
        "hasPreviousPage": bool(after),
        "startCursor": cursors[0] if cursors else None,
        "endCursor": cursors[-1] if cursors else None,
    }
    total = b'"totalCount":%d,' % len(records) if "totalCount" in query else b""
    return b'{%b"pageInfo":%b,"edges":[%b]}' % (total, orjson.dumps(page_info), edges)


def single(world: World, variables: Mapping[str, Any], faults: Sequence[Fault] = ()) -> bytes:
    """The ``order(id:)`` field as rendered JSON; null for ids of other types or of no row.

    Raises:
        FieldError: the id is no id.
        VariableError: the id is missing.
    """
    gid = variables.get("id")
    if not isinstance(gid, str):
        raise VariableError('Variable "$id" of required type "ID!" was not provided.')
    key = order_key(gid)
    if key is None:
        raise FieldError(f"Invalid ID: {gid}. Expected: Order.")
    order = world.shop_orders.by_id.get(key)
    if order is None:
        return b"null"
    return spoil([node_bytes(world, order)], faults, "id")[0]


def whole_list(nodes: Sequence[Mapping[str, Any]], faults: Sequence[Fault] = ()) -> bytes:
    """A field that is a plain list, as rendered JSON."""
    return b"[%b]" % b",".join(spoil([orjson.dumps(node) for node in nodes], faults, "id"))


def node_page(
    nodes: Sequence[Mapping[str, Any]],
    query: str,
    variables: Mapping[str, Any],
    faults: Sequence[Fault] = (),
) -> bytes:
    """A connection over master data as rendered JSON; ids and a time of change may select.

    Raises:
        FieldError: page size or cursor is refused.
        VariableError: a variable has a wrong type.
    """
    first, after = _first(variables), variables.get("after") or ""
    since, ids = _since(variables), variables.get("ids")
    if ids is not None:
        nodes = [node for node in nodes if node["id"] in ids]
    if since is not None:
        nodes = [n for n in nodes if (parse_saleor_time(n["updatedAt"]) or 0) >= since]
    start = _place(after) if after else 0
    if find(faults, "duplicate_page") and after:
        start = max(start - first, 0)
    chosen = nodes[start : start + first]
    rows = spoil([orjson.dumps(node) for node in chosen], faults, "id")
    info = {
        "hasNextPage": start + first < len(nodes),
        "endCursor": _encode([str(start + len(chosen))]) if chosen else None,
    }
    total = b'"totalCount":%d,' % len(nodes) if "totalCount" in query else b""
    edges = b",".join(b'{"node":%b}' % row for row in rows)
    return b'{%b"pageInfo":%b,"edges":[%b]}' % (total, orjson.dumps(info), edges)


def _place(after: str) -> int:
    try:
        (place,) = orjson.loads(base64.b64decode(after, validate=True))
        return int(place)
    except (binascii.Error, ValueError, TypeError):
        raise FieldError("Received cursor is invalid.") from None


def _first(variables: Mapping[str, Any]) -> int:
    first = variables.get("first")
    if first is None:
        raise VariableError('Variable "$first" of required type "Int!" was not provided.')
    try:
        # graphql-core 2 coerces "10" without complaint (saleor-live.md 3.2).
        count = int(first)
    except (TypeError, ValueError):
        raise VariableError('Variable "$first" got invalid value; Expected type Int.') from None
    if count > MAX_FIRST:
        raise FieldError(
            f"Requesting {count} records on the `orders` connection exceeds the `first` limit"
            f" of {MAX_FIRST} records."
        )
    return count


def _sort(query: str) -> Sort:
    found = _SORT.search(query)
    arguments = found.group(1) if found else ""
    if "LAST_MODIFIED_AT" in arguments:
        return LAST_MODIFIED_DOWN if "DESC" in arguments else LAST_MODIFIED
    return NUMBER_DOWN


def _filtered(world: World, variables: Mapping[str, Any], sort: Sort) -> Sequence[ShopOrder]:
    table = world.shop_orders
    ids = variables.get("ids")
    if ids is not None:
        wanted = {order_key(gid) for gid in ids}
        found = [table.by_id[key] for key in wanted if key in table.by_id]
        records: Sequence[ShopOrder] = sorted(found, key=sort.key)
    else:
        records = table.view(sort.name, sort.key)
    since = _since(variables)
    if since is not None and sort.name == LAST_MODIFIED.name:
        position = bisect_left(records, since, key=lambda order: order.modified)
        records = records[position:]
    elif since is not None:
        records = [order for order in records if order.modified >= since]
    return records[::-1] if sort.is_descending else records


def _since(variables: Mapping[str, Any]) -> int | None:
    text = variables.get("from")
    if text is None:
        return None
    since = parse_saleor_time(text) if isinstance(text, str) else None
    if since is None:
        raise VariableError('Variable "$from" got invalid value; Expected type "DateTime".')
    return since


def _start(records: Sequence[ShopOrder], after: str, sort: Sort) -> int:
    if not after:
        return 0
    try:
        values = orjson.loads(base64.b64decode(after, validate=True))
        key = sort.parse(values)
    except (binascii.Error, ValueError, TypeError, IndexError):
        raise FieldError("Received cursor is invalid.") from None
    if sort.is_descending:
        return len(records) - bisect_left(records[::-1], key, key=sort.key)
    return bisect_right(records, key, key=sort.key)


def _encode(values: list[str]) -> str:
    text = "[" + ", ".join(f'"{value}"' for value in values) + "]"
    return base64.b64encode(text.encode()).decode()


def node_bytes(world: World, order: ShopOrder) -> bytes:
    """The rendered order, rendered at most once per change."""
    if order.row is None:
        order.row = orjson.dumps(order_node(world, order))
    return order.row


def _parse_modified(values: list[str]) -> tuple[int, str, int]:
    if len(values) != 3:
        raise ValueError("this cursor belongs to another sort")
    at = parse_saleor_time(values[0])
    if at is None:
        raise ValueError("no time in the cursor")
    return at, values[1], int(values[2])


def _parse_number(values: list[str]) -> tuple[int, str]:
    if len(values) != 2:
        raise ValueError("this cursor belongs to another sort")
    return int(values[0]), values[1]


def _modified_cursor(order: ShopOrder) -> list[str]:
    status = STATUSES[order.stage].lower()
    return [saleor_time(order.modified).replace("T", " "), status, order.number]


def _modified_sort_key(order: ShopOrder) -> tuple[int, str, int]:
    return order.modified, STATUSES[order.stage].lower(), order.number_key


LAST_MODIFIED = Sort(
    "last_modified_at", False, _modified_sort_key, _modified_cursor, _parse_modified
)
LAST_MODIFIED_DOWN = Sort(
    "last_modified_at", True, _modified_sort_key, _modified_cursor, _parse_modified
)
NUMBER_DOWN = Sort(
    "number",
    True,
    lambda order: (order.number_key, order.id),
    lambda order: [order.number, order.id],
    _parse_number,
)
