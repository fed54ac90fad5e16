CREATE TABLE platform.webhook_effect (
    inbox_id UUID NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tenant_id UUID NOT NULL,
    app_id UUID NOT NULL,
    stream TEXT NOT NULL,
    external_id TEXT,
    is_replay BOOLEAN DEFAULT false NOT NULL,
    raw TEXT NOT NULL,
    landed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    entity TEXT,
    core TEXT,
    core_id UUID,
    merged_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT webhook_effect_raw_check CHECK (raw IN ('changed', 'deleted', 'equal', 'stale', 'missing', 'rejected')),
    CONSTRAINT webhook_effect_core_check CHECK (core IN ('waits', 'changed', 'unchanged', 'rejected', 'deleted')),
    CONSTRAINT webhook_effect_inbox_id_stream_external_id_key UNIQUE NULLS NOT DISTINCT (inbox_id, stream, external_id)
);

CREATE INDEX webhook_effect_record ON platform.webhook_effect (app_id, stream, external_id);

CREATE INDEX webhook_effect_open ON platform.webhook_effect (tenant_id, stream, app_id, external_id) WHERE core IN ('waits', 'rejected');

COMMENT ON TABLE platform.webhook_effect IS 'Which raw record and canonical row each webhook delivery changed, or left as it was';

COMMENT ON COLUMN platform.webhook_effect.inbox_id IS 'Delivery';

COMMENT ON COLUMN platform.webhook_effect.received_at IS 'Its arrival, by which it is found faster';

COMMENT ON COLUMN platform.webhook_effect.tenant_id IS 'Tenant';

COMMENT ON COLUMN platform.webhook_effect.app_id IS 'App';

COMMENT ON COLUMN platform.webhook_effect.stream IS 'Stream: the raw table of the record';

COMMENT ON COLUMN platform.webhook_effect.external_id IS 'Record; null when it has no id';

COMMENT ON COLUMN platform.webhook_effect.is_replay IS 'The delivery is a copy of an earlier one';

COMMENT ON COLUMN platform.webhook_effect.raw IS 'What it did to the record: changed, deleted; equal (raw held the same), stale (raw held a newer version), missing (the source does not show it), rejected (raw cannot hold it)';

COMMENT ON COLUMN platform.webhook_effect.landed_at IS 'When';

COMMENT ON COLUMN platform.webhook_effect.entity IS 'Kind of the canonical row; null = the stream stays raw';

COMMENT ON COLUMN platform.webhook_effect.core IS 'What the change did to the row: waits, changed, unchanged, rejected, deleted (the row lost this source); null = nothing was to be merged';

COMMENT ON COLUMN platform.webhook_effect.core_id IS 'Canonical row of the record';

COMMENT ON COLUMN platform.webhook_effect.merged_at IS 'When the row took the change up';

ALTER TABLE raw.record_history
    ADD COLUMN via TEXT,
    ADD COLUMN source_updated_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN changed_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN change_count INTEGER;

CREATE INDEX record_history_recent ON raw.record_history USING brin (replaced_at);

COMMENT ON COLUMN raw.record_history.via IS 'How the replaced version came: pull, webhook, push or import';
COMMENT ON COLUMN raw.record_history.source_updated_at IS 'Its modified time by the source';
COMMENT ON COLUMN raw.record_history.changed_at IS 'When it was stored';
COMMENT ON COLUMN raw.record_history.change_count IS 'How many versions there were before it';
