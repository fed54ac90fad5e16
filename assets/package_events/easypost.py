"""raw/easypost_events: the history of parcels that EasyPost pushes, and what each event says."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from assets.package_events.events import Event, Reading, candidate, event_key
from resources.easypost import EASYPOST
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.country import alpha_2
from schemabase_dagster.normalise.fields import Instant, SourceModel, Text
from schemabase_dagster.streams import JsonObject, Stream, WebhookFeed

EVENTS: Final = frozenset({"tracker.created", "tracker.updated"})
"""Other events (batches, payments) reach the same address and are left alone."""

CARRIERS: Final = ("dhl", "dpd", "fedex", "hermes", "ups", "usps")
"""Beginnings of EasyPost's names, such as DHLExpress and UPSDAP, which are our codes."""

STATUSES: Final[Mapping[str, Reading]] = {
    "pre_transit": Reading("information_received"),
    "in_transit": Reading("in_transit"),
    "out_for_delivery": Reading("out_for_delivery"),
    "delivered": Reading("delivered"),
    "available_for_pickup": Reading("available_for_pickup"),
    "error": Reading("exception"),
    "failure": Reading("exception"),
}
"""``status`` of a detail; one that is not here tells no state (unknown, return_to_sender,
cancelled)."""


class _Place(SourceModel):
    city: Text = None
    zip: Text = None
    country: Text = None


class _Detail(SourceModel):
    tracking_code: str = Field(min_length=1)
    carrier: Text = None
    at: Instant
    status: Text = None
    message: Text = None
    tracking_location: _Place | None = None


def carrier_code(name: str) -> str:
    """Return our code of a carrier by EasyPost's name, ``unknown`` when we have none."""
    known = (code for code in CARRIERS if name.lower().startswith(code))
    return next(known, "unknown")


def map_detail(record: SourceRecord) -> Candidate:
    """Map one event of a parcel's history."""
    detail = record.read(_Detail)
    place = detail.tracking_location or _Place()
    return candidate(
        Event(
            carrier_code(detail.carrier or ""),
            detail.tracking_code,
            detail.at,
            detail.status,
            STATUSES.get(detail.status or "", Reading(None)),
            message=detail.message,
            location=" ".join(part for part in (place.zip, place.city) if part) or None,
            country_code=alpha_2(place.country) if place.country else None,
        )
    )


def webhook_details(event_type: str, payload: Any) -> list[JsonObject]:
    """Return the history that an event carries, item by item, each named by what makes it."""
    tracker = payload.get("result") if isinstance(payload, dict) else None
    if event_type not in EVENTS or not isinstance(tracker, dict):
        return []
    details = tracker.get("tracking_details")
    return [
        _record(tracker, detail)
        for detail in (details if isinstance(details, list) else ())
        if isinstance(detail, dict)
    ]


def _record(tracker: JsonObject, detail: JsonObject) -> JsonObject:
    code, by = str(tracker.get("tracking_code") or ""), str(tracker.get("carrier") or "")
    status, at = str(detail.get("status") or ""), str(detail.get("datetime") or "")
    place = detail.get("tracking_location")
    city = str(place.get("city") or "") if isinstance(place, dict) else ""
    facts = {name: value for name, value in detail.items() if name != "datetime"}
    return {
        **facts,
        "id": event_key(by, code, status, at, city),
        "tracking_code": code,
        "carrier": by,
        "at": at,
    }


EASYPOST_EVENTS = Stream(
    name="easypost_events",
    system=EASYPOST,
    group="packages",
    entity="package_event",
    description=(
        "Events of parcels that EasyPost pushes: every push carries the history of its parcel, "
        "which is taken apart, so that a lost push leaves no gap. EasyPost is asked for nothing."
    ),
    source=None,
    id_field="id",
    webhook=WebhookFeed("data", webhook_details),
    deletes="never",
    mapper=map_detail,
)
