ALTER TABLE core.product_types ADD COLUMN has_variants BOOLEAN;

ALTER TABLE core.products
    ADD COLUMN is_purchasable BOOLEAN,
    ADD COLUMN search_description TEXT,
    ADD COLUMN gtin TEXT;

ALTER TABLE core.variants ADD COLUMN media_urls TEXT[];

CREATE TABLE platform.api_token (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    scopes TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT api_token_pkey PRIMARY KEY (id),
    CONSTRAINT api_token_token_hash_key UNIQUE (token_hash),
    CONSTRAINT api_token_id_check CHECK (id ~ '^tk_[a-z2-7]{10}$')
);

COMMENT ON TABLE platform.api_token IS 'Bearer tokens of the read API';

COMMENT ON COLUMN platform.api_token.id IS 'Public id, which logs and lists name';

COMMENT ON COLUMN platform.api_token.name IS 'Who uses it';

COMMENT ON COLUMN platform.api_token.token_hash IS 'SHA-256 of the token, which is stored nowhere';

COMMENT ON COLUMN platform.api_token.scopes IS 'What it may read';

COMMENT ON COLUMN platform.api_token.created_at IS 'When it was made';

COMMENT ON COLUMN platform.api_token.expires_at IS 'Refused from then on';

COMMENT ON COLUMN platform.api_token.revoked_at IS 'Refused since then';

COMMENT ON COLUMN platform.api_token.last_used_at IS 'When it was last used, to the minute';

COMMENT ON COLUMN core.product_types.has_variants IS 'Variants of its products have names; null = unsaid';

