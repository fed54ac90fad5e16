CREATE TABLE core.contact_identifiers (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    contact_id UUID NOT NULL,
    scheme TEXT NOT NULL,
    value TEXT NOT NULL,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT contact_identifiers_pkey PRIMARY KEY (id),
    CONSTRAINT contact_identifiers_contact_id_scheme_key UNIQUE (contact_id, scheme),
    CONSTRAINT contact_identifiers_tenant_id_contact_id_fkey FOREIGN KEY(tenant_id, contact_id) REFERENCES core.contacts (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX contact_identifiers_value ON core.contact_identifiers (tenant_id, scheme, value);

COMMENT ON TABLE core.contact_identifiers IS 'Customer codes of contacts: one per scheme';

COMMENT ON COLUMN core.contact_identifiers.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.contact_identifiers.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.contact_identifiers.contact_id IS 'Contact';

COMMENT ON COLUMN core.contact_identifiers.scheme IS 'Who counts: customer_code, avatax_customer_code';

COMMENT ON COLUMN core.contact_identifiers.value IS 'Number or code of the contact there';

COMMENT ON COLUMN core.contact_identifiers.sources IS '''by'' = app that decided it';

COMMENT ON COLUMN core.contact_identifiers.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.contact_identifiers.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.contact_identifiers.deleted_at IS 'Gone at every source since; values are kept';
