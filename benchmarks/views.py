"""How long an analyst waits for each view of ``analytics`` over a full database.

An answer is there when all rows and columns have reached the client: wall-clock time, on a machine
that does nothing else. What the server takes to make the rows is shown beside it.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Any, Final

import psycopg
from psycopg import Connection, sql
from rich.table import Table

from assets import registry
from benchmarks import volume
from benchmarks.report import Row
from schemabase_dagster import tenancy
from schemabase_dagster.tenancy import analysts
from schemabase_dagster.terminal import console

MUST_SECONDS: Final = 2.0
AIM_SECONDS: Final = 1.0
REPEATS: Final = 3
TENANTS: Final = ("acme", "globex")
NEWEST: Final = 100

_NAMES = """
SELECT relname FROM pg_class WHERE relnamespace = 'analytics'::regnamespace AND relkind = 'v'
ORDER BY relname
"""
_COUNT = sql.SQL("SELECT count(*) FROM analytics.{}")
_WHOLE = sql.SQL("SELECT * FROM analytics.{}")
_LATEST = sql.SQL("SELECT * FROM analytics.{} WHERE tenant = {} ORDER BY {} DESC LIMIT {}")
_EXPLAIN = sql.SQL("EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, FORMAT JSON) ")


@dataclass(frozen=True, slots=True)
class _Timed:
    """Rows of a view, and seconds: infinite when the analyst's time limit ends a statement.

    Attributes:
        rows: all rows of all tenants.
        made: the server makes all rows and columns.
        answered: it makes them, and the client has them, as text.
        newest: the client has the newest rows of one tenant.
    """

    rows: int
    made: float
    answered: float
    newest: float


def measure(url: str, *, orders: int, say: Callable[[str], None]) -> list[Row]:
    """Fill a database and time every view as an analyst of all its tenants.

    Args:
        url: migrated, empty database, of a superuser.
        orders: orders to fill it with.
        say: takes a line about the progress.
    """
    with psycopg.connect(url, autocommit=True) as owner:
        volume.fill(owner, orders=orders, tenants=TENANTS, say=say)
        with _analyst(owner) as conn:
            names = [name for (name,) in owner.execute(_NAMES)]
            timed = {name: _time(conn, name, say) for name in names}
    _show(timed)
    return [_row(name, orders, each.answered) for name, each in timed.items()]


@contextmanager
def _analyst(owner: Connection[Any]) -> Iterator[Connection[Any]]:
    """Let an analyst of all tenants log in for the block: row-level security is measured too."""
    name = f"bench_{secrets.token_hex(4)}"
    known = [tenancy.get_tenant(owner, slug) for slug in TENANTS]
    link = analysts.add(owner, name, known) or ""
    try:
        with psycopg.connect(link, autocommit=True) as conn:
            yield conn
    finally:
        analysts.remove(owner, name)


def _time(conn: Connection[Any], name: str, say: Callable[[str], None]) -> _Timed:
    view = sql.Identifier(name)
    counted = conn.execute(_COUNT.format(view)).fetchone()
    whole = _WHOLE.format(view)
    made, answered = _median(conn, _make, whole), _median(conn, _answer, whole)
    newest = answered
    if described := registry.views().get(name):
        query = _LATEST.format(view, TENANTS[0], sql.Identifier(described.order_by), NEWEST)
        newest = _median(conn, _answer, query)
    timed = _Timed(counted[0] if counted else 0, made, answered, newest)
    say(
        f"analytics.{name}: {timed.rows:,} rows, made in {made:.2f} s, answered in "
        f"{answered:.2f} s, newest in {newest:.2f} s"
    )
    return timed


def _median(
    conn: Connection[Any],
    measure_once: Callable[[Connection[Any], sql.Composed], float],
    query: sql.Composed,
) -> float:
    try:
        return median(measure_once(conn, query) for _ in range(REPEATS))
    except psycopg.errors.QueryCanceled:
        return inf


def _make(conn: Connection[Any], query: sql.Composed) -> float:
    ((plan,),) = conn.execute(_EXPLAIN + query).fetchall()
    return float(plan[0]["Planning Time"] + plan[0]["Execution Time"]) / 1000


def _answer(conn: Connection[Any], query: sql.Composed) -> float:
    started = time.perf_counter()
    conn.execute(query)  # the client library reads all rows before it returns
    return time.perf_counter() - started


def _show(timed: dict[str, _Timed]) -> None:
    table = Table(
        "view", "rows", "rows are made", "client has them", f"newest {NEWEST} of a tenant", box=None
    )
    for name, each in timed.items():
        table.add_row(
            f"analytics.{name}", f"{each.rows:,}", f"{each.made:.2f} s", f"{each.answered:.2f} s",
            f"{each.newest:.2f} s",
        )  # fmt: skip
    console().print(table)


def _row(name: str, orders: int, seconds: float) -> Row:
    reached = "aim" if seconds < AIM_SECONDS else "must" if seconds < MUST_SECONDS else "missed"
    return Row(
        f"all of analytics.{name}", f"{orders:,} orders", f"{seconds:.2f} s",
        f"{MUST_SECONDS:g} s", f"{AIM_SECONDS:g} s", reached,
    )  # fmt: skip
