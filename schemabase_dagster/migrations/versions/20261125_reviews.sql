CREATE TABLE core.reviews (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    review_key TEXT NOT NULL,
    review_type TEXT NOT NULL,
    sku TEXT,
    variant_id UUID,
    product_name TEXT,
    order_number TEXT,
    order_id UUID,
    rating SMALLINT NOT NULL,
    title TEXT,
    body TEXT,
    author_name TEXT,
    author_email TEXT,
    author_email_sha256 TEXT,
    is_verified_buyer BOOLEAN,
    sub_ratings JSONB DEFAULT '{}' NOT NULL,
    tags TEXT[] DEFAULT '{}' NOT NULL,
    photos TEXT[] DEFAULT '{}' NOT NULL,
    helpful_votes INTEGER DEFAULT 0 NOT NULL,
    reply_body TEXT,
    replied_at TIMESTAMP WITH TIME ZONE,
    reviewed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    owner_app_id UUID,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT reviews_pkey PRIMARY KEY (id),
    CONSTRAINT reviews_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT reviews_tenant_id_review_key_key UNIQUE (tenant_id, review_key) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT reviews_review_type_check CHECK (review_type IN ('product', 'merchant')),
    CONSTRAINT reviews_rating_check CHECK (rating BETWEEN 1 AND 5),
    CONSTRAINT reviews_tenant_id_variant_id_fkey FOREIGN KEY(tenant_id, variant_id) REFERENCES core.variants (tenant_id, id) ON DELETE SET NULL (variant_id),
    CONSTRAINT reviews_tenant_id_order_id_fkey FOREIGN KEY(tenant_id, order_id) REFERENCES core.orders (tenant_id, id) ON DELETE SET NULL (order_id),
    CONSTRAINT reviews_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT reviews_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX reviews_order ON core.reviews (order_id);

CREATE INDEX reviews_reviewed ON core.reviews (tenant_id, reviewed_at);

CREATE INDEX reviews_sku ON core.reviews (tenant_id, sku);

CREATE INDEX reviews_variant ON core.reviews (variant_id);

COMMENT ON TABLE core.reviews IS 'Reviews of products and of the merchant: one row per review, also while its order or product is not known';

COMMENT ON COLUMN core.reviews.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.reviews.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.reviews.review_key IS 'Natural key: system, kind and id there';

COMMENT ON COLUMN core.reviews.review_type IS 'product, or merchant = the company as a whole';

COMMENT ON COLUMN core.reviews.sku IS 'Stock keeping unit of a reviewed product, as the source names it';

COMMENT ON COLUMN core.reviews.variant_id IS 'Variant, once a catalogue stream knows the SKU';

COMMENT ON COLUMN core.reviews.product_name IS 'Name of the product where it was reviewed';

COMMENT ON COLUMN core.reviews.order_number IS 'Order that the review names, with the shop''s prefix';

COMMENT ON COLUMN core.reviews.order_id IS 'Order, once a source knows the number';

COMMENT ON COLUMN core.reviews.rating IS 'Stars, 1 (worst) to 5';

COMMENT ON COLUMN core.reviews.title IS 'Headline';

COMMENT ON COLUMN core.reviews.body IS 'Text of the review; null = stars only';

COMMENT ON COLUMN core.reviews.author_name IS 'Name that the review shows';

COMMENT ON COLUMN core.reviews.author_email IS 'E-mail of the author; null unless the app keeps e-mails';

COMMENT ON COLUMN core.reviews.author_email_sha256 IS 'SHA-256 of the normalised e-mail: tells authors apart';

COMMENT ON COLUMN core.reviews.is_verified_buyer IS 'The source knows of a purchase; null = unsaid';

COMMENT ON COLUMN core.reviews.sub_ratings IS 'Question -> stars, for instance Quality or Delivery';

COMMENT ON COLUMN core.reviews.tags IS 'Tags that the merchant gave it';

COMMENT ON COLUMN core.reviews.photos IS 'Addresses of its pictures';

COMMENT ON COLUMN core.reviews.helpful_votes IS 'How many readers found it helpful';

COMMENT ON COLUMN core.reviews.reply_body IS 'Latest reply of the merchant';

COMMENT ON COLUMN core.reviews.replied_at IS 'When that was written';

COMMENT ON COLUMN core.reviews.reviewed_at IS 'When the review was written';

COMMENT ON COLUMN core.reviews.owner_app_id IS 'App that collected it';

COMMENT ON COLUMN core.reviews.sources IS 'Field group -> app that decided it and since when';

COMMENT ON COLUMN core.reviews.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.reviews.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.reviews.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.external_ref_review PARTITION OF core.external_ref FOR VALUES IN ('review');

ALTER TABLE core.external_ref_review ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.reviews (tenant_id, id) ON DELETE CASCADE;
