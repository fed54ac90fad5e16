"""Reading rows in tests: as dictionaries, as single values, as counts of writes."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString

from psycopg import Connection, sql
from psycopg.rows import dict_row

Parameters = Sequence[Any] | Mapping[str, Any]

_WAITERS = """
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def rows(
    conn: Connection[Any], query: LiteralString, parameters: Parameters = ()
) -> list[dict[str, Any]]:
    """Return the rows of a query, column name -> value."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, parameters).fetchall()


def one(conn: Connection[Any], query: LiteralString, parameters: Parameters = ()) -> dict[str, Any]:
    """Return the only row of a query."""
    found = rows(conn, query, parameters)
    assert len(found) == 1, f"{len(found)} rows instead of one"
    return found[0]


def value(conn: Connection[Any], query: LiteralString, parameters: Parameters = ()) -> Any:
    """Return the only value of a query."""
    (result,) = one(conn, query, parameters).values()
    return result


def count(conn: Connection[Any], table: str) -> int:
    """Return the number of rows of ``schema.table``."""
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*table.split(".")))
    row = conn.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def waiters(conn: Connection[Any]) -> int:
    """Return how many sessions of this database wait for a lock; the server has others."""
    return int(value(conn, _WAITERS))


def versions(conn: Connection[Any], table: str) -> dict[str, str]:
    """Return the row versions of a table, place -> writing transaction.

    Equal results before and after some work prove that it wrote no row.
    """
    query = sql.SQL("SELECT ctid::text, xmin::text FROM {}")
    return dict(conn.execute(query.format(sql.Identifier(*table.split(".")))).fetchall())
