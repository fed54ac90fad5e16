"""Write the first migration from the tables: ``python -m schemabase_dagster.migrations.freeze``.

For maintainers, as long as nothing was released: afterwards every change is a migration of its own.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from sqlalchemy import create_mock_engine

from schemabase_dagster.tables import metadata

TARGET: Final = Path(__file__).parent / "versions" / "20261123_foundation.sql"


def foundation() -> str:
    """Return the statements that make all tables, in a stable order."""
    statements: list[str] = []

    def collect(statement: Any, *_args: Any, **_options: Any) -> None:
        lines = str(statement.compile(dialect=engine.dialect)).strip().splitlines()
        statements.append("\n".join(line.rstrip().replace("\t", "    ") for line in lines))

    # The driver's own parameter style would double the per cent signs of comments.
    engine = create_mock_engine("postgresql+psycopg://", collect, paramstyle="named")
    metadata.create_all(engine, checkfirst=False)
    return ";\n\n".join(_with_sorted_indexes(statements)) + ";\n"


def _with_sorted_indexes(statements: list[str]) -> Iterator[str]:
    # The indexes of a table are a set: without this every run would write another file.
    for is_index, group in groupby(statements, key=lambda text: " INDEX " in text.split("(")[0]):
        listed = list(group)
        yield from sorted(listed) if is_index else listed


if __name__ == "__main__":
    TARGET.write_text(foundation(), encoding="utf-8")
