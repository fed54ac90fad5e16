"""raw/dhl_tracking and raw/dhl_events: parcels as DHL tells of them, and what each event says."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from assets.package_events.events import PARCELS, Event, Reading, candidate, event_key
from assets.package_events.states import State
from resources.dhl import DHL
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.country import alpha_2
from schemabase_dagster.normalise.fields import SourceModel, Text
from schemabase_dagster.normalise.text import clean
from schemabase_dagster.streams import JsonObject, Part, Stream

ZONES: Final[Mapping[str, str]] = {
    "parcel-de": "Europe/Berlin",
    "post-de": "Europe/Berlin",
    "parcel-nl": "Europe/Amsterdam",
    "parcel-pl": "Europe/Warsaw",
    "parcel-uk": "Europe/London",
}
"""Service -> zone of times without one; all other services: UTC (carriers 2.4)."""

COARSE: Final[Mapping[str, State | None]] = {
    "pre-transit": "information_received",
    "transit": "in_transit",
    "delivered": "delivered",
    "failure": "exception",
    "unknown": None,
}
"""``statusCode``, the one code that all divisions share."""

SAME = Reading(None)
ON_THE_WAY, LATE = Reading("in_transit"), Reading("in_transit", is_delayed=True)
_KNOWN, _OUT = Reading("information_received"), Reading("out_for_delivery")
_FAILED, _WAITS = Reading("failed_attempt"), Reading("available_for_pickup")
_ARRIVED, _WRONG = Reading("delivered"), Reading("exception")

PARCEL_DE: Final[Mapping[str, Reading]] = {
    **dict.fromkeys(("VA", "AN"), _KNOWN),
    **dict.fromkeys(("AE", "ES", "NB", "AA", "EE", "ZO", "LA"), ON_THE_WAY),
    "PO": _OUT,
    "ZN": _FAILED,
    "ZF": _WAITS,
    "ZU": _ARRIVED,
    "BV": LATE,
    **dict.fromkeys(("DD", "GT"), SAME),
}
"""``status`` of German parcels (carriers 2.6)."""

EXPRESS: Final[Mapping[str, Reading]] = {
    "SD": _KNOWN,
    **dict.fromkeys(
        [
            "PU",
            "SA",
            "PL",
            "DF",
            "AF",
            "AR",
            "TR",
            "SM",
            "FD",
            "AD",
            "SC",
            "IC",
            "RR",
            "CR",
            "BR",
            "BN",
            "PY",
            "MC",
        ],
        ON_THE_WAY,
    ),
    **dict.fromkeys(("CD", "UD", "HP", "OH", "MS", "MD"), LATE),
    "WC": _OUT,
    **dict.fromkeys(("NH", "CA", "ND", "BA", "CM"), _FAILED),
    "CC": _WAITS,
    "OK": _ARRIVED,
    **dict.fromkeys(("RD", "RT", "DD", "PD", "DS", "SS", "TP", "CS"), _WRONG),
    "104": _KNOWN,
    "102": ON_THE_WAY,
    "101": _ARRIVED,
    "103": _WRONG,
}
"""``status`` of Express shipments; DD means another thing than at German parcels."""

_COLLECTED: Final = ("HLDCC", "CNRFC")
_HELD_BY_CUSTOMS: Final = "HLDCU"


def read_codes(
    service: str, coarse: str, code: str, *, detail: str = "", is_return: bool = False
) -> Reading:
    """Return what the codes of an event say; never by its description, which is prose.

    Args:
        service: division of DHL.
        coarse: ``statusCode``.
        code: ``status``, the division's own code.
        detail: ``statusDetailed``, ICE event and reason where a division gives them.
        is_return: the parcel goes or went back to its sender.
    """
    table = EXPRESS if service == "express" else PARCEL_DE if service in _GERMAN else {}
    reading = table.get(code)
    if reading is None:
        reading = Reading(COARSE.get(coarse))
    elif service in _GERMAN:
        reading = _in_context(reading, coarse, code, detail)
    if is_return and reading.state in {"delivered", "failed_attempt"}:
        return _WRONG
    return reading


_GERMAN: Final = frozenset({"parcel-de", "post-de"})


def _in_context(reading: Reading, coarse: str, code: str, detail: str) -> Reading:
    """Return what a German parcel's code says together with the rest of its event."""
    if code == "PO" and coarse != "transit":
        return Reading(COARSE.get(coarse))
    if code == "BV" and coarse == "failure":
        return _WRONG
    if code == "LA" and any(name in detail for name in _COLLECTED):
        return _WAITS
    if code == "ZO" and _HELD_BY_CUSTOMS in detail:
        return LATE
    return reading


