"""Which database objects Alembic looks after; the others are made from registries."""

from typing import Any, Final

from schemabase_dagster.tables import metadata

SCHEMAS: Final = {
    "platform": "Tenants, apps, encrypted credentials, webhooks and the state of syncs; not for "
    "analysts",
    "raw": "Every source record as received, one table per stream",
    "core": "One row per real thing, whatever number of systems know it",
    "analytics": "Views for analysts: start here",
}
"""Our schemas and their comments."""


def is_ours(item: Any, name: str | None, kind: str, is_reflected: bool, _compare_to: Any) -> bool:
    """Tell whether Alembic compares an object: tables of the metadata and what belongs to them.

    Raw tables come from the stream registry and partitions from the entities: they exist in the
    database without being in the metadata. Partitions also add foreign keys to their parent's
    inheritance tree, which the reflection shows on the partitions only.
    """
    if kind == "table" and is_reflected:
        return f"{item.schema}.{name}" in metadata.tables
    return True
