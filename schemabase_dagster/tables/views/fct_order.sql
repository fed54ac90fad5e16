-- analytics.fct_order: one row per order that is not deleted, with the day in the tenant's zone.
CREATE VIEW analytics.fct_order AS
SELECT
    t.slug AS tenant,
    o.id AS order_id,
    o.order_number,
    o.reference_number,
    a.type AS source_system,
    a.key AS source_app,
    o.ordered_at,
    (o.ordered_at AT TIME ZONE t.timezone)::date AS order_day,
    o.status,
    o.payment_status,
    o.shipment_status,
    o.invoice_status,
    o.currency,
    o.total_net,
    o.total_gross,
    o.shipping_net,
    o.shipping_gross,
    o.discount_net,
    o.discount_gross,
    o.adjustment,
    o.contact_id,
    c.email_normalized AS contact_email,
    ship.country_code AS ship_country,
    o.carrier,
    ch.name AS sales_channel,
    o.line_count AS lines,
    o.quantity,
    coalesce(parcels.packages, 0) AS packages,
    parcels.first_shipped_at,
    parcels.last_delivered_at,
    o.paid_amount,
    o.refunded_amount,
    o.disputed_amount,
    o.transaction_fees,
    o.systems,
    o.created_at,
    o.updated_at
FROM core.orders AS o
JOIN platform.tenant AS t ON t.id = o.tenant_id
LEFT JOIN platform.app AS a ON a.id = o.owner_app_id
LEFT JOIN core.contacts AS c ON c.id = o.contact_id
LEFT JOIN core.addresses AS ship ON ship.id = o.shipping_address_id
LEFT JOIN core.sales_channels AS ch ON ch.id = o.sales_channel_id
-- Grouped once, not looked up by order: whole tables are what reports read.
LEFT JOIN (
    SELECT
        order_id,
        count(*) AS packages,
        min(shipped_at) AS first_shipped_at,
        max(delivered_at) AS last_delivered_at
    FROM core.packages
    WHERE active AND deleted_at IS NULL
    GROUP BY order_id
) AS parcels ON parcels.order_id = o.id
WHERE o.deleted_at IS NULL;

COMMENT ON VIEW analytics.fct_order IS 'Sales orders: one row per real order, whatever number of systems know it';
COMMENT ON COLUMN analytics.fct_order.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.fct_order.order_id IS 'Our id of the order';
COMMENT ON COLUMN analytics.fct_order.order_number IS 'Order number with the shop''s prefix';
COMMENT ON COLUMN analytics.fct_order.reference_number IS 'Reference by the owner: shop id or purchase order';
COMMENT ON COLUMN analytics.fct_order.source_system IS 'System the order was placed in';
COMMENT ON COLUMN analytics.fct_order.source_app IS 'App the order was placed in';
COMMENT ON COLUMN analytics.fct_order.ordered_at IS 'When it was placed';
COMMENT ON COLUMN analytics.fct_order.order_day IS 'Day it was placed, in the tenant''s time zone';
COMMENT ON COLUMN analytics.fct_order.status IS 'draft, unconfirmed, confirmed, closed or canceled';
COMMENT ON COLUMN analytics.fct_order.payment_status IS 'unpaid, partially_paid, fully_paid, partially_refunded or fully_refunded';
COMMENT ON COLUMN analytics.fct_order.shipment_status IS 'pending, partially_shipped, shipped or delivered';
COMMENT ON COLUMN analytics.fct_order.invoice_status IS 'not_invoiced, partially_invoiced or invoiced';
COMMENT ON COLUMN analytics.fct_order.currency IS 'ISO 4217, of all amounts of the row';
COMMENT ON COLUMN analytics.fct_order.total_net IS 'Total without tax';
COMMENT ON COLUMN analytics.fct_order.total_gross IS 'Total with tax, shipping and adjustment';
COMMENT ON COLUMN analytics.fct_order.shipping_net IS 'Shipping without tax';
COMMENT ON COLUMN analytics.fct_order.shipping_gross IS 'Shipping with tax';
COMMENT ON COLUMN analytics.fct_order.discount_net IS 'Discount of the whole order without tax';
COMMENT ON COLUMN analytics.fct_order.discount_gross IS 'Discount of the whole order with tax';
COMMENT ON COLUMN analytics.fct_order.adjustment IS 'Rounding or manual adjustment, part of the total';
COMMENT ON COLUMN analytics.fct_order.contact_id IS 'Our id of the customer';
COMMENT ON COLUMN analytics.fct_order.contact_email IS 'E-mail of the customer, normalised';
COMMENT ON COLUMN analytics.fct_order.ship_country IS 'Country of the delivery address, ISO 3166-1 alpha-2';
COMMENT ON COLUMN analytics.fct_order.carrier IS 'Carrier by the shipping method';
COMMENT ON COLUMN analytics.fct_order.sales_channel IS 'Where it was placed';
COMMENT ON COLUMN analytics.fct_order.lines IS 'Number of lines';
COMMENT ON COLUMN analytics.fct_order.quantity IS 'Sum of the quantities';
COMMENT ON COLUMN analytics.fct_order.packages IS 'Number of packages that were not canceled';
COMMENT ON COLUMN analytics.fct_order.first_shipped_at IS 'When its first package left the house';
COMMENT ON COLUMN analytics.fct_order.last_delivered_at IS 'When its last package so far arrived';
COMMENT ON COLUMN analytics.fct_order.paid_amount IS 'What was paid for it or its invoices, before anything went back';
COMMENT ON COLUMN analytics.fct_order.refunded_amount IS 'What went back by refunds that succeeded';
COMMENT ON COLUMN analytics.fct_order.disputed_amount IS 'What disputes of its payments took and did not give back';
COMMENT ON COLUMN analytics.fct_order.transaction_fees IS 'What its payments cost; null = not told yet, or in a currency that nobody converts';
COMMENT ON COLUMN analytics.fct_order.systems IS 'Systems that know the order';
COMMENT ON COLUMN analytics.fct_order.created_at IS 'When we first wrote the row';
COMMENT ON COLUMN analytics.fct_order.updated_at IS 'When a column last really changed';
