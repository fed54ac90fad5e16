-- analytics.carrier_performance: how long parcels take and how often they fail, per carrier and month.
CREATE VIEW analytics.carrier_performance AS
WITH parcels AS (
    SELECT
        e.tenant_id,
        e.carrier,
        e.tracking_id,
        min(e.event_at) FILTER (
            WHERE e.state NOT IN ('init', 'pending', 'information_received', 'expired')
        ) AS handed_over_at,
        min(e.event_at) FILTER (WHERE e.state = 'delivered' AND e.state_changed) AS delivered_at,
        coalesce(bool_or(e.state = 'failed_attempt'), false) AS has_failed_attempt,
        coalesce(bool_or(e.state = 'available_for_pickup'), false) AS has_waited,
        coalesce(bool_or(e.state = 'exception'), false) AS has_exception,
        bool_or(e.is_delayed) AS is_delayed
    FROM core.package_events AS e
    WHERE e.deleted_at IS NULL
    GROUP BY e.tenant_id, e.carrier, e.tracking_id
), timed AS (
    SELECT p.*, extract(EPOCH FROM p.delivered_at - p.handed_over_at) / 3600 AS hours
    FROM parcels AS p
    WHERE p.handed_over_at IS NOT NULL
)
SELECT
    t.slug AS tenant,
    p.carrier,
    date_trunc('month', p.handed_over_at AT TIME ZONE 'UTC')::date AS month,
    count(*) AS parcels,
    count(p.delivered_at) AS delivered,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY p.hours)::numeric, 1) AS hours_p50,
    round(percentile_cont(0.9) WITHIN GROUP (ORDER BY p.hours)::numeric, 1) AS hours_p90,
    round(avg(p.has_failed_attempt::int), 4) AS failed_attempt_rate,
    round(avg(p.has_waited::int), 4) AS pickup_rate,
    round(avg(p.has_exception::int), 4) AS exception_rate,
    round(avg(p.is_delayed::int), 4) AS delay_rate
FROM timed AS p
JOIN platform.tenant AS t ON t.id = p.tenant_id
GROUP BY t.slug, p.carrier, date_trunc('month', p.handed_over_at AT TIME ZONE 'UTC')::date;

COMMENT ON VIEW analytics.carrier_performance IS 'Carriers by month in which they took parcels over: time in transit and share of parcels that went wrong';
COMMENT ON COLUMN analytics.carrier_performance.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.carrier_performance.carrier IS 'Who carried the parcels';
COMMENT ON COLUMN analytics.carrier_performance.month IS 'First day of the month (UTC) in which the carrier scanned the parcel first';
COMMENT ON COLUMN analytics.carrier_performance.parcels IS 'Parcels that the carrier took over, by tracking number';
COMMENT ON COLUMN analytics.carrier_performance.delivered IS 'How many of them have arrived by now';
COMMENT ON COLUMN analytics.carrier_performance.hours_p50 IS 'Hours from the first scan to delivery of the faster half of what arrived';
COMMENT ON COLUMN analytics.carrier_performance.hours_p90 IS 'Hours from the first scan to delivery that nine of ten did not exceed';
COMMENT ON COLUMN analytics.carrier_performance.failed_attempt_rate IS 'Share of parcels with a failed attempt to deliver, 0 to 1';
COMMENT ON COLUMN analytics.carrier_performance.pickup_rate IS 'Share of parcels that waited for pickup, 0 to 1';
COMMENT ON COLUMN analytics.carrier_performance.exception_rate IS 'Share of parcels that were lost, damaged, held or returned, 0 to 1';
COMMENT ON COLUMN analytics.carrier_performance.delay_rate IS 'Share of parcels of which the carrier told a delay, 0 to 1';
