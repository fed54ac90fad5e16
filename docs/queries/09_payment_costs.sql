-- What does a payment cost, by gateway and month, as a share of what was paid?
-- Costs in another currency than the payment are left out: they cannot be added up.
WITH costs AS (
    SELECT payment_id, currency, sum(amount) AS amount
    FROM core.transaction_costs
    WHERE deleted_at IS NULL AND payment_id IS NOT NULL
    GROUP BY payment_id, currency
)
SELECT
    t.tenant,
    p.gateway,
    date_trunc('month', p.paid_at)::date AS month,
    p.currency,
    count(*) AS payments,
    sum(p.amount) AS paid,
    coalesce(sum(c.amount), 0) AS costs,
    round(100 * coalesce(sum(c.amount), 0) / nullif(sum(p.amount), 0), 2) AS percent
FROM core.payments AS p
JOIN (SELECT DISTINCT tenant, order_id FROM analytics.fct_order) AS t
    ON t.order_id = (
        SELECT a.order_id FROM core.payment_allocations AS a WHERE a.payment_id = p.id LIMIT 1
    )
LEFT JOIN costs AS c ON c.payment_id = p.id AND c.currency = p.currency
WHERE p.deleted_at IS NULL
GROUP BY t.tenant, p.gateway, month, p.currency
ORDER BY t.tenant, month, p.gateway, p.currency;
