"""Write rows set-based: stage by COPY, insert or update only what differs, tell what changed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection, sql
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import JSONB

_CREATE_STAGE = sql.SQL(
    "CREATE TEMPORARY TABLE IF NOT EXISTS {stage} (LIKE {table}) ON COMMIT DELETE ROWS"
)
_ALLOW_NULLS = sql.SQL("ALTER TABLE {stage} ALTER COLUMN {column} DROP NOT NULL")

_UPSERT = sql.SQL("""
INSERT INTO {table} AS t ({columns})
SELECT {columns} FROM {stage} AS s
WHERE NOT EXISTS (
    SELECT FROM {table} AS c
    WHERE {same_key} AND ({current}) IS NOT DISTINCT FROM ({staged}) {alive})
ON CONFLICT ({key}) DO UPDATE SET {assign}
RETURNING {returning}
""")


def stage(
    conn: Connection, table: Table, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]
) -> sql.Identifier:
    """Copy rows into a temporary table shaped like ``table``; it is empty again after commit."""
    name = sql.Identifier(f"stage_{table.name}")
    target = sql.Identifier(str(table.schema), table.name)
    if conn.execute("SELECT to_regclass(%s)", (f"pg_temp.stage_{table.name}",)).fetchone() in (
        None,
        (None,),
    ):
        conn.execute(_CREATE_STAGE.format(stage=name, table=target))
        for column in table.columns:
            if not column.nullable and not column.primary_key:
                conn.execute(_ALLOW_NULLS.format(stage=name, column=sql.Identifier(column.name)))
    else:
        conn.execute(sql.SQL("TRUNCATE {}").format(name))
    _copy(conn, name, table, columns, rows)
    return name


def upsert(
    conn: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    *,
    key: Sequence[str],
    returning: str = "id",
    fixed: Sequence[str] = ("id",),
    is_new: Callable[[Mapping[str, Any]], bool] = lambda _row: False,
) -> set[Any]:
    """Insert or update rows; a row that is equal is not written at all.

    Args:
        conn: connection inside a transaction.
        table: the table; a column ``deleted_at`` is cleared, ``updated_at`` set on a change.
        rows: column -> value; a missing column is null.
        columns: columns to write, the key's included.
        key: columns of a unique index that identify a row.
        returning: column whose values of written rows are returned.
        fixed: columns that an update leaves alone.
        is_new: tells whether a row surely is not there yet, by the locks that the transaction
            holds; such rows are copied straight into the table, after the others, which may have
            to give a unique value up to them.

    Returns:
        ``returning`` of the rows that were inserted or changed.
    """
    new = [row for row in rows if is_new(row)]
    changed: set[Any] = set()
    if len(new) < len(rows):
        old = [row for row in rows if not is_new(row)] if new else rows
        changed = _upsert_staged(conn, table, old, columns, key, returning, fixed)
    if new:
        target = sql.Identifier(str(table.schema), table.name)
        _copy(conn, target, table, columns, new)
        changed.update(row[returning] for row in new)
    return changed


def _upsert_staged(  # noqa: PLR0917 - what upsert was given
    conn: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    key: Sequence[str],
    returning: str,
    fixed: Sequence[str],
) -> set[Any]:
    name = stage(conn, table, columns, rows)
    values = [column for column in columns if column not in key and column not in fixed]
    assign: list[sql.Composable] = [
        sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in values
    ]
    revives = "deleted_at" in table.c and "deleted_at" not in columns
    if revives:
        assign.append(sql.SQL("deleted_at = NULL"))
    if "updated_at" in table.c:
        assign.append(sql.SQL("updated_at = now()"))
    statement = _UPSERT.format(
        table=sql.Identifier(str(table.schema), table.name),
        stage=name,
        columns=_names(columns),
        key=_names(key),
        same_key=sql.SQL(" AND ").join(
            sql.SQL("c.{0} = s.{0}").format(sql.Identifier(column)) for column in key
        ),
        current=_names(values, "c"),
        staged=_names(values, "s"),
        alive=sql.SQL("AND c.deleted_at IS NULL" if revives else ""),
        assign=sql.SQL(", ").join(assign),
        returning=sql.Identifier("t", returning),
    )
    return {row[0] for row in conn.execute(statement)}


def soft_delete(conn: Connection, table: Table, ids: Iterable[UUID]) -> set[UUID]:
    """Mark rows as deleted, values kept; return those that were alive."""
    statement = sql.SQL(
        "UPDATE {} SET deleted_at = now(), updated_at = now() "
        "WHERE id = ANY(%s) AND deleted_at IS NULL RETURNING id"
    ).format(sql.Identifier(str(table.schema), table.name))
    return {row[0] for row in conn.execute(statement, (list(ids),))}


def _copy(
    conn: Connection,
    target: sql.Identifier,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
) -> None:
    """Copy rows into ``target``, which has the columns of ``table``."""
    json_at = [i for i, column in enumerate(columns) if _is_json(table, column)]
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(target, _names(columns))
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            values = list(map(row.get, columns))
            for index in json_at:
                values[index] = _json(values[index])
            copy.write_row(values)


def _names(columns: Sequence[str], alias: str | None = None) -> sql.Composable:
    return sql.SQL(", ").join(
        sql.Identifier(alias, column) if alias else sql.Identifier(column) for column in columns
    )


def _is_json(table: Table, column: str) -> bool:
    return isinstance(table.c[column].type, JSONB)


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value, default=str).decode()
