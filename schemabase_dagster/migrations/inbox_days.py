"""The partitions of the webhook inbox, one per UTC day: made ahead, and dropped as a whole.

A delivery whose day has no partition goes to the default one, so that nothing is ever refused for
want of upkeep; from there rows are deleted one by one.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, LiteralString

import psycopg
from psycopg import Connection, sql

from schemabase_dagster.clock import utc_now

PARENT: Final = sql.Identifier("platform", "webhook_inbox")
NAME: Final = re.compile(r"webhook_inbox_(\d{8})")

_PARTITIONS: LiteralString = """
SELECT c.relname
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'platform.webhook_inbox'::regclass
"""

# Attaching locks the parent less than CREATE TABLE ... PARTITION OF, which would stop the inserts.
_CREATE: LiteralString = """
CREATE TABLE {partition} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
"""

_ATTACH: LiteralString = """
ALTER TABLE {parent} ATTACH PARTITION {partition} FOR VALUES FROM ({start}) TO ({end})
"""

_DETACH: LiteralString = "ALTER TABLE {parent} DETACH PARTITION {partition}"

_DROP: LiteralString = "DROP TABLE {partition}"

_IS_NEEDED: LiteralString = """
SELECT EXISTS (
    SELECT FROM {partition}
    WHERE status IN ('received', 'failed', 'claimed') AND next_attempt_at <> 'infinity'
)
"""


def list_days(conn: Connection[Any]) -> list[date]:
    """Return the days that have a partition, in order."""
    names = (NAME.fullmatch(row[0]) for row in conn.execute(_PARTITIONS).fetchall())
    return sorted(date.fromisoformat(name[1]) for name in names if name)


def make_days(conn: Connection[Any], ahead: int) -> list[date]:
    """Make the missing partitions of today and the days after it, and return their days.

    A day of which the default partition holds deliveries already is left to it.

    Args:
        conn: connection; each partition is a transaction of its own unless one is open.
        ahead: number of days after today.
    """
    today = utc_now().date()
    known = set(list_days(conn))
    wanted = (today + timedelta(days=number) for number in range(ahead + 1))
    return [day for day in wanted if day not in known and _make(conn, day)]


def drop_days(conn: Connection[Any], before: date) -> list[date]:
    """Drop the partitions of the days before a day, and return them.

    One that still holds deliveries to be processed stays.
    """
    return [day for day in list_days(conn) if day < before and _drop(conn, day)]


def partition(day: date) -> sql.Identifier:
    """Return the name of a day's partition."""
    return sql.Identifier("platform", f"webhook_inbox_{day:%Y%m%d}")


def _make(conn: Connection[Any], day: date) -> bool:
    start = datetime.combine(day, time(), UTC)
    names = {
        "parent": PARENT,
        "partition": partition(day),
        "start": sql.Literal(start.isoformat()),
        "end": sql.Literal((start + timedelta(days=1)).isoformat()),
    }
    try:
        with conn.transaction():
            conn.execute(sql.SQL(_CREATE).format(**names))
            conn.execute(sql.SQL(_ATTACH).format(**names))
    except psycopg.errors.CheckViolation:
        return False  # the default partition has rows of the day
    return True


def _drop(conn: Connection[Any], day: date) -> bool:
    names = {"parent": PARENT, "partition": partition(day)}
    if _is_needed(conn, day):
        return False
    with conn.transaction() as dropping:
        conn.execute(sql.SQL(_DETACH).format(**names))
        # Nobody else reaches it now, so what was revived a moment ago is seen.
        is_needed = _is_needed(conn, day)
        if is_needed:
            raise psycopg.Rollback(dropping)
        conn.execute(sql.SQL(_DROP).format(**names))
    return not is_needed


def _is_needed(conn: Connection[Any], day: date) -> bool:
    row = conn.execute(sql.SQL(_IS_NEEDED).format(partition=partition(day))).fetchone()
    return row is not None and bool(row[0])
