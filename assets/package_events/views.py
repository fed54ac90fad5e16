"""Views of what carriers tell; their SQL and comments stand in tables/views."""

from typing import Final

from assets.view import View

VIEWS: Final = (
    View(
        "fct_package_event",
        "One row per event that a carrier told of a parcel, with its package and order.",
        entities=("package_event", "package", "order"),
        sample=("carrier", "tracking_id", "event_at", "state", "state_changed"),
        order_by="event_at",
    ),
    View(
        "carrier_performance",
        "One row per carrier and month: hours in transit (median, nine of ten) and shares of "
        "parcels with failed attempts, exceptions and delays.",
        entities=("package_event",),
        sample=("carrier", "month", "parcels", "hours_p50", "hours_p90", "failed_attempt_rate"),
        order_by="month",
    ),
)
