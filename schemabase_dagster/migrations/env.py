"""What Alembic runs for every command: our metadata on the connection that ``upgrade`` gives."""

from typing import Any

from alembic import context

from schemabase_dagster.migrations.scope import SCHEMAS, is_ours
from schemabase_dagster.tables import metadata


def _include_name(name: str | None, kind: str, _parents: Any) -> bool:
    return kind != "schema" or name in SCHEMAS


def _run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        version_table_schema="platform",
        include_schemas=True,
        include_name=_include_name,
        include_object=is_ours,
        compare_type=True,
        compare_server_default=True,
    )
    context.run_migrations()


_run()
