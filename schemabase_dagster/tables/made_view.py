"""MadeView: a view over raw tables, which is made from the stream registry instead of a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import Connection, sql


@dataclass(frozen=True, slots=True)
class MadeView:
    """What analysts are told of such a view of ``analytics``.

    Attributes:
        name: its name.
        comment: what a row is.
        columns: column -> meaning, in the order of its query.
    """

    name: str
    comment: str
    columns: Mapping[str, str]

    @property
    def column_names(self) -> sql.Composed:
        """Its columns as a list in SQL."""
        return sql.SQL(", ").join(map(sql.Identifier, self.columns))

    def create(self, conn: Connection[Any], query: sql.Composable) -> None:
        """Make the view of a query, with its comments."""
        name = sql.Identifier("analytics", self.name)
        statement = sql.SQL("CREATE OR REPLACE VIEW {} ({}) AS {}")
        conn.execute(statement.format(name, self.column_names, query))
        comment = sql.Literal(self.comment)
        conn.execute(sql.SQL("COMMENT ON VIEW {} IS {}").format(name, comment))
        for column, text in self.columns.items():
            place = sql.Identifier("analytics", self.name, column)
            note = sql.SQL("COMMENT ON COLUMN {} IS {}")
            conn.execute(note.format(place, sql.Literal(text)))
