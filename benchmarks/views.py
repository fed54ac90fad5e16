"""How long an analyst waits for each view of ``analytics`` over a full database."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    return [_row(name, orders, whole) for name, (_, whole, _) in timed.items()]


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


def _time(conn: Connection[Any], name: str, say: Callable[[str], None]) -> tuple[int, float, float]:
    """Return the rows of a view, and seconds for all of it and for the newest rows of a tenant."""
    view = sql.Identifier(name)
    counted = conn.execute(_COUNT.format(view)).fetchone()
    whole = _seconds(conn, _WHOLE.format(view))
    newest = whole
    if described := registry.views().get(name):
        query = _LATEST.format(view, TENANTS[0], sql.Identifier(described.order_by), NEWEST)
        newest = _seconds(conn, query)
    rows = counted[0] if counted else 0
    say(f"analytics.{name}: {rows:,} rows, all in {whole:.2f} s, newest in {newest:.2f} s")
    return rows, whole, newest


def _seconds(conn: Connection[Any], query: sql.Composed) -> float:
    """Return the median time in which the server computes all columns of all rows.

    Infinite when the analyst's time limit for a statement ends it.
    """
    explain = sql.SQL("EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF, FORMAT JSON) ") + query
    times: list[float] = []
    for _ in range(REPEATS):
        try:
            ((plan,),) = conn.execute(explain).fetchall()
        except psycopg.errors.QueryCanceled:
            return inf
        times.append(plan[0]["Planning Time"] + plan[0]["Execution Time"])
    return median(times) / 1000


def _show(timed: dict[str, tuple[int, float, float]]) -> None:
    table = Table("view", "rows", "all rows", f"newest {NEWEST} of a tenant", box=None)
    for name, (rows, whole, newest) in timed.items():
        table.add_row(f"analytics.{name}", f"{rows:,}", f"{whole:.2f} s", f"{newest:.2f} s")
    console().print(table)


def _row(name: str, orders: int, seconds: float) -> Row:
    reached = "aim" if seconds < AIM_SECONDS else "must" if seconds < MUST_SECONDS else "missed"
    return Row(
        f"all of analytics.{name}", f"{orders:,} orders", f"{seconds:.2f} s",
        f"{MUST_SECONDS:g} s", f"{AIM_SECONDS:g} s", reached,
    )  # fmt: skip
