"""Schema ``platform``: webhook endpoints, their secrets and the inbox."""

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import INET

from schemabase_dagster.tables._columns import (
    JSONB,
    NOW,
    UUID,
    binary,
    instant,
    json_object,
    metadata,
    one_of,
    pattern,
    stamps,
    tenant_key,
    text_column,
    uuid_key,
)

SCHEMA = "platform"

webhook_endpoint = Table(
    "webhook_endpoint",
    metadata,
    text_column("id", "Public id, part of the URL: 130 random bits", primary_key=True),
    Column("tenant_id", UUID, nullable=False, comment="Tenant"),
    Column("app_id", UUID, nullable=False, comment="App whose events arrive here"),
    text_column("provider", "Sender, the app's type", nullable=False),
    text_column("name", "Name for people"),
    Column(
        "enabled",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="False = refused with 403",
    ),
    instant("paused_at", "Since then deliveries are stored, not processed"),
    Column("verification", JSONB, nullable=False, comment="{scheme, ...}; never empty"),
    Column(
        "max_body_bytes",
        Integer,
        comment="Larger bodies are refused with 413; null = the limit of the sender's kind",
    ),
    Column(
        "rate_per_minute",
        Integer,
        nullable=False,
        server_default=text("6000"),
        comment="More deliveries are refused with 429",
    ),
    *stamps(),
    Column("answers", JSONB, comment="What questions of the sender are answered with"),
    text_column("paused_reason", "Why the circuit breaker paused it; null = a person did"),
    instant("resumed_at", "Attempts before do not count for the circuit breaker"),
    text_column(
        "unentitled",
        "While the tenant is not entitled: hold = stored until it is, reject = refused with 403",
        nullable=False,
        server_default="hold",
    ),
    pattern("id", "^wh_[a-z2-7]{26}$"),
    one_of("unentitled", "hold", "reject"),
    ForeignKeyConstraint(
        ["tenant_id", "app_id"], ["platform.app.tenant_id", "platform.app.id"], ondelete="CASCADE"
    ),
    schema=SCHEMA,
    comment="An address that one sender posts to",
)

webhook_secret = Table(
    "webhook_secret",
    metadata,
    uuid_key(),
    Column(
        "endpoint_id",
        ForeignKey("platform.webhook_endpoint.id", ondelete="CASCADE"),
        nullable=False,
        comment="Endpoint",
    ),
    text_column("kind", "hmac (encrypted) or hash (SHA-256 of the token)", nullable=False),
    binary("secret_enc", "Encrypted secret, for kinds that compute a signature"),
    text_column("key_id", "Key that encrypted it"),
    binary("secret_hash", "SHA-256, for kinds that only compare"),
    instant("valid_from", "Accepted from then on", nullable=False, server_default=NOW),
    instant("valid_until", "Accepted until then; set on rotation"),
    instant("last_used_at", "Shows when an old secret can go"),
    instant("created_at", "When it was made", nullable=False, server_default=NOW),
    one_of("kind", "hmac", "hash"),
    CheckConstraint("secret_enc IS NOT NULL OR secret_hash IS NOT NULL", name="value"),
    schema=SCHEMA,
    comment="Several valid at once = rotation without downtime",
)

webhook_dedupe = Table(
    "webhook_dedupe",
    metadata,
    # No foreign key: its check would be a part of every insert. Retention empties the table.
    text_column("endpoint_id", "Endpoint", nullable=False),
    binary("dedupe_key", "SHA-256 of the provider's key", nullable=False),
    binary("body_sha256", "Of the first delivery", nullable=False),
    Column("inbox_id", UUID, nullable=False, comment="The stored delivery"),
    instant("first_seen_at", "First delivery", nullable=False, server_default=NOW),
    instant("last_seen_at", "Latest delivery", nullable=False, server_default=NOW),
    Column(
        "seen_count",
        Integer,
        nullable=False,
        server_default=text("1"),
        comment="Deliveries under this key",
    ),
    Column(
        "body_conflict",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Another body came under the same key",
    ),
    PrimaryKeyConstraint("endpoint_id", "dedupe_key"),
    # Counted by ``webhook list``; a new key is in no index but that above.
    Index("webhook_dedupe_conflicts", "endpoint_id", postgresql_where=text("body_conflict")),
    schema=SCHEMA,
    comment="What was already received; not partitioned so that the key stays unique",
)

