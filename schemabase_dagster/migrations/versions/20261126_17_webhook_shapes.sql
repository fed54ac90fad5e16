CREATE TABLE platform.webhook_shape (
    tenant_id UUID NOT NULL,
    provider TEXT NOT NULL,
    event_type TEXT NOT NULL,
    path TEXT NOT NULL,
    type TEXT NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_seen_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deliveries INTEGER,
    first_delivery INTEGER DEFAULT 0 NOT NULL,
    is_optional BOOLEAN DEFAULT false NOT NULL,
    missing_since TIMESTAMP WITH TIME ZONE,
    missing_delivery INTEGER,
    CONSTRAINT webhook_shape_pkey PRIMARY KEY (tenant_id, provider, event_type, path, type),
    CONSTRAINT webhook_shape_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

COMMENT ON TABLE platform.webhook_shape IS 'What the deliveries of each sender look like, so that a change is noticed';

COMMENT ON COLUMN platform.webhook_shape.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN platform.webhook_shape.provider IS 'Sender';

COMMENT ON COLUMN platform.webhook_shape.event_type IS 'By the sender; empty when it names none';

COMMENT ON COLUMN platform.webhook_shape.path IS 'Path in the payload; empty = the payload itself';

COMMENT ON COLUMN platform.webhook_shape.type IS 'object, array, string, number, boolean or null';

COMMENT ON COLUMN platform.webhook_shape.first_seen_at IS 'First sight';

COMMENT ON COLUMN platform.webhook_shape.last_seen_at IS 'Latest sight, to the hour';

COMMENT ON COLUMN platform.webhook_shape.deliveries IS 'Deliveries looked at; of the payload itself only';

COMMENT ON COLUMN platform.webhook_shape.first_delivery IS 'How many deliveries came before the first sight';

COMMENT ON COLUMN platform.webhook_shape.is_optional IS 'Some deliveries lacked it while others had it';

COMMENT ON COLUMN platform.webhook_shape.missing_since IS 'All deliveries had it until then, none since';

COMMENT ON COLUMN platform.webhook_shape.missing_delivery IS 'How many deliveries came before it was missing';
