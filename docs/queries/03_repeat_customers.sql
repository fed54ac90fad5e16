-- What share of the customers came back, and what do they bring?
WITH customers AS (
    SELECT tenant, contact_id, count(*) AS orders, sum(total_gross) AS revenue_gross
    FROM analytics.fct_order
    WHERE contact_id IS NOT NULL AND status NOT IN ('canceled', 'draft')
    GROUP BY tenant, contact_id
)
SELECT
    tenant,
    count(*) AS customers,
    count(*) FILTER (WHERE orders > 1) AS came_back,
    round(100.0 * count(*) FILTER (WHERE orders > 1) / count(*), 1) AS percent_came_back,
    round(
        100 * coalesce(sum(revenue_gross) FILTER (WHERE orders > 1), 0)
        / nullif(sum(revenue_gross), 0), 1
    ) AS percent_of_revenue
FROM customers
GROUP BY tenant
ORDER BY tenant;