webhook_inbox = Table(
    "webhook_inbox",
    metadata,
    uuid_key("Id, UUID version 7: ordered by time of arrival"),
    instant("received_at", "Arrival", primary_key=True, server_default=NOW),
    text_column("endpoint_id", "Endpoint", nullable=False),
    Column("tenant_id", UUID, nullable=False, comment="Tenant"),
    Column("app_id", UUID, nullable=False, comment="App"),
    text_column("provider", "Sender", nullable=False),
    text_column("event_type", "By the sender, from headers"),
    binary("dedupe_key", "Key under which it was stored", nullable=False),
    text_column("method", "HTTP method", nullable=False),
    text_column("query", "Query string, secret-bearing parameters hashed"),
    Column("headers", JSONB, nullable=False, comment="Without secret-bearing headers"),
    text_column("content_type", "Content type"),
    binary("body", "Bytes as received", nullable=False),
    text_column("verify_scheme", "Scheme that accepted it", nullable=False),
    Column("source_ip", INET, comment="Sender's address"),
    text_column("trace_id", "Follows the event through logs and runs", nullable=False),
    text_column(
        "status",
        "received, claimed, processed, ignored, failed or dead",
        nullable=False,
        server_default="received",
    ),
    Column(
        "attempts",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="How often it was claimed",
    ),
    instant(
        "next_attempt_at", "Not claimed before; infinity = held", nullable=False, server_default=NOW
    ),
    text_column("claimed_by", "Worker holding the lease"),
    instant("claimed_until", "End of the lease"),
    text_column("run_id", "Dagster run that settled it"),
    instant("processed_at", "When it was settled"),
    text_column("last_error", "Why it failed, was ignored or is held"),
    Column("replay_of", UUID, comment="The delivery this one repeats"),
    one_of("status", "received", "claimed", "processed", "ignored", "failed", "dead"),
    # Read by inbox.due_groups (all of it) and inbox.claim (one tenant and sender).
    Index(
        "webhook_inbox_due",
        "tenant_id",
        "provider",
        "next_attempt_at",
        postgresql_where=text("status IN ('received', 'failed')"),
    ),
    # Read by inbox.run_replay, which counts earlier copies.
    Index("webhook_inbox_replays", "replay_of", postgresql_where=text("replay_of IS NOT NULL")),
    Index("webhook_inbox_lease", "claimed_until", postgresql_where=text("status = 'claimed'")),
    # Read by inbox.backlog, which gateways are asked for every few seconds, and by the checks.
    Index(
        "webhook_inbox_dead",
        "tenant_id",
        "provider",
        "received_at",
        postgresql_where=text("status = 'dead'"),
    ),
    Index("webhook_inbox_tenant", "tenant_id", "provider", "received_at"),
    schema=SCHEMA,
    comment="Webhook deliveries, committed before they are answered; a partition for each UTC day",
    postgresql_partition_by="RANGE (received_at)",
)
# The days' own partitions are made by migrations.inbox_days.
event.listen(
    webhook_inbox,
    "after_create",
    DDL(  # type: ignore[no-untyped-call]  # SQLAlchemy leaves DDL untyped
        "CREATE TABLE platform.webhook_inbox_default PARTITION OF platform.webhook_inbox DEFAULT"
    ),
)

webhook_effect = Table(
    "webhook_effect",
    metadata,
    # No foreign keys: retention drops deliveries and effects of one age together.
    Column("inbox_id", UUID, nullable=False, comment="Delivery"),
    instant("received_at", "Its arrival, by which it is found faster", nullable=False),
    Column("tenant_id", UUID, nullable=False, comment="Tenant"),
    Column("app_id", UUID, nullable=False, comment="App"),
    text_column("stream", "Stream: the raw table of the record", nullable=False),
    text_column("external_id", "Record; null when it has no id"),
    Column(
        "is_replay",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="The delivery is a copy of an earlier one",
    ),
    text_column(
        "raw",
        "What it did to the record: changed, deleted; equal (raw held the same), stale (raw held a "
        "newer version), missing (the source does not show it), rejected (raw cannot hold it)",
        nullable=False,
    ),
    instant("landed_at", "When", nullable=False, server_default=NOW),
    text_column("entity", "Kind of the canonical row; null = the stream stays raw"),
    text_column(
        "core",
        "What the change did to the row: waits, changed, unchanged, rejected, deleted (the row "
        "lost this source); null = nothing was to be merged",
    ),
    Column("core_id", UUID, comment="Canonical row of the record"),
    instant("merged_at", "When the row took the change up"),
    one_of("raw", "changed", "deleted", "equal", "stale", "missing", "rejected"),
    one_of("core", "waits", "changed", "unchanged", "rejected", "deleted"),
    UniqueConstraint("inbox_id", "stream", "external_id", postgresql_nulls_not_distinct=True),
    # Read by explain and by analytics.webhook_coverage.
    Index("webhook_effect_record", "app_id", "stream", "external_id"),
    # Read by every merge: are there changes by webhook whose fate is open?
    Index(
        "webhook_effect_open",
        "tenant_id",
        "stream",
        "app_id",
        "external_id",
        postgresql_where=text("core IN ('waits', 'rejected')"),
    ),
    # Read twice a minute: has a tenant's core changed by webhook since its feeds were made?
    Index(
        "webhook_effect_merged",
        "tenant_id",
        "merged_at",
        postgresql_where=text("merged_at IS NOT NULL"),
    ),
    schema=SCHEMA,
    comment="Which raw record and canonical row each webhook delivery changed, or left as it was",
)

