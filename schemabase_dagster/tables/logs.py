"""Schema ``platform``: what became of log batches whose bodies stand in the inbox."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Table,
)
from sqlalchemy import text as literal

from schemabase_dagster.tables._columns import (
    NOW,
    UUID,
    binary,
    instant,
    metadata,
    text_column,
)

SCHEMA = "platform"


def _of_app(comment: str) -> tuple[Column[Any], Column[Any], ForeignKeyConstraint]:
    return (
        Column("tenant_id", UUID, nullable=False, comment="Tenant"),
        Column("app_id", UUID, nullable=False, comment=comment),
        ForeignKeyConstraint(
            ["tenant_id", "app_id"],
            ["platform.app.tenant_id", "platform.app.id"],
            ondelete="CASCADE",
        ),
    )


log_delivery = Table(
    "log_delivery",
    metadata,
    *_of_app("Sink that has the batch"),
    Column("inbox_id", UUID, nullable=False, comment="Batch"),
    instant("delivered_at", "When the sink had all of it", nullable=False, server_default=NOW),
    PrimaryKeyConstraint("inbox_id", "app_id"),
    schema=SCHEMA,
    comment="Which sinks have a log batch that still waits for another sink",
)

log_reject = Table(
    "log_reject",
    metadata,
    *_of_app("Sender"),
    text_column("code", "Stable code of the fault", nullable=False),
    text_column("path", "Where in the record", nullable=False),
    Column("count", BigInteger, nullable=False, comment="Records with this fault"),
    binary("sample", "Beginning of the latest of them", nullable=False),
    Column("inbox_id", UUID, nullable=False, comment="Batch of the latest of them"),
    instant("first_at", "First record", nullable=False, server_default=NOW),
    instant("last_at", "Latest record", nullable=False, server_default=NOW),
    PrimaryKeyConstraint("app_id", "code", "path"),
    schema=SCHEMA,
    comment="Log records that could not be read, counted by fault; the rest of their batch went on",
)

log_dead_document = Table(
    "log_dead_document",
    metadata,
    *_of_app("Sink that refused it"),
    text_column("document_id", "Its id there", nullable=False),
    Column("inbox_id", UUID, nullable=False, comment="Batch it came in"),
    binary("document", "The document, JSON", nullable=False),
    Column("status", Integer, nullable=False, comment="Status of the item in the bulk answer"),
    text_column("code", "Type of the error", nullable=False),
    text_column("path", "Field, where the sink names one", nullable=False),
    text_column("reason", "What the sink says; may repeat a value", nullable=False),
    Column(
        "attempts",
        Integer,
        nullable=False,
        server_default=literal("1"),
        comment="How often it was refused",
    ),
    instant("first_at", "First refusal", nullable=False, server_default=NOW),
    instant("last_at", "Latest refusal", nullable=False, server_default=NOW),
    PrimaryKeyConstraint("app_id", "document_id"),
    schema=SCHEMA,
    comment="Log documents that a sink refused for good; kept until they are taken or too old",
)
