-- analytics.webhook_health: one row per sender and hour of the last week with a delivery.
CREATE VIEW analytics.webhook_health AS
SELECT
    t.slug AS tenant,
    i.provider,
    date_trunc('hour', i.received_at, 'UTC') AS hour_start,
    count(*) AS received,
    count(*) FILTER (WHERE i.status = 'processed') AS processed,
    count(*) FILTER (WHERE i.status = 'ignored') AS ignored,
    count(*) FILTER (WHERE i.status IN ('received', 'claimed', 'failed')) AS waiting,
    count(*) FILTER (WHERE i.status = 'dead') AS dead,
    percentile_cont(0.95) WITHIN GROUP (
        ORDER BY extract(epoch FROM i.processed_at - i.received_at)
    ) FILTER (WHERE i.processed_at IS NOT NULL) AS p95_seconds
FROM platform.webhook_inbox AS i
JOIN platform.tenant AS t ON t.id = i.tenant_id
WHERE i.received_at > now() - interval '7 days'
GROUP BY t.slug, i.provider, date_trunc('hour', i.received_at, 'UTC');

COMMENT ON VIEW analytics.webhook_health IS 'What became of webhooks: one row per sender and hour of the last 7 days';
COMMENT ON COLUMN analytics.webhook_health.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.webhook_health.provider IS 'Sender';
COMMENT ON COLUMN analytics.webhook_health.hour_start IS 'Start of the hour in which they arrived';
COMMENT ON COLUMN analytics.webhook_health.received IS 'Deliveries that were stored; a repeat of one is none';
COMMENT ON COLUMN analytics.webhook_health.processed IS 'Those that were applied';
COMMENT ON COLUMN analytics.webhook_health.ignored IS 'Those that concern nothing here';
COMMENT ON COLUMN analytics.webhook_health.waiting IS 'Those that are still to be processed, or to be tried again';
COMMENT ON COLUMN analytics.webhook_health.dead IS 'Those that were given up';
COMMENT ON COLUMN analytics.webhook_health.p95_seconds IS 'Time from arrival to settlement that 95 of 100 keep, in seconds; null = none is settled';
