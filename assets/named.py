"""Entities that are little more than a name: warehouses, sales channels, tax classes, types."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Table

from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.engine.entity import Entity, FieldGroup
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.normalise.text import clean, normalized_name
from schemabase_dagster.streams import JsonObject, Mapper

PRIORITY: Final = ("erp", "shop", "owner")

Read = Callable[[JsonObject], Any]


def named_entity(
    name: str,
    table: Table,
    description: str,
    *,
    group: str,
    rank: int,
    columns: tuple[str, ...] = (),
    priority: tuple[str, ...] = PRIORITY,
) -> Entity:
    """Return an entity whose rows are known by their normalised names.

    Records of one name are one row, also those of one app.

    Args:
        name: kind of row.
        table: its table, with ``name`` and ``normalized_name``.
        description: product text for the data team.
        group: Dagster asset group.
        rank: place in the order of merging.
        columns: further columns of the table.
        priority: who decides, best first.
    """
    return Entity(
        name=name,
        table=table,
        group=group,
        description=description,
        number_column="normalized_name",
        sample=("name", *columns),
        groups=(FieldGroup("all", ("name", "normalized_name", *columns), priority),),
        exclusive=False,
        rank=rank,
    )


def named_mapper(field: str, *, key: str | None = None, **columns: Read) -> Mapper:
    """Return the mapper of records that are little more than a name.

    Args:
        field: field with the name.
        key: field by which other records name the thing, if that is not its name.
        columns: column -> how it is read from the record.
    """

    def map_named(record: SourceRecord) -> Candidate:
        payload = record.payload
        name = clean(payload.get(field))
        if name is None:
            raise RecordRejected("missing", field, "The record has no name.")
        natural = normalized_name(clean(payload.get(key)) or name if key else name)
        return Candidate(
            match_key=natural,
            number=name,
            values={
                "name": name,
                "normalized_name": natural,
                **{column: read(payload) for column, read in columns.items()},
            },
        )

    return map_named
