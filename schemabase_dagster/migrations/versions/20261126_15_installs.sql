CREATE TABLE platform.install_token (
    tenant_id UUID NOT NULL,
    kind TEXT NOT NULL,
    token_sha256 BYTEA NOT NULL,
    draft JSONB NOT NULL,
    endpoint_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT install_token_pkey PRIMARY KEY (tenant_id, kind),
    CONSTRAINT install_token_kind_check CHECK (kind IN ('entitysync', 'prepayment')),
    CONSTRAINT install_token_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE,
    CONSTRAINT install_token_token_sha256_key UNIQUE (token_sha256)
);

COMMENT ON TABLE platform.install_token IS 'Permission of a shop to register once; a new one takes the place of the former';

COMMENT ON COLUMN platform.install_token.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN platform.install_token.kind IS 'entitysync or prepayment';

COMMENT ON COLUMN platform.install_token.token_sha256 IS 'SHA-256 of the token';

COMMENT ON COLUMN platform.install_token.draft IS 'The validated app that is stored; no secret';

COMMENT ON COLUMN platform.install_token.endpoint_id IS 'Address that the shop will post to';

COMMENT ON COLUMN platform.install_token.created_at IS 'When it was made';

COMMENT ON COLUMN platform.install_token.expires_at IS 'Not accepted from then on';

COMMENT ON COLUMN platform.install_token.used_at IS 'When a shop registered with it: it works once';

CREATE TABLE platform.app_install (
    tenant_id UUID NOT NULL,
    app_id UUID NOT NULL,
    kind TEXT NOT NULL,
    external_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    installed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    removed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT app_install_pkey PRIMARY KEY (app_id, kind),
    CONSTRAINT app_install_endpoint_id_key UNIQUE (endpoint_id),
    CONSTRAINT app_install_tenant_id_app_id_fkey FOREIGN KEY(tenant_id, app_id) REFERENCES platform.app (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT app_install_kind_check CHECK (kind IN ('entitysync', 'prepayment')),
    CONSTRAINT app_install_endpoint_id_fkey FOREIGN KEY(endpoint_id) REFERENCES platform.webhook_endpoint (id) ON DELETE CASCADE
);

COMMENT ON TABLE platform.app_install IS 'Which installation in a shop an app stands for';

COMMENT ON COLUMN platform.app_install.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN platform.app_install.app_id IS 'App that the installation belongs to';

COMMENT ON COLUMN platform.app_install.kind IS 'entitysync or prepayment';

COMMENT ON COLUMN platform.app_install.external_id IS 'Id of the installed app in the shop';

COMMENT ON COLUMN platform.app_install.endpoint_id IS 'Address that the shop posts to';

COMMENT ON COLUMN platform.app_install.installed_at IS 'When the shop last registered';

COMMENT ON COLUMN platform.app_install.removed_at IS 'When the shop told that it was uninstalled';

CREATE TABLE platform.webhook_alias (
    alias TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT webhook_alias_pkey PRIMARY KEY (alias),
    CONSTRAINT webhook_alias_endpoint_id_fkey FOREIGN KEY(endpoint_id) REFERENCES platform.webhook_endpoint (id) ON DELETE CASCADE
);

COMMENT ON TABLE platform.webhook_alias IS 'Addresses of an older gateway whose senders need no change';

COMMENT ON COLUMN platform.webhook_alias.alias IS 'Id in the old address, or the whole old path';

COMMENT ON COLUMN platform.webhook_alias.endpoint_id IS 'Endpoint that takes its deliveries';

COMMENT ON COLUMN platform.webhook_alias.created_at IS 'When it was made';

ALTER TABLE platform.webhook_endpoint ADD COLUMN answers JSONB;

COMMENT ON COLUMN platform.webhook_endpoint.answers IS 'What questions of the sender are answered with';
