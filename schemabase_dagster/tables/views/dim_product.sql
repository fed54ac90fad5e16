-- analytics.dim_product: one row per product that is not deleted.
CREATE VIEW analytics.dim_product AS
SELECT
    t.slug AS tenant,
    p.id AS product_id,
    p.name AS product_name,
    p.slug,
    p.brand,
    pt.name AS product_type,
    ca.name AS category,
    p.active,
    coalesce(v.variants, 0) AS variants,
    p.media_urls
FROM core.products AS p
JOIN platform.tenant AS t ON t.id = p.tenant_id
LEFT JOIN core.product_types AS pt ON pt.id = p.product_type_id
LEFT JOIN core.categories AS ca ON ca.id = p.category_id
LEFT JOIN (
    SELECT product_id, count(*) AS variants
    FROM core.variants
    WHERE deleted_at IS NULL
    GROUP BY product_id
) AS v ON v.product_id = p.id
WHERE p.deleted_at IS NULL;

COMMENT ON VIEW analytics.dim_product IS 'Products: what variants of one thing belong to';
COMMENT ON COLUMN analytics.dim_product.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.dim_product.product_id IS 'Our id of the product';
COMMENT ON COLUMN analytics.dim_product.product_name IS 'Name';
COMMENT ON COLUMN analytics.dim_product.slug IS 'Name in the shop''s addresses';
COMMENT ON COLUMN analytics.dim_product.brand IS 'Brand or manufacturer';
COMMENT ON COLUMN analytics.dim_product.product_type IS 'Product type';
COMMENT ON COLUMN analytics.dim_product.category IS 'Category';
COMMENT ON COLUMN analytics.dim_product.active IS 'On sale in a channel of the shop';
COMMENT ON COLUMN analytics.dim_product.variants IS 'How many variants it has';
COMMENT ON COLUMN analytics.dim_product.media_urls IS 'Addresses of its pictures, in order';
