-- analytics.fct_package_event: one row per event that a carrier told of a parcel.
CREATE VIEW analytics.fct_package_event AS
SELECT
    t.slug AS tenant,
    e.id AS package_event_id,
    e.carrier,
    e.tracking_id,
    e.package_id,
    k.package_number,
    k.order_id,
    o.order_number,
    e.event_at,
    e.event_no,
    e.state,
    e.previous_state,
    e.state_changed,
    e.is_delayed,
    e.is_history,
    e.source_status,
    e.message,
    e.location,
    e.country_code,
    e.created_at,
    e.updated_at
FROM core.package_events AS e
JOIN platform.tenant AS t ON t.id = e.tenant_id
LEFT JOIN core.packages AS k ON k.id = e.package_id AND k.deleted_at IS NULL
LEFT JOIN core.orders AS o ON o.id = k.order_id AND o.deleted_at IS NULL
WHERE e.deleted_at IS NULL;

COMMENT ON VIEW analytics.fct_package_event IS 'What carriers tell of parcels: one row per event, also of parcels that no system knows';
COMMENT ON COLUMN analytics.fct_package_event.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.fct_package_event.package_event_id IS 'Our id of the event';
COMMENT ON COLUMN analytics.fct_package_event.carrier IS 'Who carries the parcel';
COMMENT ON COLUMN analytics.fct_package_event.tracking_id IS 'Tracking number';
COMMENT ON COLUMN analytics.fct_package_event.package_id IS 'Our id of the package; null while none or several bear the number';
COMMENT ON COLUMN analytics.fct_package_event.package_number IS 'Package number';
COMMENT ON COLUMN analytics.fct_package_event.order_id IS 'Our id of the order';
COMMENT ON COLUMN analytics.fct_package_event.order_number IS 'Order it belongs to';
COMMENT ON COLUMN analytics.fct_package_event.event_at IS 'When it happened';
COMMENT ON COLUMN analytics.fct_package_event.event_no IS 'Place among the events of the parcel, by time, 1-based';
COMMENT ON COLUMN analytics.fct_package_event.state IS 'State of the parcel by this event; null = the event tells none';
COMMENT ON COLUMN analytics.fct_package_event.previous_state IS 'State of the parcel before this event';
COMMENT ON COLUMN analytics.fct_package_event.state_changed IS 'The event moved the state of the parcel';
COMMENT ON COLUMN analytics.fct_package_event.is_delayed IS 'The carrier tells of a delay, a hold or a missed step';
COMMENT ON COLUMN analytics.fct_package_event.is_history IS 'Happened before the app of the carrier was connected';
COMMENT ON COLUMN analytics.fct_package_event.source_status IS 'The code of the carrier';
COMMENT ON COLUMN analytics.fct_package_event.message IS 'The words of the carrier';
COMMENT ON COLUMN analytics.fct_package_event.location IS 'Where it happened, as the carrier writes it';
COMMENT ON COLUMN analytics.fct_package_event.country_code IS 'Country where it happened, ISO 3166-1 alpha-2';
COMMENT ON COLUMN analytics.fct_package_event.created_at IS 'When we first wrote the row';
COMMENT ON COLUMN analytics.fct_package_event.updated_at IS 'When a column last really changed';
