"""raw/zoho_packages: packages of Zoho, and what they say about a canonical package."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from resources.zoho import ZOHO, ZohoList
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.carrier import carrier
from schemabase_dagster.normalise.day import instant_of
from schemabase_dagster.normalise.fields import (
    Amount,
    LocalInstant,
    OptionalAmount,
    OptionalDate,
    SourceModel,
    Text,
)
from schemabase_dagster.normalise.lines import numbered
from schemabase_dagster.normalise.text import clean, sku
from schemabase_dagster.normalise.tracking import (
    piece_number,
    piece_of,
    tracking_ids,
    tracking_key,
    tracking_values,
)
from schemabase_dagster.streams import JsonObject, Part, Stream, WebhookFeed

LEFT = frozenset({"shipped", "delivered"})
"""Statuses of packages that have left the house; before it is ``not_shipped``."""


class _Line(SourceModel):
    line_item_id: str
    sku: Text = None
    name: Text = None
    quantity: Amount


class _Shipment(SourceModel):
    delivery_method: Text = None
    carrier: Text = None
    aftership_carrier_code: Text = None
    tracking_number: Text = None
    tracking_link: Text = None
    tracking_url: Text = None
    shipment_date: OptionalDate = None
    delivery_date: OptionalDate = None
    associated_packages_count: OptionalAmount = None


class _Package(SourceModel):
    package_id: str
    package_number: str = Field(min_length=1)
    salesorder_id: Text = None
    salesorder_number: Text = None
    status: Text = None
    created_time: LocalInstant
    shipment_date: OptionalDate = None
    delivery_method: Text = None
    carrier: Text = None
    tracking_number: Text = None
    associated_packages_count: OptionalAmount = None
    line_items: list[_Line]
    piece: int = 1
    # Blank before the package is shipped.
    shipment_order: Annotated[_Shipment, BeforeValidator(lambda value: value or {})] = _Shipment()


def split_pieces(package: JsonObject) -> Iterator[JsonObject]:
    """Return the second and further pieces of a package whose tracking field names several.

    What lies in which piece nobody says: all lines stay with the package, which is the first one.
    """
    shipment = package.get("shipment_order")
    other = shipment.get("tracking_number") if isinstance(shipment, dict) else None
    ids = tracking_ids(clean(package.get("tracking_number")) or clean(other))
    for piece in range(2, len(ids) + 1):
        piece_id = f"{package.get('package_id')}-{piece}"
        yield {**package, "line_items": [], "piece": piece, "piece_id": piece_id}


def map_package(record: SourceRecord) -> Candidate:
    """Map a Zoho package, or a piece of one, with its shipment order (specification 1.12, 2.10)."""
    package = record.read(_Package)
    shipment = package.shipment_order
    ids = tracking_ids(package.tracking_number or shipment.tracking_number)
    number = piece_number(package.package_number.strip(), package.piece)
    keys = [f"#{package.salesorder_id}" if package.salesorder_id else None,
            package.salesorder_number]  # fmt: skip
    return Candidate(
        match_key=number,
        other_key=None if _shares_shipment(package) else tracking_key(piece_of(ids, package.piece)),
        number=package.package_number,
        status=package.status,
        values={
            "package_number": number,
            "active": True,
            "packed_at": package.created_time.astimezone(UTC),
            **_state(package, ids, record.source_updated_at),
            **_tracking(package, ids),
        },
        children={"lines": numbered(_line(line) for line in package.line_items)},
        parents={"order": [key for key in keys if key]},
        attrs={"status": package.status},
    )


def _shares_shipment(package: _Package) -> bool:
    """Tell whether the tracking number belongs to several packages, and thus names none of them."""
    counts = (
        package.associated_packages_count,
        package.shipment_order.associated_packages_count,
    )
    return any(count is not None and count > 1 for count in counts)


def _state(package: _Package, ids: tuple[str, ...], modified: datetime | None) -> dict[str, Any]:
    delivered = package.status == "delivered"
    shipped_on = package.shipment_date or package.shipment_order.shipment_date
    delivered_on = package.shipment_order.delivery_date
    known = (modified or package.created_time).astimezone(package.created_time.tzinfo)
    return {
        "state": "delivered" if delivered else "information_received" if ids else "init",
        "shipped_at": (
            instant_of(shipped_on, package.created_time)
            if package.status in LEFT and shipped_on
            else None
        ),
        "delivered_at": instant_of(delivered_on, known) if delivered and delivered_on else None,
    }


def _tracking(package: _Package, ids: tuple[str, ...]) -> dict[str, Any]:
    """Return what is known of the shipment; an absent column may be told by another system."""
    shipment = package.shipment_order
    names = (
        package.delivery_method,
        shipment.delivery_method,
        shipment.aftership_carrier_code,
        package.carrier,
        shipment.carrier,
    )
    known = next((code for name in names if (code := carrier(name)) != "unknown"), None)
    url = shipment.tracking_link or shipment.tracking_url
    values: dict[str, Any] = {"carrier": known, "carrier_tracking_url": url}
    return {k: v for k, v in values.items() if v is not None} | tracking_values(ids, package.piece)


def _line(line: _Line) -> dict[str, Any]:
    return {
        "source_id": line.line_item_id,
        "sku": sku(line.sku),
        "description": line.name,
        "quantity": line.quantity,
    }


def webhook_packages(_event_type: str, payload: Any) -> list[dict[str, Any]]:
    """Return the package of a webhook's default payload, which is the whole detail (1.13)."""
    package = payload.get("package") if isinstance(payload, dict) else None
    whole = isinstance(package, dict) and package.keys() >= {"line_items", "last_modified_time"}
    return [package] if isinstance(package, dict) and whole else []


ZOHO_PACKAGES = Stream(
    name="zoho_packages",
    system=ZOHO,
    group="packages",
    entity="package",
    description=(
        "Packages of Zoho Inventory in full detail, with lines and shipment order. Zoho cannot "
        "filter them by time: they are listed newest first up to the first known one, and the "
        "detail is fetched only for packages that changed. A webhook with the default payload "
        "carries the whole package."
    ),
    source=ZohoList(
        path="packages",
        list_key="packages",
        detail_key="package",
        modified_filter=False,
    ),
    id_field="package_id",
    modified_field="last_modified_time",
    order="descending",
    detail=True,
    webhook=WebhookFeed("data", webhook_packages),
    overlap=timedelta(minutes=2),
    mapper=map_package,
)

ZOHO_PACKAGE_PIECES = Stream(
    name="zoho_package_pieces",
    system=ZOHO,
    group="packages",
    entity="package",
    description=(
        "Second and further pieces of Zoho packages whose tracking field names several parcels "
        "(`A+B`). Each is a package of its own, so that each is followed; the lines stay with the "
        "first one."
    ),
    source=None,
    id_field="piece_id",
    id_prefix="piece-",
    modified_field="last_modified_time",
    mapper=map_package,
    part=Part("zoho_packages", split_pieces, "package_id", is_whole=True),
)
