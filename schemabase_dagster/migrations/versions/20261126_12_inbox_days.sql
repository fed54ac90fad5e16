-- Out of the way with all its names, which the new table takes over.
CREATE SCHEMA inbox_before;

ALTER TABLE platform.webhook_inbox SET SCHEMA inbox_before;

CREATE TABLE platform.webhook_inbox (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    endpoint_id TEXT NOT NULL,
    tenant_id UUID NOT NULL,
    app_id UUID NOT NULL,
    provider TEXT NOT NULL,
    event_type TEXT,
    dedupe_key BYTEA NOT NULL,
    method TEXT NOT NULL,
    query TEXT,
    headers JSONB NOT NULL,
    content_type TEXT,
    body BYTEA NOT NULL,
    verify_scheme TEXT NOT NULL,
    source_ip INET,
    trace_id TEXT NOT NULL,
    status TEXT DEFAULT 'received' NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    next_attempt_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    claimed_by TEXT,
    claimed_until TIMESTAMP WITH TIME ZONE,
    run_id TEXT,
    processed_at TIMESTAMP WITH TIME ZONE,
    last_error TEXT,
    replay_of UUID,
    CONSTRAINT webhook_inbox_pkey PRIMARY KEY (id, received_at),
    CONSTRAINT webhook_inbox_status_check CHECK (status IN ('received', 'claimed', 'processed', 'ignored', 'failed', 'dead'))
)
 PARTITION BY RANGE (received_at);

CREATE TABLE platform.webhook_inbox_default PARTITION OF platform.webhook_inbox DEFAULT;

CREATE INDEX webhook_inbox_dead ON platform.webhook_inbox (tenant_id, provider, received_at) WHERE status = 'dead';

CREATE INDEX webhook_inbox_due ON platform.webhook_inbox (tenant_id, provider, next_attempt_at) WHERE status IN ('received', 'failed');

CREATE INDEX webhook_inbox_lease ON platform.webhook_inbox (claimed_until) WHERE status = 'claimed';

CREATE INDEX webhook_inbox_replays ON platform.webhook_inbox (replay_of) WHERE replay_of IS NOT NULL;

CREATE INDEX webhook_inbox_tenant ON platform.webhook_inbox (tenant_id, provider, received_at);

COMMENT ON TABLE platform.webhook_inbox IS 'Webhook deliveries, committed before they are answered; a partition for each UTC day';

COMMENT ON COLUMN platform.webhook_inbox.id IS 'Id, UUID version 7: ordered by time of arrival';

COMMENT ON COLUMN platform.webhook_inbox.received_at IS 'Arrival';

COMMENT ON COLUMN platform.webhook_inbox.endpoint_id IS 'Endpoint';

COMMENT ON COLUMN platform.webhook_inbox.tenant_id IS 'Tenant';

COMMENT ON COLUMN platform.webhook_inbox.app_id IS 'App';

COMMENT ON COLUMN platform.webhook_inbox.provider IS 'Sender';

COMMENT ON COLUMN platform.webhook_inbox.event_type IS 'By the sender, from headers';

COMMENT ON COLUMN platform.webhook_inbox.dedupe_key IS 'Key under which it was stored';

COMMENT ON COLUMN platform.webhook_inbox.method IS 'HTTP method';

COMMENT ON COLUMN platform.webhook_inbox.query IS 'Query string, secret-bearing parameters hashed';

COMMENT ON COLUMN platform.webhook_inbox.headers IS 'Without secret-bearing headers';

COMMENT ON COLUMN platform.webhook_inbox.content_type IS 'Content type';

COMMENT ON COLUMN platform.webhook_inbox.body IS 'Bytes as received';

COMMENT ON COLUMN platform.webhook_inbox.verify_scheme IS 'Scheme that accepted it';

COMMENT ON COLUMN platform.webhook_inbox.source_ip IS 'Sender''s address';

COMMENT ON COLUMN platform.webhook_inbox.trace_id IS 'Follows the event through logs and runs';

COMMENT ON COLUMN platform.webhook_inbox.status IS 'received, claimed, processed, ignored, failed or dead';

COMMENT ON COLUMN platform.webhook_inbox.attempts IS 'How often it was claimed';

COMMENT ON COLUMN platform.webhook_inbox.next_attempt_at IS 'Not claimed before; infinity = held';

COMMENT ON COLUMN platform.webhook_inbox.claimed_by IS 'Worker holding the lease';

COMMENT ON COLUMN platform.webhook_inbox.claimed_until IS 'End of the lease';

COMMENT ON COLUMN platform.webhook_inbox.run_id IS 'Dagster run that settled it';

COMMENT ON COLUMN platform.webhook_inbox.processed_at IS 'When it was settled';

COMMENT ON COLUMN platform.webhook_inbox.last_error IS 'Why it failed, was ignored or is held';

COMMENT ON COLUMN platform.webhook_inbox.replay_of IS 'The delivery this one repeats';

-- Later days get theirs from inbox_days.make_days; what is older is deleted soon.
DO $$
DECLARE
    day date;
BEGIN
    FOR day IN
        SELECT DISTINCT (received_at AT TIME ZONE 'UTC')::date
        FROM inbox_before.webhook_inbox
        WHERE received_at > now() - interval '31 days'
    LOOP
        EXECUTE format(
            'CREATE TABLE platform.webhook_inbox_%s PARTITION OF platform.webhook_inbox '
            'FOR VALUES FROM (%L) TO (%L)',
            to_char(day, 'YYYYMMDD'), day || ' 00:00+00', day + 1 || ' 00:00+00');
    END LOOP;
END
$$;

INSERT INTO platform.webhook_inbox (
    id, received_at, endpoint_id, tenant_id, app_id, provider, event_type, dedupe_key, method,
    query, headers, content_type, body, verify_scheme, source_ip, trace_id, status, attempts,
    next_attempt_at, claimed_by, claimed_until, run_id, processed_at, last_error, replay_of
)
SELECT
    id, received_at, endpoint_id, tenant_id, app_id, provider, event_type, dedupe_key, method,
    query, headers, content_type, body, verify_scheme, source_ip, trace_id, status, attempts,
    next_attempt_at, claimed_by, claimed_until, run_id, processed_at, last_error, replay_of
FROM inbox_before.webhook_inbox;

DROP SCHEMA inbox_before CASCADE;
