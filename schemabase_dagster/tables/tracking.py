"""Schemas ``core`` and ``platform``: what carriers say of parcels, and when they were asked."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from schemabase_dagster.tables._columns import (
    CARRIERS,
    NOW,
    UUID,
    instant,
    json_object,
    metadata,
    one_of,
    stamps,
    tenant_key,
    tenant_link,
    text_column,
    uuid_key,
)
from schemabase_dagster.tables.sales import add_references
from schemabase_dagster.tables.shipping import PACKAGE_STATES


def _flag(name: str, comment: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"), comment=comment)


package_events = Table(
    "package_events",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column(
        "event_key",
        "Natural key: SHA-256 of carrier, tracking number, status, time and place",
        nullable=False,
    ),
    Column("package_id", UUID, comment="Package; null while none or several bear the number"),
    Column("owner_app_id", UUID, comment="App that told it first"),
    text_column("carrier", "Who carries the parcel", nullable=False),
    text_column("tracking_id", "Tracking number", nullable=False),
    instant("event_at", "When it happened", nullable=False),
    text_column("state", "State of the parcel by this event; null = the event tells none"),
    text_column("source_status", "The carrier's own code"),
    text_column("message", "The carrier's own words"),
    text_column("location", "Where it happened, as the carrier writes it"),
    text_column("country_code", "Country where it happened, ISO 3166-1 alpha-2"),
    _flag("is_delayed", "The carrier tells of a delay, a hold or a missed step"),
    Column("event_no", Integer, comment="Place among the events of the parcel, by time, 1-based"),
    text_column("previous_state", "State of the parcel before this event"),
    _flag("state_changed", "The event moved the parcel's state along an allowed edge"),
    _flag("is_history", "Older than the carrier's app here: nobody is to be told of it any more"),
    json_object("sources", "Field group -> app that decided it and since when"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "event_key", deferrable=True, initially="IMMEDIATE"),
    one_of("carrier", *CARRIERS),
    one_of("state", *PACKAGE_STATES),
    one_of("previous_state", *PACKAGE_STATES),
    tenant_link("package_id", "core.packages", ondelete="SET NULL (package_id)"),
    tenant_link("owner_app_id", "platform.app"),
    Index("package_events_tracking", "tenant_id", "tracking_id", "carrier", "event_no"),
    Index("package_events_package", "package_id"),
    schema="core",
    comment="What carriers tell of parcels: one row per event, also before its package is known",
)

add_references("package_event", package_events)

asked = Table(
    "asked",
    metadata,
    Column(
        "app_id",
        UUID,
        ForeignKey("platform.app.id", ondelete="CASCADE"),
        nullable=False,
        comment="App that was asked",
    ),
    text_column("stream", "Stream", nullable=False),
    text_column("external_id", "Id that was asked for", nullable=False),
    instant("asked_at", "When it was answered last", nullable=False, server_default=NOW),
    _flag("is_known", "Whether the source knew it"),
    PrimaryKeyConstraint("app_id", "stream", "external_id"),
    schema="platform",
    comment="Which ids were asked for when, where a source lists nothing: the most stale come next",
)
