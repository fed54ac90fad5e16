"""raw/zoho_sales_returns: sales returns of Zoho, and what they say about a canonical return."""

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from resources.zoho import ZOHO, ZohoList
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.fields import (
    Amount,
    OptionalAmount,
    OptionalDate,
    SourceModel,
    Text,
)
from schemabase_dagster.normalise.goods import goods_key
from schemabase_dagster.normalise.lines import numbered
from schemabase_dagster.normalise.text import sku
from schemabase_dagster.streams import JsonObject, Stream, Watch

STATUS: Final = {
    "draft": "requested",
    "pending_approval": "requested",
    "approved": "approved",
    "declined": "declined",
    "rejected": "declined",
    "closed": "closed",
    "void": "canceled",
}
"""Known texts of ``salesreturn_status``; a closed one stays closed whatever was received."""

RECEIVED: Final = {"partially_received": "partially_received", "received": "received"}
REFUNDED: Final = {"partially_refunded": "partially_refunded", "refunded": "refunded"}


def _none_as_empty(value: Any) -> Any:
    return value or ()


class _Line(SourceModel):
    line_item_id: str
    item_id: Text = None
    sku: Text = None
    name: Text = None
    quantity: Amount
    non_receive_quantity: OptionalAmount = None


class _ReceivedLine(SourceModel):
    line_item_id: Text = None
    item_id: Text = None
    quantity: Amount


class _Receive(SourceModel):
    receive_id: str
    receive_number: str = Field(min_length=1)
    date: dt.date
    notes: Text = None
    line_items: list[_ReceivedLine]


class _Stub(SourceModel):
    creditnote_id: str
    creditnote_number: Text = None


class _Return(SourceModel):
    salesreturn_id: str
    salesreturn_number: str = Field(min_length=1)
    date: OptionalDate = None
    reason: Text = None
    salesorder_id: Text = None
    salesorder_number: Text = None
    salesreturn_status: Text = None
    receive_status: Text = None
    refund_status: Text = None
    line_items: list[_Line]
    salesreturnreceives: Annotated[tuple[_Receive, ...], BeforeValidator(_none_as_empty)] = ()
    creditnotes: Annotated[tuple[_Stub, ...], BeforeValidator(_none_as_empty)] = ()


def map_return(record: SourceRecord) -> Candidate:
    """Map a sales return with its receives (refunds-and-returns 1.5 and 4.3)."""
    found = record.read(_Return)
    number = found.salesreturn_number.strip()
    lines = numbered(_line(line) for line in found.line_items)
    orders = [f"#{found.salesorder_id}" if found.salesorder_id else None, found.salesorder_number]
    notes = [
        key
        for note in found.creditnotes
        for key in (f"#{note.creditnote_id}", note.creditnote_number)
    ]
    parents = {
        "order": [key for key in orders if key],
        "credit_note": [key for key in notes if key],
    }
    return Candidate(
        match_key=number,
        other_key=goods_key(
            found.salesorder_number,
            ((line["sku"], line["quantity"] + line["quantity_credit_only"]) for line in lines),
        ),
        number=found.salesreturn_number,
        status=found.salesreturn_status,
        values={
            "return_number": number,
            "requested_on": found.date,
            "status": _status(found),
            "refund_status": REFUNDED.get(found.refund_status or "", "none"),
            "reason": found.reason,
        },
        children={
            "lines": lines,
            "receipts": [_receipt(each) for each in found.salesreturnreceives],
            "receipt_lines": list(_receipt_lines(found, lines)),
        },
        parents={entity: keys for entity, keys in parents.items() if keys},
        attrs={"receive_status": found.receive_status, "refund_status": found.refund_status},
    )


def _status(found: _Return) -> str:
    """Tell how far a return is; goods that came count more than an approval."""
    status = STATUS.get(found.salesreturn_status or "", "requested")
    if status in {"requested", "approved"}:
        return RECEIVED.get(found.receive_status or "", status)
    return status


def _line(line: _Line) -> dict[str, Any]:
    return {
        "source_id": line.line_item_id,
        "action": "return",
        "sku": sku(line.sku),
        "description": line.name,
        "quantity": line.quantity,
        "quantity_credit_only": line.non_receive_quantity or 0,
    }


def _receipt(receive: _Receive) -> dict[str, Any]:
    return {
        "source_id": receive.receive_id,
        "receipt_number": receive.receive_number.strip(),
        "received_on": receive.date,
        "note": receive.notes,
    }


def _receipt_lines(found: _Return, lines: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Return what was received by line of the return.

    A receive may name the return's line or have ids of its own: then the article tells (1.5). Two
    rows of one receive about one line are one.
    """
    by_id = {line["source_id"]: line for line in lines}
    by_item = {line.item_id: by_id[line.line_item_id] for line in reversed(found.line_items)}
    quantities: dict[tuple[Any, ...], Any] = {}
    for receive in found.salesreturnreceives:
        for each in receive.line_items:
            line = by_id.get(each.line_item_id or "") or by_item.get(each.item_id)
            if line is None:
                raise RecordRejected(
                    "unknown_line", "salesreturnreceives", "A receive names no line of the return."
                )
            key = (receive.receive_number.strip(), line["sku"], line["sku_occurrence"])
            quantities[key] = quantities.get(key, 0) + each.quantity
    for (number, article, occurrence), quantity in quantities.items():
        yield {
            "receipt_number": number,
            "action": "return",
            "sku": article,
            "sku_occurrence": occurrence,
            "quantity": quantity,
        }


def is_open(row: JsonObject) -> bool:
    """Tell whether a list row may still change without showing it."""
    return row.get("salesreturn_status") != "closed"


ZOHO_SALES_RETURNS = Stream(
    name="zoho_sales_returns",
    system=ZOHO,
    group="returns",
    entity="return",
    description=(
        "Sales returns (RMA) of Zoho Inventory in full detail, with lines, receives and the "
        "credit notes given for them. Zoho knows no modified time of them: every pull lists all, "
        "and fetches those whose statuses changed or that are not closed."
    ),
    source=ZohoList(
        path="salesreturns",
        list_key="salesreturns",
        detail_key="salesreturn",
        sort_column=None,
        modified_filter=False,
    ),
    id_field="salesreturn_id",
    detail=True,
    watch=Watch(
        ("salesreturn_status", "receive_status", "refund_status", "date", "salesorder_id"), is_open
    ),
    mapper=map_return,
)
