-- analytics.frequently_bought_together: up to ten related variants for each one.
CREATE VIEW analytics.frequently_bought_together AS
WITH bought AS (
    SELECT l.tenant_id, l.order_id, l.variant_id
    FROM core.order_lines AS l
    JOIN core.orders AS o ON o.id = l.order_id
    WHERE l.variant_id IS NOT NULL
        AND l.sku_occurrence = 1
        AND l.deleted_at IS NULL
        AND o.deleted_at IS NULL
        AND o.status IN ('confirmed', 'closed')
        AND o.ordered_at >= now() - interval '1 year'
), pairs AS (
    SELECT a.tenant_id, a.variant_id, b.variant_id AS related_id, count(*) AS orders
    FROM bought AS a
    JOIN bought AS b ON b.order_id = a.order_id AND b.variant_id <> a.variant_id
    GROUP BY a.tenant_id, a.variant_id, b.variant_id
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY variant_id ORDER BY orders DESC, related_id) AS rank
    FROM pairs
)
SELECT
    t.slug AS tenant,
    v.sku,
    r.sku AS related_sku,
    k.variant_id,
    k.related_id AS related_variant_id,
    k.orders,
    k.rank
FROM ranked AS k
JOIN platform.tenant AS t ON t.id = k.tenant_id
JOIN core.variants AS v ON v.id = k.variant_id
JOIN core.variants AS r ON r.id = k.related_id
WHERE k.rank <= 10;

COMMENT ON VIEW analytics.frequently_bought_together IS 'Which variants were on the same orders of the last year: up to ten for each';
COMMENT ON COLUMN analytics.frequently_bought_together.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.frequently_bought_together.sku IS 'Stock keeping unit';
COMMENT ON COLUMN analytics.frequently_bought_together.related_sku IS 'One that was bought with it';
COMMENT ON COLUMN analytics.frequently_bought_together.variant_id IS 'Our id of the variant';
COMMENT ON COLUMN analytics.frequently_bought_together.related_variant_id IS 'Our id of the related one';
COMMENT ON COLUMN analytics.frequently_bought_together.orders IS 'Orders with both';
COMMENT ON COLUMN analytics.frequently_bought_together.rank IS '1 = most often together';
