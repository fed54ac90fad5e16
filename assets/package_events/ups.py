"""raw/ups_tracking and raw/ups_events: parcels as UPS tells of them, and what each event says."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.core import get_global
from pydantic import Field

from assets.package_events.events import PARCELS, Event, Reading, candidate, event_key
from resources.ups import UPS
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.country import alpha_2
from schemabase_dagster.normalise.fields import SourceModel, Text
from schemabase_dagster.streams import JsonObject, Part, Stream

_KNOWN, _ON_THE_WAY = Reading("information_received"), Reading("in_transit")
_LATE, _OUT = Reading("in_transit", is_delayed=True), Reading("out_for_delivery")
_FAILED, _WAITS = Reading("failed_attempt"), Reading("available_for_pickup")
_ARRIVED, _WRONG, _PENDING = Reading("delivered"), Reading("exception"), Reading("pending")
_SAME = Reading(None)


def _codes(text: str) -> Iterator[str]:
    """Return three-digit codes of a list with ranges: ``018 095-122``."""
    for word in text.split():
        first, _, last = word.partition("-")
        yield from (f"{number:03}" for number in range(int(first), int(last or first) + 1))


_MOVING: Final = (
    "005 010 012 014 016 019 020 025 027 028 038 039 041 042 047 057 063 070 071 073-075 084 087 "
    "092-094 134 136-138 158-160 164 165 167-169"
)

STATUS_CODES: Final[Mapping[str, Reading]] = {
    code: reading
    for reading, codes in (
        (_PENDING, "000 148 163"),
        (_KNOWN, "003 044 045 065 077 079 080 131 135 157 166"),
        (_ON_THE_WAY, _MOVING),
        (_LATE, "032 046 048-053 055 058 083 085 086 090 123-126 132 139"),
        (_OUT, "006 021 037 072 078 089 091 146 162"),
        (_FAILED, "022-024 060-062 066 145"),
        (_WAITS, "017 040 144 161"),
        (_ARRIVED, "011 026 143 156"),
        (_WRONG, "007 013 029 030 033-036 043 059 064 067-069 076 081 147 149"),
        (_SAME, "018 054 056 082 088 095-122 127-130 133 140-142 153-155"),
    )
    for code in _codes(codes)
}
"""``status.statusCode``, the best single key (carriers 3.5)."""

TYPES: Final[Mapping[str, Reading]] = {
    "M": _KNOWN,
    "MV": _WRONG,
    "P": _ON_THE_WAY,
    "I": _ON_THE_WAY,
    "O": _OUT,
    "D": _ARRIVED,
    "DO": _ON_THE_WAY,
    "DD": _ON_THE_WAY,
    "W": _ON_THE_WAY,
    "X": _LATE,
    "RS": _WRONG,
    "NA": _PENDING,
    "U": _SAME,
}
"""``status.type``."""

ACTIVITIES: Final[Mapping[tuple[str, str], Reading]] = {
    ("M", "VP"): _WRONG,
    **dict.fromkeys((("I", code) for code in ("OD", "OF", "OT", "YI")), _OUT),
    **dict.fromkeys((("I", code) for code in ("PL", "OC")), _KNOWN),
    **dict.fromkeys(((kind, code) for kind in "ID" for code in ("2Q", "1N", "ZQ")), _WAITS),
    ("D", "2W"): _ARRIVED,
    **dict.fromkeys((("D", "B0"), ("X", "B0"), ("I", "B0")), _WRONG),
}
"""(``type``, ``code``): codes mean different things in different lists, so the type comes first."""


def read_codes(kind: str, code: str, number: str) -> Reading:
    """Return what the codes of an activity say.

    Args:
        kind: ``status.type``.
        code: ``status.code``, the activity.
        number: ``status.statusCode``.
    """
    found = STATUS_CODES.get(number.zfill(3)) if number.isdigit() else None
    if found is None:
        found = ACTIVITIES.get((kind, code)) or TYPES.get(kind)
    return found or _SAME


class _Address(SourceModel):
    city: Text = None
    stateProvince: Text = None
    countryCode: Text = None
    country: Text = None


class _Location(SourceModel):
    address: _Address = _Address()


class _Status(SourceModel):
    type: Text = None
    code: Text = None
    statusCode: Text = None
    description: Text = None


class _Activity(SourceModel):
    date: str
    time: str = "000000"
    gmtDate: Text = None
    gmtTime: Text = None
    gmtOffset: Text = None
    location: _Location = _Location()
    status: _Status = _Status()


class _Event(_Activity):
    inquiryNumber: str = Field(min_length=1)


def read_time(activity: _Activity) -> datetime:
    """Return the instant of an activity: by the GMT fields, offset or country, else as UTC.

    Raises:
        ValueError: it is no time.
    """
    if activity.gmtDate and activity.gmtTime:
        return _clock(activity.gmtDate, activity.gmtTime).replace(tzinfo=UTC)
    local = _clock(activity.date, activity.time)
    if activity.gmtOffset:
        sign = -1 if activity.gmtOffset.startswith("-") else 1
        hours, _, minutes = activity.gmtOffset.lstrip("+-").partition(":")
        offset = sign * timedelta(hours=int(hours), minutes=int(minutes or 0))
        return (local - offset).replace(tzinfo=UTC)
    address = activity.location.address
    zones = get_global("territory_zones").get(_country(address) or "", [])
    instants = {local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for zone in zones}
    # Of a country with several times nothing is guessed.
    return instants.pop() if len(instants) == 1 else local.replace(tzinfo=UTC)


def _clock(date: str, time: str) -> datetime:
    """Read ``YYYYMMDD`` and a time that may have colons or lack its leading zeros."""
    digits = time.replace(":", "").zfill(6)
    return datetime.strptime(f"{date}{digits}", "%Y%m%d%H%M%S")  # noqa: DTZ007 - zone comes later


def _country(address: _Address) -> str | None:
    return alpha_2(address.countryCode or address.country)


def _place(address: _Address) -> str | None:
    return ", ".join(filter(None, (address.city, address.stateProvince))) or None


def _source_status(status: _Status) -> str | None:
    """Return the codes of an activity as one text: ``I/OT/021``."""
    return "/".join(filter(None, (status.type, status.code, status.statusCode))) or None


def split_events(record: JsonObject) -> Iterator[JsonObject]:
    """Return the activities of a parcel, each with its number; what is told twice is one event."""
    package = record.get("package")
    activities: Any = package.get("activity") if isinstance(package, dict) else None
    number = str(record.get("inquiryNumber"))
    seen: set[str] = set()
    for activity in activities if isinstance(activities, list) else ():
        if not isinstance(activity, dict):
            continue
        key = _key(activity, number)
        if key not in seen:
            seen.add(key)
            yield {**activity, "id": key, "inquiryNumber": number}


def _key(activity: JsonObject, number: str) -> str:
    try:
        read = _Activity.model_validate(activity)
        at = read_time(read)
    except ValueError:
        # The mapper rejects it; pydantic's fault is a ValueError, too.
        facts = (str(activity.get(name)) for name in ("status", "date", "time"))
        return event_key("ups", number, None, "|".join(facts), None)
    address = read.location.address
    return event_key("ups", number, _source_status(read.status), at, _place(address))


def map_event(record: SourceRecord) -> Candidate:
    """Map an activity of a parcel (carriers 3.3 and 3.5)."""
    event = record.read(_Event)
    try:
        at = read_time(event)
    except ValueError:
        raise RecordRejected("type", "date", "The time of the event is no time.") from None
    status, address = event.status, event.location.address
    return candidate(
        Event(
            "ups",
            event.inquiryNumber,
            at,
            _source_status(status),
            read_codes(status.type or "", status.code or "", status.statusCode or ""),
            message=status.description,
            location=_place(address),
            country_code=_country(address),
        )
    )


UPS_TRACKING = Stream(
    name="ups_tracking",
    system=UPS,
    group="packages",
    description=(
        "Parcels as UPS tells of them, with all their activities. UPS lists nothing: it is asked "
        "for the parcels of `core.packages` that are under way, the most stale first. Names of "
        "people, signatures and photos are left out."
    ),
    source="details",
    id_field="inquiryNumber",
    deletes="never",
    asked=PARCELS,
)

UPS_EVENTS = Stream(
    name="ups_events",
    system=UPS,
    group="packages",
    entity="package_event",
    description=(
        "Activities of parcels inside the answers of UPS. One that UPS shows no more stays: it "
        "happened."
    ),
    source=None,
    id_field="id",
    mapper=map_event,
    part=Part("ups_tracking", split_events, "inquiryNumber"),
)
