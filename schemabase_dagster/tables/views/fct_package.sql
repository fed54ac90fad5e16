-- analytics.fct_package: one row per package that is neither canceled nor deleted.
CREATE VIEW analytics.fct_package AS
SELECT
    t.slug AS tenant,
    k.id AS package_id,
    k.package_number,
    k.order_id,
    o.order_number,
    k.carrier,
    k.state,
    k.tracking_id,
    k.tracking_ids,
    k.is_multi_piece,
    k.carrier_tracking_url,
    l.quantity,
    l.lines,
    o.ordered_at,
    k.packed_at,
    k.shipped_at,
    k.delivered_at,
    extract(EPOCH FROM k.shipped_at - o.ordered_at) / 3600 AS hours_to_ship,
    extract(EPOCH FROM k.delivered_at - k.shipped_at) / 3600 AS hours_in_transit,
    k.created_at,
    k.updated_at
FROM core.packages AS k
JOIN platform.tenant AS t ON t.id = k.tenant_id
LEFT JOIN core.orders AS o ON o.id = k.order_id AND o.deleted_at IS NULL
LEFT JOIN (
    SELECT package_id, sum(quantity) AS quantity, count(*) AS lines
    FROM core.package_lines
    WHERE deleted_at IS NULL
    GROUP BY package_id
) AS l ON l.package_id = k.id
WHERE k.deleted_at IS NULL AND k.active;

COMMENT ON VIEW analytics.fct_package IS 'Packages: one row per parcel that was not canceled, with what it took';
COMMENT ON COLUMN analytics.fct_package.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.fct_package.package_id IS 'Our id of the package';
COMMENT ON COLUMN analytics.fct_package.package_number IS 'Package number';
COMMENT ON COLUMN analytics.fct_package.order_id IS 'Our id of the order';
COMMENT ON COLUMN analytics.fct_package.order_number IS 'Order it belongs to; null = not known';
COMMENT ON COLUMN analytics.fct_package.carrier IS 'Who carries it; unknown = no source says so';
COMMENT ON COLUMN analytics.fct_package.state IS 'init, information_received, delivered, and what a carrier tells between';
COMMENT ON COLUMN analytics.fct_package.tracking_id IS 'Tracking number, the first of several';
COMMENT ON COLUMN analytics.fct_package.tracking_ids IS 'All tracking numbers, when there are several';
COMMENT ON COLUMN analytics.fct_package.is_multi_piece IS 'Several pieces, each with a tracking number of its own';
COMMENT ON COLUMN analytics.fct_package.carrier_tracking_url IS 'Page of the carrier, where the source names it';
COMMENT ON COLUMN analytics.fct_package.quantity IS 'Number of articles in it';
COMMENT ON COLUMN analytics.fct_package.lines IS 'Number of lines in it';
COMMENT ON COLUMN analytics.fct_package.ordered_at IS 'When its order was placed';
COMMENT ON COLUMN analytics.fct_package.packed_at IS 'When the source made the package';
COMMENT ON COLUMN analytics.fct_package.shipped_at IS 'When it left the house; the day, where the source has no time';
COMMENT ON COLUMN analytics.fct_package.delivered_at IS 'When it arrived; the day, where the source has no time';
COMMENT ON COLUMN analytics.fct_package.hours_to_ship IS 'Hours from order to shipping';
COMMENT ON COLUMN analytics.fct_package.hours_in_transit IS 'Hours from shipping to delivery';
COMMENT ON COLUMN analytics.fct_package.created_at IS 'When we first wrote the row';
COMMENT ON COLUMN analytics.fct_package.updated_at IS 'When a column last really changed';
