"""Zoho listings: filters, sorting and pages over the records of one organisation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from sandbox.faults import Fault, find, spoil
from sandbox.money import total_up
from sandbox.store import Contact, Invoice, Record, Table, ZohoOrder
from sandbox.times import parse_zoho_time, zoho_date
from sandbox.world import World
from sandbox.zoho import documents

PAGE_SIZE = 200

Render = Callable[[World, Any], dict[str, Any]]


class BadValueError(Exception):
    """A parameter has a value Zoho answers with code 2."""

    def __init__(self, parameter: str) -> None:
        super().__init__(f"Invalid value passed for {parameter}")


@dataclass(frozen=True, slots=True)
class Entity:
    """How one kind of record is listed and rendered."""

    plural: str
    singular: str
    id_key: str
    missing: str
    report: str
    default_sort: str
    sorts: Mapping[str, Callable[[World, Any], Any]]
    texts: Mapping[str, Callable[[World, Any], str]]
    row: Render
    detail: Render
    table: Callable[[World], Table[Any]]
    status: Callable[[Any], frozenset[str]]


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
    given = {key: value for key, value in query.items() if value}
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
        [_row_bytes(world, entity, record, inline=inline) for record in chosen],
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
        entity.plural.encode(),
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


def _row_bytes(world: World, entity: Entity, record: Record, *, inline: bool) -> bytes:
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


def _order_statuses(order: ZohoOrder) -> frozenset[str]:
    main = documents.STATUSES[order.stage][0]
    status = documents.STATUSES[order.stage][4]
    return frozenset({main, status, "open" if main == "confirmed" else main})


def _order_day(world: World, order: ZohoOrder) -> str:
    return zoho_date(order.sale.created, world.merchant.timezone)


def _order_customer(world: World, order: ZohoOrder) -> str:
    return world.customer(order.sale.customer).display_name


ORDERS = Entity(
    plural="salesorders",
    singular="salesorder",
    id_key="salesorder_id",
    missing="Sales Order does not exist.",
    report="Sales Orders",
    default_sort="created_time",
    sorts={
        "last_modified_time": lambda _world, order: order.modified,
        "created_time": lambda _world, order: order.created,
        "date": _order_day,
        "salesorder_number": lambda _world, order: order.number,
        "reference_number": lambda _world, order: order.reference,
        "customer_name": _order_customer,
        "total": lambda world, order: total_up(world.content(order)).total,
        "shipment_date": lambda _world, order: order.modified,
    },
    texts={
        "salesorder_number": lambda _world, order: order.number,
        "reference_number": lambda _world, order: order.reference,
        "customer_name": _order_customer,
        "customer_id": lambda world, order: world.merchant.zoho_id(1, order.sale.customer * 10),
    },
    row=documents.order_row,
    detail=documents.order_detail,
    table=lambda world: world.zoho_orders,
    status=_order_statuses,
)


def _invoice_day(world: World, invoice: Invoice) -> str:
    return zoho_date(invoice.created, world.merchant.timezone)


INVOICES = Entity(
    plural="invoices",
    singular="invoice",
    id_key="invoice_id",
    missing="Invoice does not exist.",
    report="Invoices",
    default_sort="created_time",
    sorts={
        "last_modified_time": lambda _world, invoice: invoice.modified,
        "created_time": lambda _world, invoice: invoice.created,
        "date": _invoice_day,
        "due_date": _invoice_day,
        "invoice_number": lambda _world, invoice: invoice.number,
        "customer_name": lambda world, invoice: _order_customer(world, invoice.order),
        "total": lambda world, invoice: total_up(world.content(invoice)).total,
        "balance": lambda _world, invoice: invoice.status != "paid",
    },
    texts={
        "invoice_number": lambda _world, invoice: invoice.number,
        "reference_number": lambda _world, invoice: invoice.reference,
        "customer_name": lambda world, invoice: _order_customer(world, invoice.order),
    },
    row=documents.invoice_row,
    detail=documents.invoice_detail,
    table=lambda world: world.invoices,
    status=lambda invoice: frozenset({invoice.status}),
)


def _contact_text(name: str) -> Callable[[World, Contact], str]:
    return lambda world, contact: str(documents.contact_row(world, contact)[name])


CONTACTS = Entity(
    plural="contacts",
    singular="contact",
    id_key="contact_id",
    missing="Contact does not exist.",
    report="Contacts",
    default_sort="contact_name",
    sorts={
        "last_modified_time": lambda _world, contact: contact.modified,
        "created_time": lambda _world, contact: contact.created,
        **{
            name: _contact_text(name)
            for name in ("contact_name", "first_name", "last_name", "email")
        },
    },
    texts={
        name: _contact_text(name)
        for name in (
            "contact_type", "contact_name", "company_name", "first_name", "last_name", "email",
            "phone",
        )
    },
    row=documents.contact_row,
    detail=documents.contact_detail,
    table=lambda world: world.contacts,
    status=lambda _contact: frozenset({"active"}),
)  # fmt: skip

ENTITIES = {entity.plural: entity for entity in (ORDERS, INVOICES, CONTACTS)}
