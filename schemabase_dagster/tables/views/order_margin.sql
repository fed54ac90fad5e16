-- analytics.order_margin: what is left of each order's revenue after returns, discounts and fees.
CREATE VIEW analytics.order_margin AS
SELECT
    m.*,
    m.revenue_net - m.refunded_net - m.disputed_net - coalesce(m.transaction_fees, 0) AS margin_net,
    CASE WHEN m.revenue_net <> 0 THEN round(
        100 * (m.revenue_net - m.refunded_net - m.disputed_net - coalesce(m.transaction_fees, 0)) / m.revenue_net, 4
    ) END AS margin_percent
FROM (
    SELECT
        o.tenant,
        o.order_id,
        o.order_number,
        o.ordered_at,
        o.order_day,
        o.status,
        o.sales_channel,
        o.ship_country,
        o.currency,
        lines.list_net,
        coalesce(lines.discount_net, 0) + coalesce(o.discount_net, 0) AS discount_net,
        o.shipping_net,
        CASE WHEN o.status = 'canceled' THEN 0 ELSE o.total_net END AS revenue_net,
        CASE WHEN o.total_gross <> 0 THEN round(o.refunded_amount * o.total_net / o.total_gross, 4) ELSE 0 END AS refunded_net,
        CASE WHEN o.total_gross <> 0 THEN round(o.disputed_amount * o.total_net / o.total_gross, 4) ELSE 0 END AS disputed_net,
        o.transaction_fees
    FROM analytics.fct_order AS o
    LEFT JOIN (
        SELECT order_id, sum(undiscounted_unit_net * quantity) AS list_net, sum(discount_net) AS discount_net
        FROM core.order_lines
        WHERE deleted_at IS NULL
        GROUP BY order_id
    ) AS lines ON lines.order_id = o.order_id
    WHERE o.status <> 'draft'
) AS m;

COMMENT ON VIEW analytics.order_margin IS 'What is left of each order''s revenue after discounts, returns, disputes and transaction fees; what the goods cost is not known here';
COMMENT ON COLUMN analytics.order_margin.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.order_margin.order_id IS 'Our id of the order';
COMMENT ON COLUMN analytics.order_margin.order_number IS 'Order number with the shop''s prefix';
COMMENT ON COLUMN analytics.order_margin.ordered_at IS 'When it was placed';
COMMENT ON COLUMN analytics.order_margin.order_day IS 'Day it was placed, in the tenant''s time zone';
COMMENT ON COLUMN analytics.order_margin.status IS 'unconfirmed, confirmed, closed or canceled';
COMMENT ON COLUMN analytics.order_margin.sales_channel IS 'Where it was placed';
COMMENT ON COLUMN analytics.order_margin.ship_country IS 'Country of the delivery address';
COMMENT ON COLUMN analytics.order_margin.currency IS 'ISO 4217, of all amounts of the row';
COMMENT ON COLUMN analytics.order_margin.list_net IS 'Goods at list prices without tax';
COMMENT ON COLUMN analytics.order_margin.discount_net IS 'Discounts of lines and of the order without tax';
COMMENT ON COLUMN analytics.order_margin.shipping_net IS 'Shipping without tax';
COMMENT ON COLUMN analytics.order_margin.revenue_net IS 'Total without tax, discounts deducted; 0 = canceled';
COMMENT ON COLUMN analytics.order_margin.refunded_net IS 'What went back, without the order''s average tax';
COMMENT ON COLUMN analytics.order_margin.disputed_net IS 'What disputes took, without the order''s average tax';
COMMENT ON COLUMN analytics.order_margin.transaction_fees IS 'Fees of its payments; null = none is told yet';
COMMENT ON COLUMN analytics.order_margin.margin_net IS 'Revenue less refunds, disputes and fees that are known';
COMMENT ON COLUMN analytics.order_margin.margin_percent IS 'That in per cent of the revenue';
