"""Schema ``platform``: cursors, queues, rejects, conflicts: the state that moves with the data."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from schemabase_dagster.tables._columns import (
    JSONB,
    NOW,
    UUID,
    binary,
    instant,
    json_object,
    metadata,
    one_of,
    tenant_key,
    text_column,
    uuid_key,
)

SCHEMA = "platform"


def _app_key() -> Column[Any]:
    return Column(
        "app_id",
        UUID,
        ForeignKey("platform.app.id", ondelete="CASCADE"),
        nullable=False,
        comment="App",
    )


sync_state = Table(
    "sync_state",
    metadata,
    _app_key(),
    text_column("stream", "Stream", nullable=False),
    json_object("cursor", "Position of an unfinished listing and of the back-fill"),
    instant("watermark", "Newest source time that is surely landed"),
    instant("last_started_at", "Start of the latest attempt"),
    instant("last_success_at", "End of the latest complete incremental or full sync"),
    instant("last_full_at", "End of the latest complete full sync"),
    text_column("last_status", "success, partial or failure"),
    Column(
        "consecutive_errors",
        Integer,
        nullable=False,
        server_default=text("0"),
        comment="Failures since the latest success",
    ),
    text_column("last_error", "Message of the latest failure"),
    Column("estimate_seconds", BigInteger, comment="Estimated rest of an unfinished back-fill"),
    json_object("last_counts", "Counts of the latest attempt"),
    instant("requested_at", "When due_syncs last asked for a run"),
    instant("updated_at", "Latest change", nullable=False, server_default=NOW),
    PrimaryKeyConstraint("app_id", "stream"),
    one_of("last_status", "success", "partial", "failure"),
    schema=SCHEMA,
    comment="How far each stream of each app is synced",
)

scan_seen = Table(
    "scan_seen",
    metadata,
    _app_key(),
    text_column("stream", "Stream", nullable=False),
    text_column("external_id", "Record seen by the running full listing", nullable=False),
    PrimaryKeyConstraint("app_id", "stream", "external_id"),
    schema=SCHEMA,
    comment="What the running full listing has seen; what is missing at its end is suspected",
)

todo = Table(
    "todo",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True, comment="Order of landing"),
    Column("tenant_id", UUID, nullable=False, comment="Tenant"),
    text_column("stream", "Stream of the changed raw record", nullable=False),
    Column("app_id", UUID, nullable=False, comment="App"),
    text_column("external_id", "The changed raw record", nullable=False),
    Index("todo_tenant", "tenant_id", "stream", "id"),
    schema=SCHEMA,
    comment="Raw records that core has not consumed; append-only, so landing never waits",
)

rejects = Table(
    "rejects",
    metadata,
    uuid_key(),
    Column("tenant_id", UUID, nullable=False, comment="Tenant"),
    Column("app_id", UUID, nullable=False, comment="App"),
    text_column("stream", "Stream", nullable=False),
    text_column(
        "stage", "land: could not be stored; map: stored in raw, not in core", nullable=False
    ),
    text_column("external_id", "Record, if its id is known"),
    binary("payload", "The record, when raw cannot hold it"),
    binary("payload_sha256", "Identifies a record without id"),
    text_column("code", "Stable code of the fault", nullable=False),
    text_column("path", "Where in the record", nullable=False),
    text_column("reason", "One sentence without values", nullable=False),
    Column(
        "attempts",
        Integer,
        nullable=False,
        server_default=text("1"),
        comment="How often it was tried",
    ),
    instant("first_at", "First fault", nullable=False, server_default=NOW),
    instant("last_at", "Latest fault", nullable=False, server_default=NOW),
    one_of("stage", "land", "map"),
    ForeignKeyConstraint(
        ["tenant_id", "app_id"], ["platform.app.tenant_id", "platform.app.id"], ondelete="CASCADE"
    ),
    UniqueConstraint(
        "app_id",
        "stream",
        "stage",
        "external_id",
        "payload_sha256",
        postgresql_nulls_not_distinct=True,
    ),
    schema=SCHEMA,
    comment="Records set aside; tried again on every later run until they pass",
)

parent_key = Table(
    "parent_key",
    metadata,
    Column("tenant_id", UUID, nullable=False, comment="Tenant"),
    text_column("entity", "Entity referred to", nullable=False),
    text_column("key", "Its natural key", nullable=False),
    text_column("stream", "Stream of the referring record", nullable=False),
    _app_key(),
    text_column("external_id", "Referring record", nullable=False),
    PrimaryKeyConstraint("tenant_id", "entity", "key", "stream", "app_id", "external_id"),
    Index("parent_key_child", "app_id", "stream", "external_id"),
    schema=SCHEMA,
    comment="Which records refer to which natural keys: they are mapped again when it moves",
)

field_authority = Table(
    "field_authority",
    metadata,
    Column("tenant_id", UUID, nullable=False, comment="Tenant"),
    text_column("entity", "Entity", nullable=False),
    text_column("field_group", "Group of columns that one source decides", nullable=False),
    Column("app_id", UUID, nullable=False, comment="App"),
    Column("priority", Integer, nullable=False, comment="1 = best"),
    PrimaryKeyConstraint("tenant_id", "entity", "field_group", "app_id"),
    ForeignKeyConstraint(
        ["tenant_id", "app_id"], ["platform.app.tenant_id", "platform.app.id"], ondelete="CASCADE"
    ),
    schema=SCHEMA,
    comment="Who may write which group of fields, where a tenant differs from the defaults",
)

match_conflict = Table(
    "match_conflict",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="Id"),
    tenant_key(),
    Column("app_id", UUID, nullable=False, comment="App of the record"),
    text_column("entity", "Entity", nullable=False),
    text_column("external_id", "Record", nullable=False),
    text_column("kind", "key_moved, ambiguous, second_id, number_taken", nullable=False),
    Column("detail", JSONB, nullable=False, comment="Keys and rows involved"),
    instant("opened_at", "First seen", nullable=False, server_default=NOW),
    instant("resolved_at", "Settled by a person or by newer data"),
    Column("resolution", JSONB, comment="How it was settled"),
    Index(
        "match_conflict_open",
        "app_id",
        "entity",
        "external_id",
        "kind",
        unique=True,
        postgresql_where=text("resolved_at IS NULL"),
    ),
    schema=SCHEMA,
    comment="Contradictory input for a person to settle",
)

former_key = Table(
    "former_key",
    metadata,
    tenant_key(),
    text_column("entity", "Entity", nullable=False),
    text_column("key", "Natural key that no record of the row bears any more", nullable=False),
    Column("core_id", UUID, nullable=False, comment="Row that bore it last"),
    PrimaryKeyConstraint("tenant_id", "entity", "key"),
    schema=SCHEMA,
    comment="Keys that rows bore once: a line with the old SKU of a renamed variant is still its",
)

match_decision = Table(
    "match_decision",
    metadata,
    tenant_key(),
    text_column("entity", "Entity", nullable=False),
    text_column("kind", "link: one row; split: never one row", nullable=False),
    Column("app_id", UUID, nullable=False, comment="App of the record"),
    text_column("external_id", "Record", nullable=False),
    Column("other_app_id", UUID, nullable=False, comment="App of the other record"),
    text_column("other_external_id", "The other record", nullable=False),
    instant("decided_at", "When", nullable=False, server_default=NOW),
    Column("note", Text, comment="Why"),
    PrimaryKeyConstraint(
        "tenant_id", "entity", "app_id", "external_id", "other_app_id", "other_external_id"
    ),
    one_of("kind", "link", "split"),
    schema=SCHEMA,
    comment="Decisions of people about records, applied again after every rebuild",
)

match_pair = Table(
    "match_pair",
    metadata,
    tenant_key(),
    text_column("entity", "Entity", nullable=False),
    Column("app_id", UUID, nullable=False, comment="App of the record that joins"),
    text_column("external_id", "Record that joins", nullable=False),
    Column("other_app_id", UUID, nullable=False, comment="App of the record that it joins"),
    text_column("other_external_id", "Record that it joins", nullable=False),
    PrimaryKeyConstraint("entity", "app_id", "external_id"),
    Index("match_pair_other", "entity", "other_app_id", "other_external_id"),
    schema=SCHEMA,
    comment="Records without a common key that are one row by what they say, as found last",
)

accepted_difference = Table(
    "accepted_difference",
    metadata,
    tenant_key(),
    text_column("kind", "Kind of the disagreement", nullable=False),
    text_column("record", "What it is about", nullable=False),
    Column("expected", Numeric, nullable=False, comment="One side, as it was accepted"),
    Column("actual", Numeric, nullable=False, comment="The other side, as it was accepted"),
    text_column("note", "Why"),
    instant("accepted_at", "When", nullable=False, server_default=NOW),
    PrimaryKeyConstraint("tenant_id", "kind", "record", "expected", "actual"),
    schema=SCHEMA,
    comment="Disagreements of analytics.reconciliation_defect that a person accepted",
)

sync_run = Table(
    "sync_run",
    metadata,
    uuid_key(),
    _app_key(),
    text_column("stream", "Stream", nullable=False),
    text_column("run_id", "Dagster run"),
    text_column("trigger", "webhook, schedule, full or manual", nullable=False),
    instant("started_at", "Start", nullable=False),
    instant("finished_at", "End"),
    text_column("status", "success, partial or failure"),
    json_object("counts", "read, changed, unchanged, rejected, deleted, api_calls, seconds"),
    text_column("error", "Message of a failure"),
    Index("sync_run_recent", "app_id", "stream", "started_at"),
    schema=SCHEMA,
    comment="One row per attempt, kept 90 days",
)

alert = Table(
    "alert",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True, comment="Id"),
    text_column("key", "Alerts of one key within an hour are one", nullable=False),
    Column("message", Text, nullable=False, comment="Text without secrets"),
    Column("count", Integer, nullable=False, server_default=text("1"), comment="Occurrences"),
    instant("first_at", "First occurrence", nullable=False, server_default=NOW),
    instant("last_at", "Latest occurrence", nullable=False, server_default=NOW),
    Column(
        "delivered",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether a target took it",
    ),
    Index("alert_key", "key", "last_at"),
    schema=SCHEMA,
    comment="What went wrong, grouped by system and class of error",
)
