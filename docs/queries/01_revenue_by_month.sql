-- How much was sold in each month, in how many orders, and how large is the average basket?
-- Canceled orders and drafts are left out; currencies are never added up.
SELECT
    tenant,
    date_trunc('month', order_day)::date AS month,
    currency,
    count(*) AS orders,
    sum(total_gross) AS revenue_gross,
    round(sum(total_gross) / count(*), 2) AS average_basket
FROM analytics.fct_order
WHERE status NOT IN ('canceled', 'draft')
GROUP BY tenant, month, currency
ORDER BY tenant, month, currency;
