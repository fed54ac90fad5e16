"""View: the description of one analytics view that the asset graph shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from psycopg import Connection

from schemabase_dagster.tenancy import Tenant

Report: TypeAlias = Callable[[Connection[Any], Tenant], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class View:
    """One view of the schema ``analytics``; the asset is ``analytics/<name>``.

    Attributes:
        name: name of the view.
        description: product text for the data team: what a row is.
        entities: names of the canonical entities it reads; empty = the state of every stream.
        sample: columns shown in the metadata, none of them personal.
        order_by: column that decides which rows are shown, newest first.
        report: makes pictures and tables that say more than the newest rows: name -> Markdown.
    """

    name: str
    description: str
    entities: tuple[str, ...]
    sample: tuple[str, ...]
    order_by: str
    report: Report | None = None
