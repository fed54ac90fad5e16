CREATE TABLE core.packages (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    package_number TEXT NOT NULL,
    order_id UUID,
    owner_app_id UUID,
    active BOOLEAN DEFAULT true NOT NULL,
    carrier TEXT DEFAULT 'unknown' NOT NULL,
    state TEXT DEFAULT 'init' NOT NULL,
    tracking_id TEXT,
    tracking_ids TEXT[],
    is_multi_piece BOOLEAN DEFAULT false NOT NULL,
    carrier_tracking_url TEXT,
    packed_at TIMESTAMP WITH TIME ZONE,
    shipped_at TIMESTAMP WITH TIME ZONE,
    delivered_at TIMESTAMP WITH TIME ZONE,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT packages_pkey PRIMARY KEY (id),
    CONSTRAINT packages_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT packages_tenant_id_package_number_key UNIQUE (tenant_id, package_number) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT packages_carrier_check CHECK (carrier IN ('dpd', 'dhl', 'ups', 'hermes', 'pickup', 'fedex', 'usps', 'bulk', 'unknown')),
    CONSTRAINT packages_state_check CHECK (state IN ('init', 'pending', 'information_received', 'in_transit', 'out_for_delivery', 'failed_attempt', 'available_for_pickup', 'delivered', 'exception', 'expired')),
    CONSTRAINT packages_tenant_id_order_id_fkey FOREIGN KEY(tenant_id, order_id) REFERENCES core.orders (tenant_id, id) ON DELETE SET NULL (order_id),
    CONSTRAINT packages_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT packages_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX packages_order ON core.packages (order_id);

CREATE INDEX packages_tracking ON core.packages (tenant_id, carrier, tracking_id) WHERE tracking_id IS NOT NULL;

COMMENT ON TABLE core.packages IS 'Packages: one row per parcel, whatever number of systems know it';

COMMENT ON COLUMN core.packages.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.packages.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.packages.package_number IS 'Natural key';

COMMENT ON COLUMN core.packages.order_id IS 'Order it belongs to; null until that is known';

COMMENT ON COLUMN core.packages.owner_app_id IS 'App that owns the row: the shop, else the ERP';

COMMENT ON COLUMN core.packages.active IS 'False once it was canceled';

COMMENT ON COLUMN core.packages.carrier IS 'Who carries it';

COMMENT ON COLUMN core.packages.state IS 'init, pending, information_received, in_transit, out_for_delivery, failed_attempt, available_for_pickup, delivered, exception or expired';

COMMENT ON COLUMN core.packages.tracking_id IS 'Tracking number, the first of several';

COMMENT ON COLUMN core.packages.tracking_ids IS 'All tracking numbers, when there are several';

COMMENT ON COLUMN core.packages.is_multi_piece IS 'Several pieces, each with a tracking number of its own';

COMMENT ON COLUMN core.packages.carrier_tracking_url IS 'Page of the carrier, where the source names it';

COMMENT ON COLUMN core.packages.packed_at IS 'When the source made the package';

COMMENT ON COLUMN core.packages.shipped_at IS 'When it left the house; the day, where the source has no time';

COMMENT ON COLUMN core.packages.delivered_at IS 'When it arrived; the day, where the source has no time';

COMMENT ON COLUMN core.packages.sources IS 'Field group -> app that decided it and since when';

COMMENT ON COLUMN core.packages.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.packages.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.packages.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.external_ref_package PARTITION OF core.external_ref FOR VALUES IN ('package');

ALTER TABLE core.external_ref_package ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.packages (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.package_lines (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    package_id UUID NOT NULL,
    line_no INTEGER NOT NULL,
    sku TEXT NOT NULL,
    sku_occurrence INTEGER DEFAULT 1 NOT NULL,
    variant_id UUID,
    description TEXT,
    quantity NUMERIC(19, 6) NOT NULL,
    warehouse_id UUID,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT package_lines_pkey PRIMARY KEY (id),
    CONSTRAINT package_lines_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT package_lines_package_id_sku_sku_occurrence_key UNIQUE (package_id, sku, sku_occurrence),
    CONSTRAINT package_lines_tenant_id_package_id_fkey FOREIGN KEY(tenant_id, package_id) REFERENCES core.packages (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT package_lines_tenant_id_variant_id_fkey FOREIGN KEY(tenant_id, variant_id) REFERENCES core.variants (tenant_id, id),
    CONSTRAINT package_lines_tenant_id_warehouse_id_fkey FOREIGN KEY(tenant_id, warehouse_id) REFERENCES core.warehouses (tenant_id, id)
);

COMMENT ON TABLE core.package_lines IS 'What lies in packages: one row per package, SKU and occurrence of the SKU';

COMMENT ON COLUMN core.package_lines.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.package_lines.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.package_lines.package_id IS 'Package';

COMMENT ON COLUMN core.package_lines.line_no IS 'Position, 1-based';

COMMENT ON COLUMN core.package_lines.sku IS 'Stock keeping unit; empty when the source has none';

COMMENT ON COLUMN core.package_lines.sku_occurrence IS '1 for the first line of this SKU in source order';

COMMENT ON COLUMN core.package_lines.variant_id IS 'Variant, once a catalogue stream knows the SKU';

COMMENT ON COLUMN core.package_lines.description IS 'Name of the article';

COMMENT ON COLUMN core.package_lines.quantity IS 'Packed quantity';

COMMENT ON COLUMN core.package_lines.warehouse_id IS 'Warehouse';

COMMENT ON COLUMN core.package_lines.sources IS 'App -> id of the line there; ''by'' = app that decided the quantity';

COMMENT ON COLUMN core.package_lines.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.package_lines.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.package_lines.deleted_at IS 'Gone at every source since; values are kept';
