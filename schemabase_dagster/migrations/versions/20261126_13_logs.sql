CREATE TABLE platform.log_delivery (
    tenant_id UUID NOT NULL,
    app_id UUID NOT NULL,
    inbox_id UUID NOT NULL,
    delivered_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT log_delivery_pkey PRIMARY KEY (inbox_id, app_id),
    CONSTRAINT log_delivery_tenant_id_app_id_fkey FOREIGN KEY(tenant_id, app_id) REFERENCES platform.app (tenant_id, id) ON DELETE CASCADE
);

COMMENT ON TABLE platform.log_delivery IS 'Which sinks have a log batch that still waits for another sink';

COMMENT ON COLUMN platform.log_delivery.tenant_id IS 'Tenant';

COMMENT ON COLUMN platform.log_delivery.app_id IS 'Sink that has the batch';

COMMENT ON COLUMN platform.log_delivery.inbox_id IS 'Batch';

COMMENT ON COLUMN platform.log_delivery.delivered_at IS 'When the sink had all of it';

CREATE TABLE platform.log_reject (
    tenant_id UUID NOT NULL,
    app_id UUID NOT NULL,
    code TEXT NOT NULL,
    path TEXT NOT NULL,
    count BIGINT NOT NULL,
    sample BYTEA NOT NULL,
    inbox_id UUID NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT log_reject_pkey PRIMARY KEY (app_id, code, path),
    CONSTRAINT log_reject_tenant_id_app_id_fkey FOREIGN KEY(tenant_id, app_id) REFERENCES platform.app (tenant_id, id) ON DELETE CASCADE
);

COMMENT ON TABLE platform.log_reject IS 'Log records that could not be read, counted by fault; the rest of their batch went on';

COMMENT ON COLUMN platform.log_reject.tenant_id IS 'Tenant';

COMMENT ON COLUMN platform.log_reject.app_id IS 'Sender';

COMMENT ON COLUMN platform.log_reject.code IS 'Stable code of the fault';

COMMENT ON COLUMN platform.log_reject.path IS 'Where in the record';

COMMENT ON COLUMN platform.log_reject.count IS 'Records with this fault';

COMMENT ON COLUMN platform.log_reject.sample IS 'Beginning of the latest of them';

COMMENT ON COLUMN platform.log_reject.inbox_id IS 'Batch of the latest of them';

COMMENT ON COLUMN platform.log_reject.first_at IS 'First record';

COMMENT ON COLUMN platform.log_reject.last_at IS 'Latest record';

CREATE TABLE platform.log_dead_document (
    tenant_id UUID NOT NULL,
    app_id UUID NOT NULL,
    document_id TEXT NOT NULL,
    inbox_id UUID NOT NULL,
    document BYTEA NOT NULL,
    status INTEGER NOT NULL,
    code TEXT NOT NULL,
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER DEFAULT 1 NOT NULL,
    first_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT log_dead_document_pkey PRIMARY KEY (app_id, document_id),
    CONSTRAINT log_dead_document_tenant_id_app_id_fkey FOREIGN KEY(tenant_id, app_id) REFERENCES platform.app (tenant_id, id) ON DELETE CASCADE
);

COMMENT ON TABLE platform.log_dead_document IS 'Log documents that a sink refused for good; kept until they are taken or too old';

COMMENT ON COLUMN platform.log_dead_document.tenant_id IS 'Tenant';

COMMENT ON COLUMN platform.log_dead_document.app_id IS 'Sink that refused it';

COMMENT ON COLUMN platform.log_dead_document.document_id IS 'Its id there';

COMMENT ON COLUMN platform.log_dead_document.inbox_id IS 'Batch it came in';

COMMENT ON COLUMN platform.log_dead_document.document IS 'The document, JSON';

COMMENT ON COLUMN platform.log_dead_document.status IS 'Status of the item in the bulk answer';

COMMENT ON COLUMN platform.log_dead_document.code IS 'Type of the error';

COMMENT ON COLUMN platform.log_dead_document.path IS 'Field, where the sink names one';

COMMENT ON COLUMN platform.log_dead_document.reason IS 'What the sink says; may repeat a value';

COMMENT ON COLUMN platform.log_dead_document.attempts IS 'How often it was refused';

COMMENT ON COLUMN platform.log_dead_document.first_at IS 'First refusal';

COMMENT ON COLUMN platform.log_dead_document.last_at IS 'Latest refusal';
