-- analytics.fct_package_line: one row per line of a package, with the line of the order it serves.
CREATE VIEW analytics.fct_package_line AS
SELECT
    t.slug AS tenant,
    l.id AS package_line_id,
    k.id AS package_id,
    k.package_number,
    k.order_id,
    o.order_number,
    ol.id AS order_line_id,
    l.line_no,
    l.sku,
    l.description,
    l.quantity,
    ol.quantity AS ordered_quantity,
    k.state,
    k.shipped_at,
    k.delivered_at
FROM core.package_lines AS l
JOIN core.packages AS k ON k.id = l.package_id AND k.deleted_at IS NULL AND k.active
JOIN platform.tenant AS t ON t.id = l.tenant_id
LEFT JOIN core.orders AS o ON o.id = k.order_id AND o.deleted_at IS NULL
LEFT JOIN core.order_lines AS ol
    ON ol.order_id = o.id AND ol.sku = l.sku AND ol.sku_occurrence = l.sku_occurrence
    AND ol.deleted_at IS NULL AND l.sku <> ''
WHERE l.deleted_at IS NULL;

COMMENT ON VIEW analytics.fct_package_line IS 'What lies in packages: one row per line of a package that was not canceled, with the line of the order it serves';
COMMENT ON COLUMN analytics.fct_package_line.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.fct_package_line.package_line_id IS 'Our id of the line';
COMMENT ON COLUMN analytics.fct_package_line.package_id IS 'Our id of the package';
COMMENT ON COLUMN analytics.fct_package_line.package_number IS 'Package number';
COMMENT ON COLUMN analytics.fct_package_line.order_id IS 'Our id of the order';
COMMENT ON COLUMN analytics.fct_package_line.order_number IS 'Order it belongs to; null = not known';
COMMENT ON COLUMN analytics.fct_package_line.order_line_id IS 'Our id of the order line with the same SKU, of several equal ones the same in order; null = none';
COMMENT ON COLUMN analytics.fct_package_line.line_no IS 'Position in the package, 1-based';
COMMENT ON COLUMN analytics.fct_package_line.sku IS 'Stock keeping unit; empty when the source has none';
COMMENT ON COLUMN analytics.fct_package_line.description IS 'Name of the article';
COMMENT ON COLUMN analytics.fct_package_line.quantity IS 'Packed quantity';
COMMENT ON COLUMN analytics.fct_package_line.ordered_quantity IS 'Quantity of the order line';
COMMENT ON COLUMN analytics.fct_package_line.state IS 'State of the package';
COMMENT ON COLUMN analytics.fct_package_line.shipped_at IS 'When the package left the house';
COMMENT ON COLUMN analytics.fct_package_line.delivered_at IS 'When the package arrived';
