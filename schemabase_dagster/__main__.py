"""``python -m schemabase_dagster`` is the ``schemabase`` command."""

from schemabase_dagster.cli import main

main()
