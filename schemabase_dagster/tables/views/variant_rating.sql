-- analytics.variant_rating: one row per variant that was rated.
CREATE VIEW analytics.variant_rating AS
SELECT
    t.slug AS tenant,
    r.variant_id,
    v.sku,
    sum(r.rating_count) AS rating_count,
    round(sum(r.average * r.rating_count) / nullif(sum(r.rating_count), 0), 4) AS average
FROM core.variant_ratings AS r
JOIN platform.tenant AS t ON t.id = r.tenant_id
JOIN core.variants AS v ON v.id = r.variant_id
WHERE r.deleted_at IS NULL
GROUP BY t.slug, r.variant_id, v.sku;

COMMENT ON VIEW analytics.variant_rating IS 'Ratings of variants, over all apps that collect them';
COMMENT ON COLUMN analytics.variant_rating.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.variant_rating.variant_id IS 'Our id of the variant';
COMMENT ON COLUMN analytics.variant_rating.sku IS 'Stock keeping unit';
COMMENT ON COLUMN analytics.variant_rating.rating_count IS 'How many ratings';
COMMENT ON COLUMN analytics.variant_rating.average IS 'Average stars, 1 to 5, weighted by the number of ratings';
