"""SQLAlchemy metadata of all schemas, with one naming convention."""

from schemabase_dagster.tables import (
    aftersales,
    catalogue,
    installs,
    logs,
    parties,
    payments,
    platform,
    raw,
    reads,
    reviews,
    sales,
    shipping,
    state,
    tracking,
    webhooks,
)
from schemabase_dagster.tables._columns import metadata

__all__ = [
    "aftersales",
    "catalogue",
    "installs",
    "logs",
    "metadata",
    "parties",
    "payments",
    "platform",
    "raw",
    "reads",
    "reviews",
    "sales",
    "shipping",
    "state",
    "tracking",
    "webhooks",
]
