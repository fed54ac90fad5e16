"""Event: what all carriers' events have in common, its key, and which parcels to ask for."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from assets.package_events.states import State
from schemabase_dagster.candidate import Candidate
from schemabase_dagster.normalise.tracking import tracking_key
from schemabase_dagster.streams import Asked

PARCELS: Final = Asked("""
SELECT k.tracking_id AS id,
    CASE k.state
        WHEN 'out_for_delivery' THEN interval '1 hour'
        WHEN 'failed_attempt' THEN interval '1 hour'
        WHEN 'in_transit' THEN interval '4 hours'
        WHEN 'available_for_pickup' THEN interval '12 hours'
        WHEN 'exception' THEN interval '12 hours'
        ELSE interval '6 hours'
    END AS every
FROM core.packages AS k
LEFT JOIN LATERAL (
    SELECT max(e.event_at) AS at FROM core.package_events AS e
    WHERE e.tenant_id = k.tenant_id AND e.carrier = k.carrier AND e.tracking_id = k.tracking_id
      AND e.deleted_at IS NULL
) AS latest ON true
WHERE k.tenant_id = app.tenant_id AND k.carrier = app.type AND k.tracking_id IS NOT NULL
  AND k.deleted_at IS NULL AND k.active AND k.state <> 'delivered'
  AND coalesce(latest.at, k.shipped_at, k.packed_at, k.created_at) > now() -
    CASE k.state
        WHEN 'exception' THEN interval '14 days'
        WHEN 'available_for_pickup' THEN interval '21 days'
        ELSE interval '30 days'
    END
""")
"""Parcels that are under way: how often each is worth a call, and until when."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a carrier's codes say of a parcel.

    Attributes:
        state: its state; None when the event tells none.
        is_delayed: a delay, a hold or a missed step, which is no exception.
    """

    state: State | None
    is_delayed: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a parcel.

    Attributes:
        carrier: code of the carrier.
        tracking_id: the number that was asked for.
        at: when it happened.
        status: the carrier's own code.
        reading: what that says.
        message: the carrier's own words.
        location: where it happened.
        country_code: country of it.
    """

    carrier: str
    tracking_id: str
    at: datetime
    status: str | None
    reading: Reading
    message: str | None = None
    location: str | None = None
    country_code: str | None = None


def event_key(
    carrier: str, tracking_id: str, status: str | None, at: datetime | str, location: str | None
) -> str:
    """Return the natural key of an event (canonical-model C1, version ``pe1``).

    Args:
        carrier: code of the carrier.
        tracking_id: tracking number.
        status: the carrier's own code.
        at: when it happened, in UTC; or the text that could not be read as a time.
        location: where it happened.
    """
    time = at if isinstance(at, str) else at.isoformat()
    facts = ("pe1", carrier, tracking_id, status or "", time, location or "")
    return hashlib.sha256("\x1f".join(facts).encode()).hexdigest()


def candidate(event: Event) -> Candidate:
    """Return the row of an event; it belongs to the package that bears its tracking number."""
    key = event_key(event.carrier, event.tracking_id, event.status, event.at, event.location)
    name = tracking_key((event.tracking_id,))
    return Candidate(
        match_key=key,
        number=event.tracking_id,
        status=event.status,
        values={
            "event_key": key,
            "carrier": event.carrier,
            "tracking_id": event.tracking_id,
            "event_at": event.at,
            "state": event.reading.state,
            "source_status": event.status,
            "message": event.message,
            "location": event.location,
            "country_code": event.country_code,
            "is_delayed": event.reading.is_delayed,
        },
        parents={"package": [name] if name else []},
    )