webhook_shape = Table(
    "webhook_shape",
    metadata,
    tenant_key(),
    text_column("provider", "Sender", nullable=False),
    text_column("event_type", "By the sender; empty when it names none", nullable=False),
    text_column("path", "Path in the payload; empty = the payload itself", nullable=False),
    text_column("type", "object, array, string, number, boolean or null", nullable=False),
    instant("first_seen_at", "First sight", nullable=False, server_default=NOW),
    instant("last_seen_at", "Latest sight, to the hour", nullable=False, server_default=NOW),
    Column("deliveries", Integer, comment="Deliveries looked at; of the payload itself only"),
    Column(
        "first_delivery",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="How many deliveries came before the first sight",
    ),
    Column(
        "is_optional",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Some deliveries lacked it while others had it",
    ),
    instant("missing_since", "All deliveries had it until then, none since"),
    Column("missing_delivery", Integer, comment="How many deliveries came before it was missing"),
    PrimaryKeyConstraint("tenant_id", "provider", "event_type", "path", "type"),
    schema=SCHEMA,
    comment="What the deliveries of each sender look like, so that a change is noticed",
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    # No foreign key: what an endpoint did is counted after it is gone.
    text_column("endpoint_id", "Endpoint", nullable=False),
    text_column(
        "outcome",
        "processed, ignored, failed, dead, or unavailable: a fault that passes by itself",
        nullable=False,
    ),
    instant("minute_at", "Minute of the attempts; -infinity = all before", nullable=False),
    Column(
        "latency_bucket",
        SmallInteger,
        nullable=False,
        comment="Time since arrival: index among the bounds of inbox.attempts.LATENCY_SECONDS",
    ),
    Column("attempts", BigInteger, nullable=False, comment="Number of attempts"),
    Column("seconds", Double, nullable=False, comment="Sum of their times since arrival"),
    PrimaryKeyConstraint("endpoint_id", "outcome", "minute_at", "latency_bucket"),
    schema=SCHEMA,
    comment="What became of deliveries: counted where they are settled",
)

webhook_activity = Table(
    "webhook_activity",
    metadata,
    text_column("endpoint_id", "Endpoint", nullable=False),
    Column("day", Date, nullable=False, comment="UTC day"),
    Column("deliveries", BigInteger, nullable=False, comment="Verified deliveries, repeats too"),
    instant("last_at", "The latest of them", nullable=False),
    Column(
        "longest_gap_seconds",
        Double,
        nullable=False,
        comment="Longest silence that ended on the day",
    ),
    PrimaryKeyConstraint("endpoint_id", "day"),
    schema=SCHEMA,
    comment="How often senders deliver: tells a silence from a quiet hour",
)

webhook_replay = Table(
    "webhook_replay",
    metadata,
    uuid_key("Id; of a Dagster job that of its first run"),
    json_object("selection", "Filter of the deliveries"),
    Column("after_id", UUID, nullable=False, comment="The last delivery that was seen to"),
    Column("copied", BigInteger, nullable=False, comment="Settled deliveries copied so far"),
    Column("retried", BigInteger, nullable=False, comment="Failed and dead ones due again so far"),
    instant("started_at", "Later deliveries are left out", nullable=False, server_default=NOW),
    instant("finished_at", "End; null = under way, or stopped and to be resumed"),
    schema=SCHEMA,
    comment="Replays of ranges, so that one that was stopped goes on where it was",
)

webhook_reject = Table(
    "webhook_reject",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="Id"),
    instant("received_at", "Arrival", nullable=False, server_default=NOW),
    text_column("endpoint_id", "Endpoint, if it is known"),
    text_column("reason", "Why it was refused", nullable=False),
    Column("http_status", Integer, nullable=False, comment="Answer"),
    Column("source_ip", INET, comment="Sender's address"),
    Column("body_bytes", Integer, comment="Size of the body"),
    text_column("trace_id", "Trace id", nullable=False),
    schema=SCHEMA,
    comment="Sampled and capped: what was refused and why",
)
