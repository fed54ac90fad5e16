-- analytics.fct_order_line: one row per line of every order that is not deleted.
CREATE VIEW analytics.fct_order_line AS
SELECT
    t.slug AS tenant,
    o.id AS order_id,
    o.order_number,
    l.line_no,
    l.sku,
    l.description,
    l.variant_id,
    l.quantity,
    l.unit_net,
    l.unit_gross,
    l.total_net,
    l.total_gross,
    l.discount_net,
    l.tax_percentage,
    o.currency,
    o.ordered_at,
    (o.ordered_at AT TIME ZONE t.timezone)::date AS order_day,
    o.status AS order_status,
    w.name AS warehouse
FROM core.order_lines AS l
JOIN core.orders AS o ON o.id = l.order_id
JOIN platform.tenant AS t ON t.id = l.tenant_id
LEFT JOIN core.warehouses AS w ON w.id = l.warehouse_id
WHERE l.deleted_at IS NULL AND o.deleted_at IS NULL;

COMMENT ON VIEW analytics.fct_order_line IS 'Lines of sales orders: one row per order, SKU and occurrence';
COMMENT ON COLUMN analytics.fct_order_line.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.fct_order_line.order_id IS 'Our id of the order';
COMMENT ON COLUMN analytics.fct_order_line.order_number IS 'Order number with the shop''s prefix';
COMMENT ON COLUMN analytics.fct_order_line.line_no IS 'Position, 1-based';
COMMENT ON COLUMN analytics.fct_order_line.sku IS 'Stock keeping unit; empty when the source has none';
COMMENT ON COLUMN analytics.fct_order_line.description IS 'Name of the article on the order';
COMMENT ON COLUMN analytics.fct_order_line.variant_id IS 'Our id of the variant, once a catalogue stream knows the SKU';
COMMENT ON COLUMN analytics.fct_order_line.quantity IS 'Ordered quantity';
COMMENT ON COLUMN analytics.fct_order_line.unit_net IS 'Price of one, after discount, without tax';
COMMENT ON COLUMN analytics.fct_order_line.unit_gross IS 'Price of one, after discount, with tax';
COMMENT ON COLUMN analytics.fct_order_line.total_net IS 'Line total without tax';
COMMENT ON COLUMN analytics.fct_order_line.total_gross IS 'Line total with tax';
COMMENT ON COLUMN analytics.fct_order_line.discount_net IS 'Discount of the line without tax';
COMMENT ON COLUMN analytics.fct_order_line.tax_percentage IS 'Tax rate, 19 % is 19.0000';
COMMENT ON COLUMN analytics.fct_order_line.currency IS 'ISO 4217, of all amounts of the row';
COMMENT ON COLUMN analytics.fct_order_line.ordered_at IS 'When the order was placed';
COMMENT ON COLUMN analytics.fct_order_line.order_day IS 'Day it was placed, in the tenant''s time zone';
COMMENT ON COLUMN analytics.fct_order_line.order_status IS 'Status of the order';
COMMENT ON COLUMN analytics.fct_order_line.warehouse IS 'Warehouse';
