"""The metadata object and the column shapes that all tables share: one place for each precision."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Numeric,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = MetaData(
    naming_convention={
        "ix": "%(column_0_N_label)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)

MONEY = Numeric(19, 4)
QUANTITY = Numeric(19, 6)
PERCENTAGE = Numeric(9, 4)
INSTANT = DateTime(timezone=True)
NOW = text("now()")

CURRENCY_PATTERN = "^[A-Z]{3}$"
COUNTRY_PATTERN = "^[A-Z]{2}$"
CARRIERS = ("dpd", "dhl", "ups", "hermes", "pickup", "fedex", "usps", "bulk", "unknown")
LANGUAGE_PATTERN = "^[a-z]{2}(-[A-Z]{2})?$"


def uuid_key(comment: str = "Our id, UUID version 7") -> Column[Any]:
    """Return the primary key column ``id``; the application makes version 7 values."""
    return Column(
        "id", UUID, primary_key=True, server_default=text("gen_random_uuid()"), comment=comment
    )


def tenant_key() -> Column[Any]:
    """Return the column ``tenant_id`` that every tenant row carries."""
    return Column(
        "tenant_id",
        UUID,
        ForeignKey("platform.tenant.id", ondelete="CASCADE"),
        nullable=False,
        comment="Tenant the row belongs to",
    )


def parents_tenant() -> Column[Any]:
    """Return ``tenant_id`` of a table whose rows follow a parent, as its key does."""
    return Column("tenant_id", UUID, nullable=False, comment="Tenant the row belongs to")


def money(name: str, comment: str, **options: Any) -> Column[Any]:
    """Return an amount; its currency stands beside it or on the row that owns it."""
    return Column(name, MONEY, comment=comment, **options)


def text_column(name: str, comment: str, **options: Any) -> Column[Any]:
    """Return a text column with a comment."""
    return Column(name, Text, comment=comment, **options)


def instant(name: str, comment: str, **options: Any) -> Column[Any]:
    """Return a time stamp column (with zone)."""
    return Column(name, INSTANT, comment=comment, **options)


def json_object(name: str, comment: str) -> Column[Any]:
    """Return a jsonb column that defaults to the empty object."""
    return Column(name, JSONB, nullable=False, server_default=text("'{}'"), comment=comment)


def systems() -> Column[Any]:
    """Make the column that names who tells of a row, so that reports need not look it up."""
    return Column(
        "systems",
        ARRAY(Text),
        nullable=False,
        server_default=text("'{}'"),
        comment="Systems that know it, in alphabetical order",
    )


def binary(name: str, comment: str, **options: Any) -> Column[Any]:
    """Return a bytea column."""
    return Column(name, LargeBinary, comment=comment, **options)


def stamps(*, soft_delete: bool = True) -> list[Column[Any]]:
    """Return ``created_at``, ``updated_at`` and, for soft deletion, ``deleted_at``."""
    columns = [
        instant("created_at", "When we first wrote the row", nullable=False, server_default=NOW),
        instant(
            "updated_at",
            "When a column last really changed; usable as a cursor",
            nullable=False,
            server_default=NOW,
        ),
    ]
    if soft_delete:
        columns.append(instant("deleted_at", "Gone at every source since; values are kept"))
    return columns


def pattern(column: str, regex: str) -> CheckConstraint:
    """Return a check that a text column matches a regular expression."""
    return CheckConstraint(f"{column} ~ '{regex}'", name=column)


def one_of(column: str, *values: str) -> CheckConstraint:
    """Return a check that a text column holds one of some values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def tenant_link(column: str, target: str, **options: Any) -> ForeignKeyConstraint:
    """Return the composite foreign key ``(tenant_id, column)`` -> ``target (tenant_id, id)``.

    With the tenant in the key a link to another tenant's row is impossible.
    """
    return ForeignKeyConstraint(
        ["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], **options
    )


__all__ = [
    "CARRIERS",
    "COUNTRY_PATTERN",
    "CURRENCY_PATTERN",
    "INSTANT",
    "JSONB",
    "LANGUAGE_PATTERN",
    "MONEY",
    "NOW",
    "PERCENTAGE",
    "QUANTITY",
    "UUID",
    "Index",
    "binary",
    "instant",
    "json_object",
    "metadata",
    "money",
    "one_of",
    "parents_tenant",
    "pattern",
    "stamps",
    "tenant_key",
    "tenant_link",
    "text_column",
    "uuid_key",
]
