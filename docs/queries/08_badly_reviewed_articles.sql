-- Which articles sell well and are reviewed badly?
WITH rated AS (
    SELECT tenant, sku, count(*) AS reviews, round(avg(rating), 2) AS average_rating
    FROM analytics.fct_review
    WHERE review_type = 'product' AND sku IS NOT NULL
    GROUP BY tenant, sku
),
sold AS (
    SELECT tenant, sku, sum(quantity) AS quantity
    FROM analytics.fct_order_line
    WHERE order_status NOT IN ('canceled', 'draft')
    GROUP BY tenant, sku
)
SELECT r.tenant, r.sku, r.reviews, r.average_rating, s.quantity AS sold
FROM rated AS r
JOIN sold AS s ON s.tenant = r.tenant AND s.sku = r.sku
WHERE r.average_rating < 3
ORDER BY s.quantity DESC, r.sku
LIMIT 50;
