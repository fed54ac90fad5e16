"""core/package_events: what an event row is made of, and what its place among others decides."""

from assets.package_events.states import fold_events
from assets.rollups import PACKAGE_STATE
from schemabase_dagster.engine.entity import Entity, FieldGroup, Reference, Series
from schemabase_dagster.tables.tracking import package_events

# Events of one second are taken in the order of a parcel's life.
_EVENTS_OF_PARCELS = """
SELECT e.id, concat_ws('|', e.tenant_id, e.carrier, e.tracking_id) AS series, e.state,
    coalesce(e.event_at < a.created_at, false) AS is_history
FROM core.package_events AS e
JOIN (
    SELECT DISTINCT c.tenant_id, c.carrier, c.tracking_id
    FROM core.package_events AS c
    WHERE c.id = ANY(%(rows)s)
) AS n USING (tenant_id, carrier, tracking_id)
LEFT JOIN platform.app AS a ON a.id = e.owner_app_id
WHERE e.deleted_at IS NULL
ORDER BY series, e.event_at,
    array_position(ARRAY['init', 'pending', 'information_received', 'in_transit',
        'out_for_delivery', 'failed_attempt', 'available_for_pickup', 'exception', 'delivered',
        'expired'], e.state) NULLS FIRST,
    e.event_key
"""

PACKAGE_EVENTS = Entity(
    name="package_event",
    table=package_events,
    group="packages",
    description=(
        "What carriers tell of parcels: one row per event, however often it was told. The events "
        "of a parcel, in the order of time, give its state, whatever order they came in. An event "
        "that comes before its package is linked as soon as that is there."
    ),
    number_column="event_key",
    sample=("carrier", "tracking_id", "event_at", "state", "state_changed"),
    day_column="event_at",
    groups=(
        FieldGroup(
            "event",
            (
                "event_key",
                "carrier",
                "tracking_id",
                "event_at",
                "state",
                "source_status",
                "message",
                "location",
                "country_code",
                "is_delayed",
            ),
            ("carrier",),
            atomic=True,
        ),
        FieldGroup("package", ("package_id",), ("carrier",)),
    ),
    references=(Reference("package", "package_id"),),
    feeds=(PACKAGE_STATE,),
    series=Series(
        columns=("event_no", "previous_state", "state_changed", "is_history"),
        query=_EVENTS_OF_PARCELS,
        fold=fold_events,
    ),
    defaults={"is_delayed": False},
    rank=4,
)
