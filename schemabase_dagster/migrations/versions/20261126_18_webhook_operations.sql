ALTER TABLE platform.webhook_endpoint
    ADD COLUMN paused_reason TEXT,
    ADD COLUMN resumed_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN unentitled TEXT DEFAULT 'hold' NOT NULL,
    ADD CONSTRAINT webhook_endpoint_unentitled_check CHECK (unentitled IN ('hold', 'reject')),
    ALTER COLUMN max_body_bytes DROP NOT NULL,
    ALTER COLUMN max_body_bytes DROP DEFAULT;

-- The default of all endpoints so far: from now on that of the sender's kind.
UPDATE platform.webhook_endpoint
SET max_body_bytes = NULL
WHERE max_body_bytes = 1048576;

COMMENT ON COLUMN platform.webhook_endpoint.paused_reason IS 'Why the circuit breaker paused it; null = a person did';

COMMENT ON COLUMN platform.webhook_endpoint.resumed_at IS 'Attempts before do not count for the circuit breaker';

COMMENT ON COLUMN platform.webhook_endpoint.unentitled IS 'While the tenant is not entitled: hold = stored until it is, reject = refused with 403';

COMMENT ON COLUMN platform.webhook_endpoint.max_body_bytes IS 'Larger bodies are refused with 413; null = the limit of the sender''s kind';

CREATE TABLE platform.webhook_attempts (
    endpoint_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    minute_at TIMESTAMP WITH TIME ZONE NOT NULL,
    latency_bucket SMALLINT NOT NULL,
    attempts BIGINT NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    CONSTRAINT webhook_attempts_pkey PRIMARY KEY (endpoint_id, outcome, minute_at, latency_bucket)
);

COMMENT ON TABLE platform.webhook_attempts IS 'What became of deliveries: counted where they are settled';

COMMENT ON COLUMN platform.webhook_attempts.endpoint_id IS 'Endpoint';

COMMENT ON COLUMN platform.webhook_attempts.outcome IS 'processed, ignored, failed, dead, or unavailable: a fault that passes by itself';

COMMENT ON COLUMN platform.webhook_attempts.minute_at IS 'Minute of the attempts; -infinity = all before';

COMMENT ON COLUMN platform.webhook_attempts.latency_bucket IS 'Time since arrival: index among the bounds of inbox.attempts.LATENCY_SECONDS';

COMMENT ON COLUMN platform.webhook_attempts.attempts IS 'Number of attempts';

COMMENT ON COLUMN platform.webhook_attempts.seconds IS 'Sum of their times since arrival';

CREATE TABLE platform.webhook_activity (
    endpoint_id TEXT NOT NULL,
    day DATE NOT NULL,
    deliveries BIGINT NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    longest_gap_seconds DOUBLE PRECISION NOT NULL,
    CONSTRAINT webhook_activity_pkey PRIMARY KEY (endpoint_id, day)
);

COMMENT ON TABLE platform.webhook_activity IS 'How often senders deliver: tells a silence from a quiet hour';

COMMENT ON COLUMN platform.webhook_activity.endpoint_id IS 'Endpoint';

COMMENT ON COLUMN platform.webhook_activity.day IS 'UTC day';

COMMENT ON COLUMN platform.webhook_activity.deliveries IS 'Verified deliveries, repeats too';

COMMENT ON COLUMN platform.webhook_activity.last_at IS 'The latest of them';

COMMENT ON COLUMN platform.webhook_activity.longest_gap_seconds IS 'Longest silence that ended on the day';

CREATE TABLE platform.webhook_replay (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    selection JSONB DEFAULT '{}' NOT NULL,
    after_id UUID NOT NULL,
    copied BIGINT NOT NULL,
    retried BIGINT NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT webhook_replay_pkey PRIMARY KEY (id)
);

COMMENT ON TABLE platform.webhook_replay IS 'Replays of ranges, so that one that was stopped goes on where it was';

COMMENT ON COLUMN platform.webhook_replay.id IS 'Id; of a Dagster job that of its first run';

COMMENT ON COLUMN platform.webhook_replay.selection IS 'Filter of the deliveries';

COMMENT ON COLUMN platform.webhook_replay.after_id IS 'The last delivery that was seen to';

COMMENT ON COLUMN platform.webhook_replay.copied IS 'Settled deliveries copied so far';

COMMENT ON COLUMN platform.webhook_replay.retried IS 'Failed and dead ones due again so far';

COMMENT ON COLUMN platform.webhook_replay.started_at IS 'Later deliveries are left out';

COMMENT ON COLUMN platform.webhook_replay.finished_at IS 'End; null = under way, or stopped and to be resumed';
