-- Which countries do we deliver to, and what share of the revenue comes from each?
SELECT
    tenant,
    currency,
    coalesce(ship_country, 'unknown') AS country,
    count(*) AS orders,
    sum(total_gross) AS revenue_gross,
    round(
        100 * sum(total_gross)
        / nullif(sum(sum(total_gross)) OVER (PARTITION BY tenant, currency), 0), 1
    ) AS percent
FROM analytics.fct_order
WHERE status NOT IN ('canceled', 'draft')
GROUP BY tenant, currency, country
ORDER BY tenant, currency, revenue_gross DESC;
