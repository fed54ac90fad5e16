-- analytics.stock_current: the level of the best source per warehouse and variant.
CREATE VIEW analytics.stock_current AS
SELECT DISTINCT ON (t.slug, s.warehouse_id, s.variant_id)
    t.slug AS tenant,
    v.sku,
    s.variant_id,
    w.name AS warehouse,
    s.on_hand,
    s.committed,
    s.available,
    a.key AS source_app,
    s.updated_at
FROM core.stock AS s
JOIN platform.tenant AS t ON t.id = s.tenant_id
JOIN core.variants AS v ON v.id = s.variant_id
JOIN core.warehouses AS w ON w.id = s.warehouse_id
JOIN platform.app AS a ON a.id = s.owner_app_id
LEFT JOIN platform.field_authority AS f
    ON f.app_id = s.owner_app_id AND f.entity = 'stock' AND f.field_group = 'level'
WHERE s.deleted_at IS NULL AND v.deleted_at IS NULL
ORDER BY t.slug, s.warehouse_id, s.variant_id, a.enabled DESC, f.priority NULLS LAST,
    array_position(ARRAY['xentral', 'zoho', 'saleor'], a.type) NULLS LAST, a.key;

COMMENT ON VIEW analytics.stock_current IS 'Stock: one row per warehouse and variant, by the source that knows best: warehouse, books, shop';
COMMENT ON COLUMN analytics.stock_current.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.stock_current.sku IS 'Stock keeping unit';
COMMENT ON COLUMN analytics.stock_current.variant_id IS 'Our id of the variant';
COMMENT ON COLUMN analytics.stock_current.warehouse IS 'Warehouse';
COMMENT ON COLUMN analytics.stock_current.on_hand IS 'What lies there';
COMMENT ON COLUMN analytics.stock_current.committed IS 'What is promised to orders';
COMMENT ON COLUMN analytics.stock_current.available IS 'What may still be sold; below zero when more was promised';
COMMENT ON COLUMN analytics.stock_current.source_app IS 'App that counted';
COMMENT ON COLUMN analytics.stock_current.updated_at IS 'When the level last changed';
