"""Publication: the description of one table that the gateway serves to others."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from psycopg import Connection

from schemabase_dagster.read_endpoints import Kind
from schemabase_dagster.tenancy import Tenant

Publish: TypeAlias = Callable[[Connection[Any], Tenant], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Publication:
    """One table of the schema ``platform`` that is made from core; the asset is its name.

    Attributes:
        name: name of the table; its rows tell tenant and time of making.
        kind: of the endpoints at which it is served.
        description: product text for the data team: what a row is.
        entities: names of the canonical entities it is made from.
        publish: makes the rows of a tenant in the caller's transaction; tells its counts.
    """

    name: str
    kind: Kind
    description: str
    entities: tuple[str, ...]
    publish: Publish
