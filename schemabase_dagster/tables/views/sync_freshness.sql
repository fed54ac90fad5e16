-- analytics.sync_freshness: one row per enabled or once synced stream of every app.
CREATE VIEW analytics.sync_freshness AS
SELECT
    t.slug AS tenant,
    a.key AS app,
    a.type AS system,
    e.entity AS stream,
    e.direction,
    e.enabled AND a.enabled AND t.active AS enabled,
    s.last_success_at,
    now() - s.last_success_at AS age,
    s.last_full_at,
    s.watermark,
    s.last_status,
    s.consecutive_errors,
    s.last_error,
    s.estimate_seconds
FROM platform.app_entity AS e
JOIN platform.app AS a ON a.id = e.app_id AND a.deleted_at IS NULL
JOIN platform.tenant AS t ON t.id = a.tenant_id
LEFT JOIN platform.sync_state AS s ON s.app_id = e.app_id AND s.stream = e.entity;

COMMENT ON VIEW analytics.sync_freshness IS 'How fresh each stream of each app is';
COMMENT ON COLUMN analytics.sync_freshness.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.sync_freshness.app IS 'Key of the app';
COMMENT ON COLUMN analytics.sync_freshness.system IS 'The system behind the app';
COMMENT ON COLUMN analytics.sync_freshness.stream IS 'Stream: the name of the raw table and asset';
COMMENT ON COLUMN analytics.sync_freshness.direction IS 'pull or push';
COMMENT ON COLUMN analytics.sync_freshness.enabled IS 'Whether stream, app and tenant are enabled';
COMMENT ON COLUMN analytics.sync_freshness.last_success_at IS 'End of the latest complete sync; null = never';
COMMENT ON COLUMN analytics.sync_freshness.age IS 'Time since then';
COMMENT ON COLUMN analytics.sync_freshness.last_full_at IS 'End of the latest complete full sync';
COMMENT ON COLUMN analytics.sync_freshness.watermark IS 'Newest source time that is surely landed';
COMMENT ON COLUMN analytics.sync_freshness.last_status IS 'success, partial or failure';
COMMENT ON COLUMN analytics.sync_freshness.consecutive_errors IS 'Failures since the latest success';
COMMENT ON COLUMN analytics.sync_freshness.last_error IS 'Message of the latest failure';
COMMENT ON COLUMN analytics.sync_freshness.estimate_seconds IS 'Estimated rest of an unfinished back-fill, in seconds';
