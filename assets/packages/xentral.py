"""Xentral: delivery notes and tracking numbers, and what they say about a canonical package.

A delivery note is the package; a row of ``trackingnummern`` tells its tracking number and thereby
brings it together with the package of the ERP and the fulfilment of the shop.
"""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

from resources.xentral import XENTRAL, XentralConfig, XentralList
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.normalise.carrier import carrier
from schemabase_dagster.normalise.fields import Amount, Decoded, SourceModel
from schemabase_dagster.normalise.lines import numbered
from schemabase_dagster.normalise.text import sku
from schemabase_dagster.normalise.tracking import tracking_ids, tracking_key, tracking_values
from schemabase_dagster.streams import Stream

LEFT = frozenset({"versendet", "abgeschlossen"})
"""Statuses of delivery notes whose goods have left the house."""

METHODS = {"wapo_3": "dhl"}
"""Codes of a logistics provider whose name does not tell the carrier."""

TRACKING_PAGES = {
    "dhl": "https://www.dhl.com/{low}-{low}/home/tracking/tracking-parcel.html"
    "?submit=1&tracking-id={id}",
    "dpd": "https://tracking.dpd.de/status/{low}_{high}/parcel/{id}",
}


def _day(value: Any) -> date | None:
    """Return the day of a date or time; what is unset is null or all zeros."""
    if not isinstance(value, str) or not value.strip("0-: "):
        return None
    return datetime.fromisoformat(value).date()


Day = Annotated[date | None, BeforeValidator(_day)]


class _Line(SourceModel):
    id: int
    nummer: Decoded = None
    bezeichnung: Decoded = None
    menge: Amount


class _Note(SourceModel):
    id: int
    belegnr: Decoded = None
    status: Decoded = None
    auftragid: int | None = None
    versandart: Decoded = None
    datum: Day = None
    versendet_am: Day = None
    positionen: list[_Line]


class _Label(SourceModel):
    id: int
    tracking: Decoded = None
    lieferschein: Decoded = None
    versandart: Decoded = None
    versendet_am: Day = None
    retoure: int | None = None


def map_delivery_note(record: SourceRecord) -> Candidate:
    """Map a Lieferschein; it has no number before it is released."""
    note = record.read(_Note)
    config: XentralConfig = record.config
    number = package_number(note.belegnr) or f"LF-draft-{note.id}"
    return Candidate(
        match_key=number,
        number=note.belegnr,
        status=note.status,
        values={
            "package_number": number,
            "active": note.status != "storniert",
            "packed_at": _start(note.datum, config),
            "state": "init",
            "shipped_at": _start(note.versendet_am, config) if note.status in LEFT else None,
            **_carrier(note.versandart, config),
        },
        children={"lines": numbered(_line(line) for line in note.positionen)},
        parents={"order": [f"#{note.auftragid}"] if note.auftragid else []},
        attrs={"status": note.status},
    )


def map_tracking_number(record: SourceRecord) -> Candidate:
    """Map a row of ``versand``; one that failed or is for a return names its package only.

    One that names several pieces belongs to the first; the others are known by other systems.
    """
    label = record.read(_Label)
    config: XentralConfig = record.config
    ids = () if label.retoure else tracking_ids(label.tracking)
    method = _carrier(label.versandart, config)
    values: dict[str, Any] = {}
    if ids:
        values = {
            **method,
            **tracking_values(ids),
            "state": "information_received",
            "shipped_at": _start(label.versendet_am, config),
            "carrier_tracking_url": _tracking_page(method.get("carrier"), ids[0], config.language),
        }
    return Candidate(
        match_key=package_number(label.lieferschein),
        other_key=tracking_key(ids[:1]),
        number=label.tracking,
        values=values,
        attrs={"is_return": bool(label.retoure)},
    )


def package_number(document: str | None) -> str | None:
    """Return the package's number of a delivery note's."""
    return f"LF-{document}" if document else None


def carrier_of(method: str | None, config: XentralConfig) -> str:
    """Return the carrier of a Versandart: by the app's table, else by its name."""
    if method is None:
        return "unknown"
    known = (config.carriers or {}).get(method) or METHODS.get(method.lower())
    return known or carrier(method.replace("_", " "))


def _carrier(method: str | None, config: XentralConfig) -> dict[str, str]:
    code = carrier_of(method, config)
    return {"carrier": code} if code != "unknown" else {}


def _tracking_page(code: str | None, tracking_id: str, language: str) -> str | None:
    page = TRACKING_PAGES.get(code or "")
    if page is None:
        return None
    return page.format(low=language, high=language.upper(), id=tracking_id)


def _start(day: date | None, config: XentralConfig) -> datetime | None:
    return datetime.combine(day, time(), config.zone()) if day else None


def _line(line: _Line) -> dict[str, Any]:
    return {
        "source_id": str(line.id),
        "sku": sku(line.nummer),
        "description": line.bezeichnung,
        "quantity": line.menge,
    }


XENTRAL_DELIVERY_NOTES = Stream(
    name="xentral_delivery_notes",
    system=XENTRAL,
    group="packages",
    entity="package",
    description=(
        "Lieferscheine of Xentral with their Positionen. One becomes a package once its order is "
        "known, and is inactive when it was canceled (storniert)."
    ),
    source=XentralList("belege/lieferscheine", include="positionen", since="datum_gte"),
    id_field="id",
    id_prefix="delivery_note-",
    order="descending",
    overlap=timedelta(days=14),
    mapper=map_delivery_note,
    needs="order",
)

XENTRAL_TRACKING_NUMBERS = Stream(
    name="xentral_tracking_numbers",
    system=XENTRAL,
    group="packages",
    entity="package",
    description=(
        "Shipments of Xentral: one row per label, with its tracking number and Lieferschein. It "
        "adds to the package; labels that failed or are for returns tell no tracking number."
    ),
    source=XentralList("trackingnummern", since="versendet_am_gte"),
    id_field="id",
    id_prefix="tracking-",
    order="descending",
    overlap=timedelta(days=14),
    mapper=map_tracking_number,
    adds=True,
)

XENTRAL_SHIPPING_METHODS = Stream(
    name="xentral_shipping_methods",
    system=XENTRAL,
    group="packages",
    description=(
        "Versandarten of Xentral: the codes that documents bear. Where a code does not name its "
        "carrier, the app's configuration `carriers` does."
    ),
    source=XentralList("versandarten", is_of_project=False),
    id_field="id",
)