def read_time(text: str, service: str) -> datetime:
    """Return an instant from any of the forms that DHL's divisions write.

    Raises:
        ValueError: it is no time.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(ZONES.get(service, "UTC")))
    return at.astimezone(UTC)


def split_events(record: JsonObject) -> Iterator[JsonObject]:
    """Return the events of the parcel that was asked for, each with what only its parcel knows.

    The first shipment of an answer is the one that DHL takes the number for. What is told twice
    is one event.
    """
    shipments = record.get("shipments")
    shipment = shipments[0] if isinstance(shipments, list) and shipments else None
    if not isinstance(shipment, dict):
        return
    told = shipment.get("events")
    events = told if isinstance(told, list) and told else [shipment.get("status")]
    number, service = str(record.get("trackingNumber")), str(shipment.get("service") or "")
    seen: set[str] = set()
    for event in events:
        if not isinstance(event, dict):
            continue
        key = _key(event, number, service)
        if key not in seen:
            seen.add(key)
            yield {
                **event,
                "id": key,
                "trackingNumber": number,
                "service": service,
                "returnFlag": shipment.get("returnFlag") is True,
            }


def _key(event: JsonObject, number: str, service: str) -> str:
    text = str(event.get("timestamp"))
    at: datetime | str
    try:
        at = read_time(text, service)
    except ValueError:
        at = text  # the mapper rejects it
    return event_key("dhl", number, _status(event), at, _place(event)[0])


def _status(event: JsonObject) -> str | None:
    return clean(event.get("status")) or clean(event.get("statusCode"))


def _place(event: JsonObject) -> tuple[str | None, str | None]:
    """Return place and country of an event."""
    location: Any = event.get("location")
    address: Any = location.get("address") if isinstance(location, dict) else None
    if not isinstance(address, dict):
        return None, None
    return clean(address.get("addressLocality")), alpha_2(clean(address.get("countryCode")))


class _Event(SourceModel):
    trackingNumber: str
    service: str
    timestamp: str
    statusCode: Text = None
    status: Text = None
    statusDetailed: Text = None
    description: Text = None
    returnFlag: bool = False


def map_event(record: SourceRecord) -> Candidate:
    """Map an event of a parcel (carriers 2.4 and 2.6)."""
    event = record.read(_Event)
    try:
        at = read_time(event.timestamp, event.service)
    except ValueError:
        raise RecordRejected("type", "timestamp", "The time of the event is no time.") from None
    location, country = _place(record.payload)
    reading = read_codes(
        event.service,
        event.statusCode or "",
        event.status or "",
        detail=event.statusDetailed or "",
        is_return=event.returnFlag,
    )
    return candidate(
        Event(
            "dhl",
            event.trackingNumber,
            at,
            event.status or event.statusCode,
            reading,
            message=event.description,
            location=location,
            country_code=country,
        )
    )


DHL_TRACKING = Stream(
    name="dhl_tracking",
    system=DHL,
    group="packages",
    description=(
        "Parcels as DHL tells of them, with all their events. DHL lists nothing: it is asked for "
        "the parcels of `core.packages` that are under way, the most stale first, within the "
        "day's quota. Names of people are left out."
    ),
    source="shipments",
    id_field="trackingNumber",
    deletes="never",
    asked=PARCELS,
)

DHL_EVENTS = Stream(
    name="dhl_events",
    system=DHL,
    group="packages",
    entity="package_event",
    description=(
        "Events of parcels inside the answers of DHL. One that DHL shows no more stays: it "
        "happened."
    ),
    source=None,
    id_field="id",
    mapper=map_event,
    part=Part("dhl_tracking", split_events, "trackingNumber"),
)
