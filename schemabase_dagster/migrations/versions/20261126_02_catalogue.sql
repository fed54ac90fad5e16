-- No stream has ever filled these tables: they are made anew with all their columns.
DROP TABLE core.variants, core.products, core.tax_rates, core.tax_classes, core.warehouses CASCADE;

ALTER TABLE core.sales_channels ADD COLUMN sources JSONB DEFAULT '{}' NOT NULL,
    DROP CONSTRAINT sales_channels_tenant_id_normalized_name_key,
    ADD CONSTRAINT sales_channels_tenant_id_normalized_name_key UNIQUE (tenant_id, normalized_name) DEFERRABLE INITIALLY IMMEDIATE;

COMMENT ON COLUMN core.sales_channels.sources IS 'Field group -> app that decided it';

CREATE TABLE core.tax_classes (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    normalized_name TEXT NOT NULL,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT tax_classes_pkey PRIMARY KEY (id),
    CONSTRAINT tax_classes_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT tax_classes_tenant_id_normalized_name_key UNIQUE (tenant_id, normalized_name) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT tax_classes_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

COMMENT ON TABLE core.tax_classes IS 'Kinds of tax treatment, for instance the reduced rate';

COMMENT ON COLUMN core.tax_classes.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.tax_classes.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.tax_classes.name IS 'Name';

COMMENT ON COLUMN core.tax_classes.normalized_name IS 'Letters and digits only, case-folded';

COMMENT ON COLUMN core.tax_classes.sources IS 'Field group -> app that decided it';

COMMENT ON COLUMN core.tax_classes.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.tax_classes.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.tax_classes.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.warehouses (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    normalized_name TEXT NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT warehouses_pkey PRIMARY KEY (id),
    CONSTRAINT warehouses_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT warehouses_tenant_id_normalized_name_key UNIQUE (tenant_id, normalized_name) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT warehouses_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

COMMENT ON TABLE core.warehouses IS 'Places goods are kept';

COMMENT ON COLUMN core.warehouses.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.warehouses.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.warehouses.name IS 'Name';

COMMENT ON COLUMN core.warehouses.normalized_name IS 'Letters and digits only, case-folded';

COMMENT ON COLUMN core.warehouses.active IS 'In use';

COMMENT ON COLUMN core.warehouses.sources IS 'Field group -> app that decided it';

COMMENT ON COLUMN core.warehouses.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.warehouses.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.warehouses.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.product_types (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    normalized_name TEXT NOT NULL,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT product_types_pkey PRIMARY KEY (id),
    CONSTRAINT product_types_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT product_types_tenant_id_normalized_name_key UNIQUE (tenant_id, normalized_name) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT product_types_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

COMMENT ON TABLE core.product_types IS 'Kinds of products, which share attributes';

COMMENT ON COLUMN core.product_types.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.product_types.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.product_types.name IS 'Name';

COMMENT ON COLUMN core.product_types.normalized_name IS 'Letters and digits only, case-folded';

COMMENT ON COLUMN core.product_types.sources IS 'Field group -> app that decided it';

COMMENT ON COLUMN core.product_types.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.product_types.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.product_types.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.categories (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    parent_id UUID,
    level INTEGER,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT categories_pkey PRIMARY KEY (id),
    CONSTRAINT categories_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT categories_tenant_id_slug_key UNIQUE (tenant_id, slug) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT categories_tenant_id_parent_id_fkey FOREIGN KEY(tenant_id, parent_id) REFERENCES core.categories (tenant_id, id) ON DELETE SET NULL (parent_id),
    CONSTRAINT categories_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

COMMENT ON TABLE core.categories IS 'Categories of products, a tree';

COMMENT ON COLUMN core.categories.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.categories.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.categories.name IS 'Name';

COMMENT ON COLUMN core.categories.slug IS 'Name in the shop''s addresses: the natural key';

COMMENT ON COLUMN core.categories.parent_id IS 'Category above; null = at the top';

COMMENT ON COLUMN core.categories.level IS 'Depth in the tree, 0 at the top';

COMMENT ON COLUMN core.categories.sources IS 'Field group -> app that decided it';

COMMENT ON COLUMN core.categories.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.categories.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.categories.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.tax_rates (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    rate_key TEXT NOT NULL,
    name TEXT,
    tax_class_id UUID,
    percentage NUMERIC(9, 4) NOT NULL,
    country_code TEXT,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT tax_rates_pkey PRIMARY KEY (id),
    CONSTRAINT tax_rates_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT tax_rates_tenant_id_rate_key_key UNIQUE (tenant_id, rate_key) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT tax_rates_tenant_id_tax_class_id_fkey FOREIGN KEY(tenant_id, tax_class_id) REFERENCES core.tax_classes (tenant_id, id) ON DELETE SET NULL (tax_class_id),
    CONSTRAINT tax_rates_country_code_check CHECK (country_code ~ '^[A-Z]{2}$'),
    CONSTRAINT tax_rates_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

COMMENT ON TABLE core.tax_rates IS 'Tax percentages by country';

COMMENT ON COLUMN core.tax_rates.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.tax_rates.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.tax_rates.rate_key IS 'Natural key: percentage and country';

COMMENT ON COLUMN core.tax_rates.name IS 'Name at the deciding source';

COMMENT ON COLUMN core.tax_rates.tax_class_id IS 'Tax class';

COMMENT ON COLUMN core.tax_rates.percentage IS '19 % is 19.0000';

COMMENT ON COLUMN core.tax_rates.country_code IS 'ISO 3166-1 alpha-2; null = everywhere';

COMMENT ON COLUMN core.tax_rates.sources IS 'Field group -> app that decided it';

COMMENT ON COLUMN core.tax_rates.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.tax_rates.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.tax_rates.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.products (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    name TEXT,
    match_key TEXT NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    slug TEXT,
    description TEXT,
    brand TEXT,
    product_type_id UUID,
    category_id UUID,
    media_urls TEXT[] DEFAULT '{}' NOT NULL,
    attributes JSONB DEFAULT '{}' NOT NULL,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT products_pkey PRIMARY KEY (id),
    CONSTRAINT products_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT products_tenant_id_match_key_key UNIQUE (tenant_id, match_key) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT products_tenant_id_product_type_id_fkey FOREIGN KEY(tenant_id, product_type_id) REFERENCES core.product_types (tenant_id, id) ON DELETE SET NULL (product_type_id),
    CONSTRAINT products_tenant_id_category_id_fkey FOREIGN KEY(tenant_id, category_id) REFERENCES core.categories (tenant_id, id) ON DELETE SET NULL (category_id),
    CONSTRAINT products_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

COMMENT ON TABLE core.products IS 'Products: what variants of one thing belong to';

COMMENT ON COLUMN core.products.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.products.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.products.name IS 'Name';

COMMENT ON COLUMN core.products.match_key IS 'Natural key: the least of the keys its records bear';

COMMENT ON COLUMN core.products.active IS 'In use';

COMMENT ON COLUMN core.products.slug IS 'Name in the shop''s addresses';

COMMENT ON COLUMN core.products.description IS 'Text of the product, as the source keeps it';

COMMENT ON COLUMN core.products.brand IS 'Brand or manufacturer';

COMMENT ON COLUMN core.products.product_type_id IS 'Product type';

COMMENT ON COLUMN core.products.category_id IS 'Category';

COMMENT ON COLUMN core.products.media_urls IS 'Addresses of its pictures, in order';

COMMENT ON COLUMN core.products.attributes IS 'Slug of the attribute -> value or values';

COMMENT ON COLUMN core.products.sources IS 'Field group -> app that decided it';

COMMENT ON COLUMN core.products.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.products.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.products.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.variants (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    product_id UUID,
    sku TEXT,
    name TEXT,
    active BOOLEAN DEFAULT true NOT NULL,
    gtin TEXT,
    unit TEXT,
    weight_g NUMERIC(19, 3),
    is_bundle BOOLEAN,
    is_tracked BOOLEAN,
    tax_class_id UUID,
    tax_percentage NUMERIC(9, 4),
    attributes JSONB DEFAULT '{}' NOT NULL,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT variants_pkey PRIMARY KEY (id),
    CONSTRAINT variants_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT variants_tenant_id_sku_key UNIQUE (tenant_id, sku) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT variants_tenant_id_product_id_fkey FOREIGN KEY(tenant_id, product_id) REFERENCES core.products (tenant_id, id) ON DELETE SET NULL (product_id),
    CONSTRAINT variants_tenant_id_tax_class_id_fkey FOREIGN KEY(tenant_id, tax_class_id) REFERENCES core.tax_classes (tenant_id, id) ON DELETE SET NULL (tax_class_id),
    CONSTRAINT variants_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX variants_product ON core.variants (product_id);

COMMENT ON TABLE core.variants IS 'What is sold: one row per SKU';

COMMENT ON COLUMN core.variants.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.variants.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.variants.product_id IS 'Product, once a source knows it';

COMMENT ON COLUMN core.variants.sku IS 'Stock keeping unit: the natural key; null where a source has none';

COMMENT ON COLUMN core.variants.name IS 'Name of the variant';

COMMENT ON COLUMN core.variants.active IS 'On sale';

COMMENT ON COLUMN core.variants.gtin IS 'EAN, UPC or ISBN';

COMMENT ON COLUMN core.variants.unit IS 'Unit of its quantities, such as pcs';

COMMENT ON COLUMN core.variants.weight_g IS 'Weight in grams';

COMMENT ON COLUMN core.variants.is_bundle IS 'Made of other variants; null = unsaid';

COMMENT ON COLUMN core.variants.is_tracked IS 'Its stock is counted; null = unsaid';

COMMENT ON COLUMN core.variants.tax_class_id IS 'Tax class';

COMMENT ON COLUMN core.variants.tax_percentage IS 'Tax rate on sales, 19 % is 19.0000';

COMMENT ON COLUMN core.variants.attributes IS 'Slug of the attribute -> value or values';

COMMENT ON COLUMN core.variants.sources IS 'Field group -> app that decided it';

COMMENT ON COLUMN core.variants.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.variants.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.variants.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.bills_of_material (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    variant_id UUID,
    kind TEXT,
    active BOOLEAN DEFAULT true NOT NULL,
    owner_app_id UUID,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT bills_of_material_pkey PRIMARY KEY (id),
    CONSTRAINT bills_of_material_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT bills_of_material_tenant_id_variant_id_fkey FOREIGN KEY(tenant_id, variant_id) REFERENCES core.variants (tenant_id, id) ON DELETE SET NULL (variant_id),
    CONSTRAINT bills_of_material_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT bills_of_material_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX bills_of_material_variant ON core.bills_of_material (variant_id);

COMMENT ON TABLE core.bills_of_material IS 'Bundles: variants that are made of others; the parts are in bill_of_material_lines';

COMMENT ON COLUMN core.bills_of_material.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.bills_of_material.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.bills_of_material.variant_id IS 'What is made, once a source knows it';

COMMENT ON COLUMN core.bills_of_material.kind IS 'assembly = made before it is sold, kit = put together when sent';

COMMENT ON COLUMN core.bills_of_material.active IS 'In use';

COMMENT ON COLUMN core.bills_of_material.owner_app_id IS 'App that keeps it';

COMMENT ON COLUMN core.bills_of_material.sources IS 'Field group -> app that decided it';

COMMENT ON COLUMN core.bills_of_material.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.bills_of_material.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.bills_of_material.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.bill_of_material_lines (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    bill_of_material_id UUID NOT NULL,
    line_no INTEGER NOT NULL,
    sku TEXT NOT NULL,
    sku_occurrence INTEGER DEFAULT 1 NOT NULL,
    component_variant_id UUID,
    description TEXT,
    quantity NUMERIC(19, 6) NOT NULL,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT bill_of_material_lines_pkey PRIMARY KEY (id),
    CONSTRAINT bill_of_material_lines_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT bill_of_material_lines_bill_of_material_id_sku_sku_occu_22f4 UNIQUE (bill_of_material_id, sku, sku_occurrence),
    CONSTRAINT bill_of_material_lines_tenant_id_bill_of_material_id_fkey FOREIGN KEY(tenant_id, bill_of_material_id) REFERENCES core.bills_of_material (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT bill_of_material_lines_tenant_id_component_variant_id_fkey FOREIGN KEY(tenant_id, component_variant_id) REFERENCES core.variants (tenant_id, id) ON DELETE SET NULL (component_variant_id)
);

COMMENT ON TABLE core.bill_of_material_lines IS 'Parts of bundles';

COMMENT ON COLUMN core.bill_of_material_lines.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.bill_of_material_lines.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.bill_of_material_lines.bill_of_material_id IS 'Bill of material';

COMMENT ON COLUMN core.bill_of_material_lines.line_no IS 'Position, 1-based';

COMMENT ON COLUMN core.bill_of_material_lines.sku IS 'Stock keeping unit of the part';

COMMENT ON COLUMN core.bill_of_material_lines.sku_occurrence IS '1 for the first line of this SKU in source order';

COMMENT ON COLUMN core.bill_of_material_lines.component_variant_id IS 'The part, once a catalogue stream knows the SKU';

COMMENT ON COLUMN core.bill_of_material_lines.description IS 'Name of the part';

COMMENT ON COLUMN core.bill_of_material_lines.quantity IS 'How many go into one';

COMMENT ON COLUMN core.bill_of_material_lines.sources IS 'App -> id of the line there; ''by'' = app that decided it';

COMMENT ON COLUMN core.bill_of_material_lines.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.bill_of_material_lines.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.bill_of_material_lines.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.stock (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    warehouse_id UUID,
    variant_id UUID,
    on_hand NUMERIC(19, 6),
    committed NUMERIC(19, 6),
    available NUMERIC(19, 6),
    owner_app_id UUID,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT stock_pkey PRIMARY KEY (id),
    CONSTRAINT stock_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT stock_warehouse_id_variant_id_owner_app_id_key UNIQUE (warehouse_id, variant_id, owner_app_id) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT stock_tenant_id_warehouse_id_fkey FOREIGN KEY(tenant_id, warehouse_id) REFERENCES core.warehouses (tenant_id, id) ON DELETE SET NULL (warehouse_id),
    CONSTRAINT stock_tenant_id_variant_id_fkey FOREIGN KEY(tenant_id, variant_id) REFERENCES core.variants (tenant_id, id) ON DELETE SET NULL (variant_id),
    CONSTRAINT stock_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT stock_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX stock_variant ON core.stock (variant_id);

COMMENT ON TABLE core.stock IS 'Stock levels: one row per warehouse, variant and app';

COMMENT ON COLUMN core.stock.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.stock.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.stock.warehouse_id IS 'Warehouse, once a source knows it';

COMMENT ON COLUMN core.stock.variant_id IS 'Variant, once a source knows it';

COMMENT ON COLUMN core.stock.on_hand IS 'What lies there';

COMMENT ON COLUMN core.stock.committed IS 'What is promised to orders';

COMMENT ON COLUMN core.stock.available IS 'What may still be sold; below zero when more was promised';

COMMENT ON COLUMN core.stock.owner_app_id IS 'App that counts: each has levels of its own';

COMMENT ON COLUMN core.stock.sources IS 'Field group -> app that decided it';

COMMENT ON COLUMN core.stock.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.stock.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.stock.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.prices (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    variant_id UUID,
    sales_channel_id UUID,
    currency TEXT,
    amount NUMERIC(19, 4) NOT NULL,
    cost_amount NUMERIC(19, 4),
    min_quantity NUMERIC(19, 6) DEFAULT '1' NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE,
    valid_until TIMESTAMP WITH TIME ZONE,
    owner_app_id UUID,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT prices_pkey PRIMARY KEY (id),
    CONSTRAINT prices_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT prices_tenant_id_variant_id_fkey FOREIGN KEY(tenant_id, variant_id) REFERENCES core.variants (tenant_id, id) ON DELETE SET NULL (variant_id),
    CONSTRAINT prices_tenant_id_sales_channel_id_fkey FOREIGN KEY(tenant_id, sales_channel_id) REFERENCES core.sales_channels (tenant_id, id) ON DELETE SET NULL (sales_channel_id),
    CONSTRAINT prices_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT prices_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT prices_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX prices_variant ON core.prices (variant_id);

COMMENT ON TABLE core.prices IS 'List prices: one row per variant, sales channel and app';

COMMENT ON COLUMN core.prices.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.prices.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.prices.variant_id IS 'Variant, once a source knows it';

COMMENT ON COLUMN core.prices.sales_channel_id IS 'Where it holds; null = everywhere';

COMMENT ON COLUMN core.prices.currency IS 'ISO 4217; null = the tenant''s currency, the source names none';

COMMENT ON COLUMN core.prices.amount IS 'Price of one';

COMMENT ON COLUMN core.prices.cost_amount IS 'What one costs the tenant';

COMMENT ON COLUMN core.prices.min_quantity IS 'From how many';

COMMENT ON COLUMN core.prices.valid_from IS 'Begin; null = since ever';

COMMENT ON COLUMN core.prices.valid_until IS 'End; null = open';

COMMENT ON COLUMN core.prices.owner_app_id IS 'App whose price list it is';

COMMENT ON COLUMN core.prices.sources IS 'Field group -> app that decided it';

COMMENT ON COLUMN core.prices.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.prices.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.prices.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.variant_ratings (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    sku TEXT NOT NULL,
    variant_id UUID,
    average NUMERIC(6, 4) NOT NULL,
    rating_count INTEGER NOT NULL,
    owner_app_id UUID,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT variant_ratings_pkey PRIMARY KEY (id),
    CONSTRAINT variant_ratings_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT variant_ratings_tenant_id_variant_id_fkey FOREIGN KEY(tenant_id, variant_id) REFERENCES core.variants (tenant_id, id) ON DELETE SET NULL (variant_id),
    CONSTRAINT variant_ratings_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT variant_ratings_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX variant_ratings_variant ON core.variant_ratings (variant_id);

COMMENT ON TABLE core.variant_ratings IS 'Ratings of variants: one row per SKU and app that collects them';

COMMENT ON COLUMN core.variant_ratings.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.variant_ratings.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.variant_ratings.sku IS 'Stock keeping unit as the source names it';

COMMENT ON COLUMN core.variant_ratings.variant_id IS 'Variant, once a catalogue stream knows the SKU';

COMMENT ON COLUMN core.variant_ratings.average IS 'Average stars, 1 to 5';

COMMENT ON COLUMN core.variant_ratings.rating_count IS 'How many ratings it is made of';

COMMENT ON COLUMN core.variant_ratings.owner_app_id IS 'App that collects them';

COMMENT ON COLUMN core.variant_ratings.sources IS 'Field group -> app that decided it';

COMMENT ON COLUMN core.variant_ratings.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.variant_ratings.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.variant_ratings.deleted_at IS 'Gone at every source since; values are kept';

ALTER TABLE core.order_lines
    ADD CONSTRAINT order_lines_tenant_id_variant_id_fkey FOREIGN KEY(tenant_id, variant_id) REFERENCES core.variants (tenant_id, id) ON DELETE SET NULL (variant_id),
    ADD CONSTRAINT order_lines_tenant_id_warehouse_id_fkey FOREIGN KEY(tenant_id, warehouse_id) REFERENCES core.warehouses (tenant_id, id) ON DELETE SET NULL (warehouse_id);

ALTER TABLE core.package_lines
    ADD CONSTRAINT package_lines_tenant_id_variant_id_fkey FOREIGN KEY(tenant_id, variant_id) REFERENCES core.variants (tenant_id, id) ON DELETE SET NULL (variant_id),
    ADD CONSTRAINT package_lines_tenant_id_warehouse_id_fkey FOREIGN KEY(tenant_id, warehouse_id) REFERENCES core.warehouses (tenant_id, id) ON DELETE SET NULL (warehouse_id);

ALTER TABLE core.reviews
    ADD CONSTRAINT reviews_tenant_id_variant_id_fkey FOREIGN KEY(tenant_id, variant_id) REFERENCES core.variants (tenant_id, id) ON DELETE SET NULL (variant_id);

CREATE TABLE core.external_ref_tax_class PARTITION OF core.external_ref FOR VALUES IN ('tax_class');

ALTER TABLE core.external_ref_tax_class ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.tax_classes (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_tax_rate PARTITION OF core.external_ref FOR VALUES IN ('tax_rate');

ALTER TABLE core.external_ref_tax_rate ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.tax_rates (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_warehouse PARTITION OF core.external_ref FOR VALUES IN ('warehouse');

ALTER TABLE core.external_ref_warehouse ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.warehouses (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_sales_channel PARTITION OF core.external_ref FOR VALUES IN ('sales_channel');

ALTER TABLE core.external_ref_sales_channel ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.sales_channels (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_product_type PARTITION OF core.external_ref FOR VALUES IN ('product_type');

ALTER TABLE core.external_ref_product_type ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.product_types (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_category PARTITION OF core.external_ref FOR VALUES IN ('category');

ALTER TABLE core.external_ref_category ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.categories (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_product PARTITION OF core.external_ref FOR VALUES IN ('product');

ALTER TABLE core.external_ref_product ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.products (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_variant PARTITION OF core.external_ref FOR VALUES IN ('variant');

ALTER TABLE core.external_ref_variant ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.variants (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_bill_of_material PARTITION OF core.external_ref FOR VALUES IN ('bill_of_material');

ALTER TABLE core.external_ref_bill_of_material ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.bills_of_material (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_stock PARTITION OF core.external_ref FOR VALUES IN ('stock');

ALTER TABLE core.external_ref_stock ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.stock (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_price PARTITION OF core.external_ref FOR VALUES IN ('price');

ALTER TABLE core.external_ref_price ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.prices (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_variant_rating PARTITION OF core.external_ref FOR VALUES IN ('variant_rating');

ALTER TABLE core.external_ref_variant_rating ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.variant_ratings (tenant_id, id) ON DELETE CASCADE;
