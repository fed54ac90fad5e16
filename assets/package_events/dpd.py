"""raw/dpd_tracking: scans that DPD pushes, and what each says of a parcel."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import Field

from assets.package_events.events import Event, Reading, candidate
from resources.dpd import DPD
from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.fields import SourceModel, Text
from schemabase_dagster.streams import JsonObject, Stream, WebhookFeed

_KNOWN, _ON_THE_WAY = Reading("information_received"), Reading("in_transit")
_ARRIVED, _WRONG = Reading("delivered"), Reading("exception")

STATUSES: Final[Mapping[str, Reading]] = {
    "start_order": _KNOWN,
    "pickup_driver": _ON_THE_WAY,
    "pickup_depot": _ON_THE_WAY,
    "delivery_depot": _ON_THE_WAY,
    "delivery_carload": Reading("out_for_delivery"),
    "delivery_nab": Reading("failed_attempt"),
    "delivery_notification": Reading("in_transit", is_delayed=True),
    "delivery_customer": _ARRIVED,
    "delivery_shop": Reading("available_for_pickup"),
    "pickup_by_consignee": _ARRIVED,
    "no_pickup_by_consignee": _WRONG,
    # nobody has taken the parcel over yet
    "error_pickup": Reading("information_received", is_delayed=True),
    "error_return": _WRONG,
}
"""``status`` (carriers 4.1); one that is not here tells no state."""


class _Scan(SourceModel):
    pnr: str = Field(min_length=1)
    depot: Text = None
    status: Text = None
    statusdate: str
    scaninfo: Text = None


def read_time(text: str, zone: str) -> datetime:
    """Return the instant of ``ddMMyyyyHHmmss`` in local time; of a double hour the first.

    Raises:
        ValueError: it is no time.
    """
    local = datetime.strptime(text, "%d%m%Y%H%M%S").replace(tzinfo=ZoneInfo(zone), fold=0)
    return local.astimezone(UTC)


def map_scan(record: SourceRecord) -> Candidate:
    """Map a scan of a parcel."""
    scan = record.read(_Scan)
    try:
        at = read_time(scan.statusdate, record.config.timezone)
    except ValueError:
        raise RecordRejected("type", "statusdate", "The time of the scan is no time.") from None
    return candidate(
        Event(
            "dpd",
            scan.pnr,
            at,
            scan.status,
            STATUSES.get(scan.status or "", Reading(None)),
            message=scan.scaninfo,
            location=scan.depot,
        )
    )


def webhook_scans(_event_type: str, payload: Any) -> list[JsonObject]:
    """Return the scan of a push, named by what makes it: a repeat may bear another push id."""
    if not isinstance(payload, dict) or not payload.get("pnr"):
        return []
    facts = (str(payload.get(name, "")) for name in ("pnr", "status", "statusdate", "depot"))
    return [{**payload, "id": "/".join(facts)}]


DPD_TRACKING = Stream(
    name="dpd_tracking",
    system=DPD,
    group="packages",
    entity="package_event",
    description=(
        "Scans of parcels that DPD pushes, one by one, about 15 minutes after they happened. "
        "Names of people are left out. DPD cannot be asked: what it did not push is not here."
    ),
    source=None,
    id_field="id",
    webhook=WebhookFeed("data", webhook_scans),
    deletes="never",
    mapper=map_scan,
    volatile=frozenset({"pushid"}),
)
