CREATE TABLE platform.asked (
    app_id UUID NOT NULL,
    stream TEXT NOT NULL,
    external_id TEXT NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    is_known BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT asked_pkey PRIMARY KEY (app_id, stream, external_id),
    CONSTRAINT asked_app_id_fkey FOREIGN KEY(app_id) REFERENCES platform.app (id) ON DELETE CASCADE
);

COMMENT ON TABLE platform.asked IS 'Which ids were asked for when, where a source lists nothing: the most stale come next';

COMMENT ON COLUMN platform.asked.app_id IS 'App that was asked';

COMMENT ON COLUMN platform.asked.stream IS 'Stream';

COMMENT ON COLUMN platform.asked.external_id IS 'Id that was asked for';

COMMENT ON COLUMN platform.asked.asked_at IS 'When it was answered last';

COMMENT ON COLUMN platform.asked.is_known IS 'Whether the source knew it';

COMMENT ON COLUMN core.orders.shipment_status IS 'By its packages when there is one, else by the ERP, else the shop';

CREATE TABLE core.package_events (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    event_key TEXT NOT NULL,
    package_id UUID,
    owner_app_id UUID,
    carrier TEXT NOT NULL,
    tracking_id TEXT NOT NULL,
    event_at TIMESTAMP WITH TIME ZONE NOT NULL,
    state TEXT,
    source_status TEXT,
    message TEXT,
    location TEXT,
    country_code TEXT,
    is_delayed BOOLEAN DEFAULT false NOT NULL,
    event_no INTEGER,
    previous_state TEXT,
    state_changed BOOLEAN DEFAULT false NOT NULL,
    is_history BOOLEAN DEFAULT false NOT NULL,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT package_events_pkey PRIMARY KEY (id),
    CONSTRAINT package_events_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT package_events_tenant_id_event_key_key UNIQUE (tenant_id, event_key) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT package_events_carrier_check CHECK (carrier IN ('dpd', 'dhl', 'ups', 'hermes', 'pickup', 'fedex', 'usps', 'bulk', 'unknown')),
    CONSTRAINT package_events_state_check CHECK (state IN ('init', 'pending', 'information_received', 'in_transit', 'out_for_delivery', 'failed_attempt', 'available_for_pickup', 'delivered', 'exception', 'expired')),
    CONSTRAINT package_events_previous_state_check CHECK (previous_state IN ('init', 'pending', 'information_received', 'in_transit', 'out_for_delivery', 'failed_attempt', 'available_for_pickup', 'delivered', 'exception', 'expired')),
    CONSTRAINT package_events_tenant_id_package_id_fkey FOREIGN KEY(tenant_id, package_id) REFERENCES core.packages (tenant_id, id) ON DELETE SET NULL (package_id),
    CONSTRAINT package_events_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT package_events_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX package_events_package ON core.package_events (package_id);

CREATE INDEX package_events_tracking ON core.package_events (tenant_id, tracking_id, carrier, event_no);

COMMENT ON TABLE core.package_events IS 'What carriers tell of parcels: one row per event, also before its package is known';

COMMENT ON COLUMN core.package_events.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.package_events.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.package_events.event_key IS 'Natural key: SHA-256 of carrier, tracking number, status, time and place';

COMMENT ON COLUMN core.package_events.package_id IS 'Package; null while none or several bear the number';

COMMENT ON COLUMN core.package_events.owner_app_id IS 'App that told it first';

COMMENT ON COLUMN core.package_events.carrier IS 'Who carries the parcel';

COMMENT ON COLUMN core.package_events.tracking_id IS 'Tracking number';

COMMENT ON COLUMN core.package_events.event_at IS 'When it happened';

COMMENT ON COLUMN core.package_events.state IS 'State of the parcel by this event; null = the event tells none';

COMMENT ON COLUMN core.package_events.source_status IS 'The carrier''s own code';

COMMENT ON COLUMN core.package_events.message IS 'The carrier''s own words';

COMMENT ON COLUMN core.package_events.location IS 'Where it happened, as the carrier writes it';

COMMENT ON COLUMN core.package_events.country_code IS 'Country where it happened, ISO 3166-1 alpha-2';

COMMENT ON COLUMN core.package_events.is_delayed IS 'The carrier tells of a delay, a hold or a missed step';

COMMENT ON COLUMN core.package_events.event_no IS 'Place among the events of the parcel, by time, 1-based';

COMMENT ON COLUMN core.package_events.previous_state IS 'State of the parcel before this event';

COMMENT ON COLUMN core.package_events.state_changed IS 'The event moved the parcel''s state along an allowed edge';

COMMENT ON COLUMN core.package_events.is_history IS 'Older than the carrier''s app here: nobody is to be told of it any more';

COMMENT ON COLUMN core.package_events.sources IS 'Field group -> app that decided it and since when';

COMMENT ON COLUMN core.package_events.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.package_events.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.package_events.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.external_ref_package_event PARTITION OF core.external_ref FOR VALUES IN ('package_event');

ALTER TABLE core.external_ref_package_event ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.package_events (tenant_id, id) ON DELETE CASCADE;;