CREATE TABLE platform.api_token_tenant (
    token_id TEXT NOT NULL,
    tenant_id UUID NOT NULL,
    CONSTRAINT api_token_tenant_pkey PRIMARY KEY (token_id, tenant_id),
    CONSTRAINT api_token_tenant_token_id_fkey FOREIGN KEY(token_id) REFERENCES platform.api_token (id) ON DELETE CASCADE,
    CONSTRAINT api_token_tenant_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

COMMENT ON TABLE platform.api_token_tenant IS 'Which tenants a token reads';

COMMENT ON COLUMN platform.api_token_tenant.token_id IS 'Token';

COMMENT ON COLUMN platform.api_token_tenant.tenant_id IS 'Tenant the row belongs to';

CREATE TABLE platform.logistics_numbers (
    tenant_id UUID NOT NULL,
    ready_now INTEGER NOT NULL,
    ready_next_five_days INTEGER NOT NULL,
    bulk_now INTEGER NOT NULL,
    bulk_next_five_days INTEGER NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT logistics_numbers_pkey PRIMARY KEY (tenant_id),
    CONSTRAINT logistics_numbers_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

COMMENT ON TABLE platform.logistics_numbers IS 'How many orders wait in the warehouse, as they are served';

COMMENT ON COLUMN platform.logistics_numbers.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN platform.logistics_numbers.ready_now IS 'Orders that the warehouse may send today';

COMMENT ON COLUMN platform.logistics_numbers.ready_next_five_days IS 'Orders to be sent within the five days after today';

COMMENT ON COLUMN platform.logistics_numbers.bulk_now IS 'Bulk orders that the warehouse may send today';

COMMENT ON COLUMN platform.logistics_numbers.bulk_next_five_days IS 'Bulk orders to be sent within the five days after today';

COMMENT ON COLUMN platform.logistics_numbers.made_at IS 'When they were counted';

COMMENT ON COLUMN core.products.is_purchasable IS 'It can be bought somewhere; null = unsaid';

COMMENT ON COLUMN core.products.search_description IS 'Short text for search engines';

COMMENT ON COLUMN core.products.gtin IS 'EAN, UPC or ISBN of a product without variants';

CREATE TABLE platform.read_endpoint (
    id TEXT NOT NULL,
    tenant_id UUID NOT NULL,
    kind TEXT NOT NULL,
    name TEXT,
    app_id UUID,
    sales_channel_id UUID,
    link_prefix TEXT,
    enabled BOOLEAN DEFAULT true NOT NULL,
    last_read_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT read_endpoint_pkey PRIMARY KEY (id),
    CONSTRAINT read_endpoint_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT read_endpoint_id_check CHECK (id ~ '^rd_[a-z2-7]{26}$'),
    CONSTRAINT read_endpoint_kind_check CHECK (kind IN ('product_feed', 'logistics')),
    CONSTRAINT read_endpoint_tenant_id_app_id_fkey FOREIGN KEY(tenant_id, app_id) REFERENCES platform.app (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT read_endpoint_tenant_id_sales_channel_id_fkey FOREIGN KEY(tenant_id, sales_channel_id) REFERENCES core.sales_channels (tenant_id, id) ON DELETE SET NULL (sales_channel_id),
    CONSTRAINT read_endpoint_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

COMMENT ON TABLE platform.read_endpoint IS 'An address at which others read something of one tenant without a token';

COMMENT ON COLUMN platform.read_endpoint.id IS 'Public id, part of the URL: 130 random bits';

COMMENT ON COLUMN platform.read_endpoint.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN platform.read_endpoint.kind IS 'product_feed or logistics';

COMMENT ON COLUMN platform.read_endpoint.name IS 'Name for people';

COMMENT ON COLUMN platform.read_endpoint.app_id IS 'Shop whose products a feed lists';

COMMENT ON COLUMN platform.read_endpoint.sales_channel_id IS 'Sales channel whose prices a feed shows';

COMMENT ON COLUMN platform.read_endpoint.link_prefix IS 'Address of a product in the storefront, without its slug';

COMMENT ON COLUMN platform.read_endpoint.enabled IS 'False = refused with 403';

COMMENT ON COLUMN platform.read_endpoint.last_read_at IS 'When somebody last read it, to the minute';

COMMENT ON COLUMN platform.read_endpoint.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN platform.read_endpoint.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN platform.read_endpoint.deleted_at IS 'Gone at every source since; values are kept';

COMMENT ON COLUMN core.variants.media_urls IS 'Addresses of its own pictures, in order';

CREATE TABLE platform.product_feed (
    tenant_id UUID NOT NULL,
    endpoint_id TEXT NOT NULL,
    variant TEXT NOT NULL,
    version INTEGER NOT NULL,
    md5 TEXT NOT NULL,
    byte_count BIGINT NOT NULL,
    part_count INTEGER NOT NULL,
    row_count INTEGER NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT product_feed_pkey PRIMARY KEY (endpoint_id, variant),
    CONSTRAINT product_feed_variant_check CHECK (variant IN ('googlemerchant', 'facebookcommerce')),
    CONSTRAINT product_feed_tenant_id_endpoint_id_fkey FOREIGN KEY(tenant_id, endpoint_id) REFERENCES platform.read_endpoint (tenant_id, id) ON DELETE CASCADE
);

COMMENT ON TABLE platform.product_feed IS 'Product data feeds: one row per endpoint and format, as they are served';

COMMENT ON COLUMN platform.product_feed.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN platform.product_feed.endpoint_id IS 'Endpoint';

COMMENT ON COLUMN platform.product_feed.variant IS 'Format: googlemerchant or facebookcommerce';

COMMENT ON COLUMN platform.product_feed.version IS 'Counts the changes';

COMMENT ON COLUMN platform.product_feed.md5 IS 'MD5 of the text, part of the file name';

COMMENT ON COLUMN platform.product_feed.byte_count IS 'Size of the text';

COMMENT ON COLUMN platform.product_feed.part_count IS 'Parts it is stored in';

COMMENT ON COLUMN platform.product_feed.row_count IS 'Products in it';

COMMENT ON COLUMN platform.product_feed.changed_at IS 'When the text last changed';

COMMENT ON COLUMN platform.product_feed.made_at IS 'When it was last made, changed or not';

CREATE TABLE platform.product_feed_part (
    endpoint_id TEXT NOT NULL,
    variant TEXT NOT NULL,
    version INTEGER NOT NULL,
    part_no INTEGER NOT NULL,
    body BYTEA NOT NULL,
    CONSTRAINT product_feed_part_pkey PRIMARY KEY (endpoint_id, variant, version, part_no),
    CONSTRAINT product_feed_part_endpoint_id_variant_fkey FOREIGN KEY(endpoint_id, variant) REFERENCES platform.product_feed (endpoint_id, variant) ON DELETE CASCADE
);

COMMENT ON TABLE platform.product_feed_part IS 'Text of product data feeds; the version before the present one is kept for readers';

COMMENT ON COLUMN platform.product_feed_part.endpoint_id IS 'Endpoint';

COMMENT ON COLUMN platform.product_feed_part.variant IS 'Format';

COMMENT ON COLUMN platform.product_feed_part.version IS 'Version of the feed';

COMMENT ON COLUMN platform.product_feed_part.part_no IS 'Place in the text, 0-based';

COMMENT ON COLUMN platform.product_feed_part.body IS 'Bytes of the text, UTF-8';

CREATE INDEX packages_tracking_ids ON core.packages USING gin (tracking_ids) WHERE tracking_ids IS NOT NULL;
