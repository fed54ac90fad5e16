-- analytics.fct_review: one row per review that is not deleted.
CREATE VIEW analytics.fct_review AS
SELECT
    t.slug AS tenant,
    r.id AS review_id,
    r.review_key,
    r.review_type,
    r.reviewed_at,
    (r.reviewed_at AT TIME ZONE t.timezone)::date AS review_day,
    r.rating,
    r.title,
    r.body,
    r.sku,
    r.product_name,
    r.order_id,
    r.order_number,
    o.ordered_at,
    r.reviewed_at::date - o.ordered_at::date AS days_after_order,
    o.contact_id,
    r.is_verified_buyer,
    r.author_email_sha256,
    r.sub_ratings,
    r.tags,
    cardinality(r.photos) AS photo_count,
    r.helpful_votes,
    r.reply_body,
    r.replied_at,
    a.type AS source_system,
    r.created_at,
    r.updated_at
FROM core.reviews AS r
JOIN platform.tenant AS t ON t.id = r.tenant_id
LEFT JOIN core.orders AS o ON o.id = r.order_id AND o.deleted_at IS NULL
LEFT JOIN platform.app AS a ON a.id = r.owner_app_id
WHERE r.deleted_at IS NULL;

COMMENT ON VIEW analytics.fct_review IS 'Reviews of products and of the merchant: one row per review';
COMMENT ON COLUMN analytics.fct_review.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.fct_review.review_id IS 'Our id of the review';
COMMENT ON COLUMN analytics.fct_review.review_key IS 'System, kind and id there';
COMMENT ON COLUMN analytics.fct_review.review_type IS 'product, or merchant = the company as a whole';
COMMENT ON COLUMN analytics.fct_review.reviewed_at IS 'When the review was written';
COMMENT ON COLUMN analytics.fct_review.review_day IS 'The day of it in the tenant''s time zone';
COMMENT ON COLUMN analytics.fct_review.rating IS 'Stars, 1 (worst) to 5';
COMMENT ON COLUMN analytics.fct_review.title IS 'Headline';
COMMENT ON COLUMN analytics.fct_review.body IS 'Text of the review; null = stars only';
COMMENT ON COLUMN analytics.fct_review.sku IS 'Stock keeping unit of a reviewed product; join order lines by it';
COMMENT ON COLUMN analytics.fct_review.product_name IS 'Name of the product where it was reviewed';
COMMENT ON COLUMN analytics.fct_review.order_id IS 'Our id of the order; null = unnamed, or no source knows it';
COMMENT ON COLUMN analytics.fct_review.order_number IS 'Order that the review names, with the shop''s prefix';
COMMENT ON COLUMN analytics.fct_review.ordered_at IS 'When the order was placed';
COMMENT ON COLUMN analytics.fct_review.days_after_order IS 'Days (UTC) from the order to the review';
COMMENT ON COLUMN analytics.fct_review.contact_id IS 'Our id of the order''s contact';
COMMENT ON COLUMN analytics.fct_review.is_verified_buyer IS 'The source knows of a purchase; null = unsaid';
COMMENT ON COLUMN analytics.fct_review.author_email_sha256 IS 'Tells authors apart without naming them';
COMMENT ON COLUMN analytics.fct_review.sub_ratings IS 'Question -> stars, for instance Quality or Delivery';
COMMENT ON COLUMN analytics.fct_review.tags IS 'Tags that the merchant gave it';
COMMENT ON COLUMN analytics.fct_review.photo_count IS 'Number of its pictures';
COMMENT ON COLUMN analytics.fct_review.helpful_votes IS 'How many readers found it helpful';
COMMENT ON COLUMN analytics.fct_review.reply_body IS 'Latest reply of the merchant';
COMMENT ON COLUMN analytics.fct_review.replied_at IS 'When that was written';
COMMENT ON COLUMN analytics.fct_review.source_system IS 'System that collected it';
COMMENT ON COLUMN analytics.fct_review.created_at IS 'When we first wrote the row';
COMMENT ON COLUMN analytics.fct_review.updated_at IS 'When a column last really changed';
