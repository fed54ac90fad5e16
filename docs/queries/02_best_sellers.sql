-- Which articles brought most in the last 90 days on record?
WITH latest AS (
    SELECT tenant, max(order_day) AS day FROM analytics.fct_order_line GROUP BY tenant
)
SELECT
    l.tenant,
    l.sku,
    max(l.description) AS article,
    l.currency,
    sum(l.quantity) AS quantity,
    sum(l.total_gross) AS revenue_gross,
    rank() OVER (PARTITION BY l.tenant, l.currency ORDER BY sum(l.total_gross) DESC) AS place
FROM analytics.fct_order_line AS l
JOIN latest AS n ON n.tenant = l.tenant AND l.order_day > n.day - 90
WHERE l.sku <> '' AND l.order_status NOT IN ('canceled', 'draft')
GROUP BY l.tenant, l.sku, l.currency
ORDER BY l.tenant, l.currency, place
LIMIT 20;
