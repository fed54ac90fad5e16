"""Check and Verdict: a question about one tenant that a person would otherwise ask in SQL."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from psycopg import Connection
from psycopg.rows import dict_row

from schemabase_dagster.tenancy import Tenant

Severity = Literal["ERROR", "WARN"]
Row: TypeAlias = Mapping[str, Any]

SHOWN_ROWS: Final = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a check.

    Attributes:
        passed: whether all is well.
        summary: one sentence for people.
        severity: of a failure; ``WARN`` = somebody should look, ``ERROR`` = somebody must.
        facts: numbers and short texts shown beside it.
        rows: at most ten rows that show what is wrong; ids and codes, no personal data.
    """

    passed: bool
    summary: str
    severity: Severity = "ERROR"
    facts: Mapping[str, int | float | str] = field(default_factory=dict)
    rows: Sequence[Row] = ()


Evaluate: TypeAlias = Callable[[Connection[Any], Tenant], Verdict]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one asset, evaluated per tenant.

    Attributes:
        name: name of the asset check.
        asset: key of the asset, such as ``("core", "orders")``.
        description: product text for the data team: what is compared, what to do when it fails.
        evaluate: asks the database.
    """

    name: str
    asset: tuple[str, str]
    description: str
    evaluate: Evaluate


def fetch_rows(conn: Connection[Any], statement: Any, values: Mapping[str, Any]) -> list[Row]:
    """Run a query and return its rows by column name."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return list(cursor.execute(statement, values).fetchall())


def none_of(rows: Sequence[Row], one: str, many: str, *, severity: Severity = "WARN") -> Verdict:
    """Return the verdict of a check that hopes to find nothing.

    Args:
        rows: what it found; the column ``found`` holds the full count.
        one: what was looked for, such as ``open conflict``.
        many: the same in the plural.
        severity: how bad it is when there are some.
    """
    count = int(rows[0]["found"]) if rows else 0
    shown = [{key: value for key, value in row.items() if key != "found"} for row in rows]
    summary = f"{count or 'no'} {one if count == 1 else many}"
    return Verdict(not count, summary, severity, {"count": count}, shown[:SHOWN_ROWS])


def none_found(query: Any, one: str, many: str, *, severity: Severity = "WARN") -> Evaluate:
    """Return what evaluates a check that hopes to find nothing by one query about the tenant.

    Args:
        query: at most ten rows of the tenant ``%(tenant_id)s`` with the column ``found``.
        one: as of ``none_of``.
        many: likewise.
        severity: likewise.
    """

    def evaluate(conn: Connection[Any], tenant: Tenant) -> Verdict:
        rows = fetch_rows(conn, query, {"tenant_id": tenant.id})
        return none_of(rows, one, many, severity=severity)

    return evaluate
