"""raw/saleor_fulfillments: fulfilments inside Saleor orders, and what they say about a package."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from resources.saleor import SALEOR
from resources.saleor.fulfillments import Article, fulfillments
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.carrier import carrier
from schemabase_dagster.normalise.fields import Amount, Instant, SourceModel, Text
from schemabase_dagster.normalise.lines import numbered
from schemabase_dagster.normalise.text import clean
from schemabase_dagster.normalise.tracking import (
    piece_number,
    piece_of,
    tracking_ids,
    tracking_key,
    tracking_values,
)
from schemabase_dagster.streams import JsonObject, Part, Stream

PACKAGES = frozenset({"FULFILLED", "CANCELED"})
"""Statuses of fulfilments that are packages. One that waits for approval becomes one when it is
approved; returned, refunded and replaced ones hold what came back (refunds-and-returns 2.4)."""

ORDER_KEYS = ("id", "number", "externalReference", "shippingMethodName")


def split_fulfillments(order: JsonObject) -> Iterator[JsonObject]:
    """Return the packages of an order, each with what only the order knows of it.

    ``sharesTracking`` tells that its tracking number is that of other fulfilments of the order,
    too: Saleor makes one per warehouse and gives all of them one number.
    """
    found = fulfillments(order, PACKAGES)
    numbers = Counter(str(each.get("trackingNumber")) for each in found)
    known = {key: order.get(key) for key in ORDER_KEYS}
    for each in found:
        shares = numbers[str(each.get("trackingNumber"))] > 1
        yield {**each, "order": known, "sharesTracking": shares}


def split_pieces(order: JsonObject) -> Iterator[JsonObject]:
    """Return the second and further pieces of fulfilments whose tracking field names several."""
    for each in split_fulfillments(order):
        ids = _tracking_ids(clean(each.get("trackingNumber")))
        for piece in range(2, len(ids) + 1):
            yield {**each, "lines": [], "piece": piece, "pieceId": f"{each.get('id')}-{piece}"}


def _tracking_ids(text: str | None) -> tuple[str, ...]:
    # The dashboard shows a tracking number that is an address as a link (specification 8.3).
    return () if _is_link(text) else tracking_ids(text)


def _is_link(text: str | None) -> bool:
    return (text or "").startswith("http")


class _Line(SourceModel):
    id: str
    quantity: Amount
    orderLine: Article | None = None


class _Order(SourceModel):
    id: str
    number: str
    externalReference: Text = None
    shippingMethodName: Text = None


class _Fulfillment(SourceModel):
    id: str
    fulfillmentOrder: int
    status: str
    trackingNumber: Text = None
    created: Instant
    lines: list[_Line]
    order: _Order
    sharesTracking: bool = False
    piece: int = 1


def map_fulfillment(record: SourceRecord) -> Candidate:
    """Map a fulfilment, or a piece of one; its number is the order's and its place there."""
    parcel = record.read(_Fulfillment)
    order = parcel.order
    order_number = order.externalReference or f"{record.config.order_prefix}-{order.number}"
    number = piece_number(f"{order_number}-F{parcel.fulfillmentOrder}", parcel.piece)
    is_link, ids = _is_link(parcel.trackingNumber), _tracking_ids(parcel.trackingNumber)
    code = carrier(order.shippingMethodName)
    return Candidate(
        match_key=number,
        other_key=None if parcel.sharesTracking else tracking_key(piece_of(ids, parcel.piece)),
        number=f"{order.number}-{parcel.fulfillmentOrder}",
        status=parcel.status,
        values={
            "package_number": number,
            "active": parcel.status != "CANCELED",
            "packed_at": parcel.created,
            "state": "information_received" if ids else "init",
            "shipped_at": parcel.created,
            **({"carrier": code} if code != "unknown" else {}),
            **({"carrier_tracking_url": parcel.trackingNumber} if is_link else {}),
            **tracking_values(ids, parcel.piece),
        },
        children={"lines": numbered(_line(line) for line in parcel.lines)},
        parents={"order": [f"#{order.id}"]},
        attrs={"status": parcel.status},
    )


def _line(line: _Line) -> dict[str, Any]:
    article = line.orderLine or Article()
    return {
        "source_id": line.id,
        "sku": article.best_sku,
        "description": article.description,
        "quantity": line.quantity,
    }


SALEOR_FULFILLMENTS = Stream(
    name="saleor_fulfillments",
    system=SALEOR,
    group="packages",
    entity="package",
    description=(
        "Fulfilments of a Saleor shop: shipped and canceled ones, with the articles of their "
        "lines. They lie inside the orders and land with them. One that a return emptied is "
        "gone in the shop and kept here: its parcel was sent."
    ),
    source=None,
    id_field="id",
    mapper=map_fulfillment,
    part=Part("saleor_orders", split_fulfillments, "order.id"),
)

SALEOR_FULFILLMENT_PIECES = Stream(
    name="saleor_fulfillment_pieces",
    system=SALEOR,
    group="packages",
    entity="package",
    description=(
        "Second and further pieces of fulfilments whose tracking field names several parcels "
        "(`A+B`). Each is a package of its own, so that each is followed; the lines stay with the "
        "first one."
    ),
    source=None,
    id_field="pieceId",
    id_prefix="piece-",
    mapper=map_fulfillment,
    part=Part("saleor_orders", split_pieces, "order.id", is_whole=True),
)
