"""SQLAlchemy metadata of all schemas, with one naming convention."""

from schemabase_dagster.tables import (
    catalogue,
    parties,
    payments,
    platform,
    raw,
    reviews,
    sales,
    shipping,
    state,
    webhooks,
)
from schemabase_dagster.tables._columns import metadata

__all__ = [
    "catalogue",
    "metadata",
    "parties",
    "payments",
    "platform",
    "raw",
    "reviews",
    "sales",
    "shipping",
    "state",
    "webhooks",
]
