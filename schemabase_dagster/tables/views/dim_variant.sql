-- analytics.dim_variant: one row per variant that is not deleted.
CREATE VIEW analytics.dim_variant AS
SELECT
    t.slug AS tenant,
    v.id AS variant_id,
    v.sku,
    v.name AS variant_name,
    v.gtin,
    v.product_id,
    p.name AS product_name,
    p.brand,
    pt.name AS product_type,
    ca.name AS category,
    v.weight_g,
    v.unit,
    v.is_bundle,
    v.is_tracked,
    v.active AND coalesce(p.active, true) AS active,
    tc.name AS tax_class,
    v.tax_percentage,
    v.attributes
FROM core.variants AS v
JOIN platform.tenant AS t ON t.id = v.tenant_id
LEFT JOIN core.products AS p ON p.id = v.product_id
LEFT JOIN core.product_types AS pt ON pt.id = p.product_type_id
LEFT JOIN core.categories AS ca ON ca.id = p.category_id
LEFT JOIN core.tax_classes AS tc ON tc.id = v.tax_class_id
WHERE v.deleted_at IS NULL;

COMMENT ON VIEW analytics.dim_variant IS 'What is sold: one row per SKU with its product';
COMMENT ON COLUMN analytics.dim_variant.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.dim_variant.variant_id IS 'Our id of the variant';
COMMENT ON COLUMN analytics.dim_variant.sku IS 'Stock keeping unit; null where no source has one';
COMMENT ON COLUMN analytics.dim_variant.variant_name IS 'Name of the variant within its product';
COMMENT ON COLUMN analytics.dim_variant.gtin IS 'EAN, UPC or ISBN';
COMMENT ON COLUMN analytics.dim_variant.product_id IS 'Our id of the product';
COMMENT ON COLUMN analytics.dim_variant.product_name IS 'Name of the product';
COMMENT ON COLUMN analytics.dim_variant.brand IS 'Brand or manufacturer';
COMMENT ON COLUMN analytics.dim_variant.product_type IS 'Product type';
COMMENT ON COLUMN analytics.dim_variant.category IS 'Category';
COMMENT ON COLUMN analytics.dim_variant.weight_g IS 'Weight in grams';
COMMENT ON COLUMN analytics.dim_variant.unit IS 'Unit of its quantities';
COMMENT ON COLUMN analytics.dim_variant.is_bundle IS 'Made of other variants; null = unsaid';
COMMENT ON COLUMN analytics.dim_variant.is_tracked IS 'Its stock is counted; null = unsaid';
COMMENT ON COLUMN analytics.dim_variant.active IS 'Variant and product are on sale';
COMMENT ON COLUMN analytics.dim_variant.tax_class IS 'Tax class';
COMMENT ON COLUMN analytics.dim_variant.tax_percentage IS 'Tax rate on sales, 19 % is 19.0000';
COMMENT ON COLUMN analytics.dim_variant.attributes IS 'Slug of the attribute -> value or values';
