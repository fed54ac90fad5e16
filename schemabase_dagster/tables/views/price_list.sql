-- analytics.price_list: one row per variant, sales channel and app.
CREATE VIEW analytics.price_list AS
SELECT
    t.slug AS tenant,
    v.sku,
    p.variant_id,
    c.name AS sales_channel,
    coalesce(p.currency, t.default_currency) AS currency,
    p.amount,
    p.cost_amount,
    p.min_quantity,
    p.valid_from,
    p.valid_until,
    a.key AS source_app
FROM core.prices AS p
JOIN platform.tenant AS t ON t.id = p.tenant_id
JOIN core.variants AS v ON v.id = p.variant_id
JOIN platform.app AS a ON a.id = p.owner_app_id
LEFT JOIN core.sales_channels AS c ON c.id = p.sales_channel_id
WHERE p.deleted_at IS NULL AND v.deleted_at IS NULL;

COMMENT ON VIEW analytics.price_list IS 'List prices of variants by sales channel';
COMMENT ON COLUMN analytics.price_list.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.price_list.sku IS 'Stock keeping unit';
COMMENT ON COLUMN analytics.price_list.variant_id IS 'Our id of the variant';
COMMENT ON COLUMN analytics.price_list.sales_channel IS 'Where it holds; null = everywhere';
COMMENT ON COLUMN analytics.price_list.currency IS 'ISO 4217; the tenant''s where the source names none';
COMMENT ON COLUMN analytics.price_list.amount IS 'Price of one';
COMMENT ON COLUMN analytics.price_list.cost_amount IS 'What one costs the tenant';
COMMENT ON COLUMN analytics.price_list.min_quantity IS 'From how many';
COMMENT ON COLUMN analytics.price_list.valid_from IS 'Begin; null = since ever';
COMMENT ON COLUMN analytics.price_list.valid_until IS 'End; null = open';
COMMENT ON COLUMN analytics.price_list.source_app IS 'App whose price list it is';
