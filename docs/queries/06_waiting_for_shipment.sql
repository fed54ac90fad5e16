-- Which paid orders wait for their first parcel, the longest waiting first?
SELECT
    tenant,
    order_number,
    ordered_at,
    round(extract(EPOCH FROM now() - ordered_at) / 86400, 1) AS days,
    ship_country,
    currency,
    total_gross
FROM analytics.fct_order
WHERE status = 'confirmed'
  AND payment_status = 'fully_paid'
  AND packages = 0
  AND ordered_at < now() - interval '3 days'
ORDER BY ordered_at
LIMIT 100;
