"""Series: columns that rows decide together, by their order among one another."""

from collections.abc import Collection, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import dict_row

from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.engine.write import stage

_UPDATE = sql.SQL("""
UPDATE {table} AS t SET {assign}, updated_at = now()
FROM {stage} AS s
WHERE s.id = t.id AND ({current}) IS DISTINCT FROM ({wanted})
RETURNING t.id
""")


def fold_series(conn: Connection, entity: Entity, rows: Collection[UUID]) -> set[UUID]:
    """Decide the columns of all series that rows belong to; return the rows that changed.

    The result depends on the rows of a series only, whatever batches they came in.
    """
    series = entity.series
    if series is None or not rows:
        return set()
    columns = ("id", *series.columns)
    name = stage(conn, entity.table, columns, list(_folded(conn, entity, rows)))
    statement = _UPDATE.format(
        table=sql.Identifier(str(entity.table.schema), entity.table.name),
        stage=name,
        assign=sql.SQL(", ").join(
            sql.SQL("{0} = s.{0}").format(sql.Identifier(column)) for column in series.columns
        ),
        current=_names(series.columns, "t"),
        wanted=_names(series.columns, "s"),
    )
    return {row[0] for row in conn.execute(statement)}


def _folded(
    conn: Connection, entity: Entity, rows: Collection[UUID]
) -> Iterator[Mapping[str, Any]]:
    series = entity.series
    if series is None:
        return
    with conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(series.query, {"rows": list(rows)}).fetchall()
    for _, members in groupby(found, itemgetter("series")):
        ordered = list(members)
        for row, values in zip(ordered, series.fold(ordered), strict=True):
            yield {"id": row["id"], **dict(zip(series.columns, values, strict=True))}


def _names(columns: Collection[str], alias: str) -> sql.Composable:
    return sql.SQL(", ").join(sql.Identifier(alias, column) for column in columns)
