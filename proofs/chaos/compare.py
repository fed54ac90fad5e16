"""Compare: two databases by natural keys, and what the inbox must look like in the end."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import orjson
from psycopg import Connection, sql
from psycopg.rows import dict_row

from assets import registry

IGNORED: Final = frozenset({"id", "tenant_id", "created_at", "updated_at", "first_seen_at"})
"""Our ids, and times that say when we did something."""

YES_OR_NO: Final = ("deleted_at", "removed_at")
"""Of these times only their presence is compared."""

NATURAL: Final = {
    "companies": "normalized_name",
    "sales_channels": "normalized_name",
    "addresses": "fingerprint",
    "orders": "order_number",
    "invoices": "invoice_number",
    "packages": "package_number",
}
"""Table -> column by which its rows are named; others are named by the records they are of."""

_REFERENCES: LiteralString = """
SELECT r.core_id, string_agg(a.key || ' ' || r.external_id, ', ' ORDER BY a.key, r.external_id)
FROM core.external_ref AS r
JOIN platform.app AS a ON a.id = r.app_id
GROUP BY r.core_id
"""

_CONTACTS: LiteralString = """
SELECT c.id, coalesce(c.email_normalized, (
    SELECT string_agg(a.key || ' ' || r.external_id, ', ' ORDER BY a.key, r.external_id)
    FROM core.external_ref AS r
    JOIN platform.app AS a ON a.id = r.app_id
    WHERE r.entity = 'contact' AND r.core_id = c.id), 'nobody')
FROM core.contacts AS c
"""

_CORE_TABLES: LiteralString = """
SELECT c.relname FROM pg_class AS c
WHERE c.relnamespace = 'core'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname
"""

# An order of Zoho repeats its invoices, whose changes do not move its modified time: which of them
# it holds depends on when it was read. The invoices themselves are compared.
_RAW: LiteralString = """
SELECT a.key, r.external_id, r.payload - 'invoices', r.source_updated_at, r.deleted_at IS NOT NULL
FROM raw.{} AS r
JOIN platform.app AS a ON a.id = r.app_id
"""

_REJECTS: LiteralString = """
SELECT a.key, r.stream, r.stage, r.external_id, r.code, r.path
FROM platform.rejects AS r
JOIN platform.app AS a ON a.id = r.app_id
"""

_CONFLICTS: LiteralString = """
SELECT a.key, c.entity, c.external_id, c.kind
FROM platform.match_conflict AS c
JOIN platform.app AS a ON a.id = c.app_id
WHERE c.resolved_at IS NULL
"""

_QUEUE: LiteralString = "SELECT stream, external_id FROM platform.todo"

_STATES: LiteralString = """
SELECT a.key, s.stream, s.last_status, s.cursor ? 'scan'
FROM platform.sync_state AS s
JOIN platform.app AS a ON a.id = s.app_id
"""

_INBOX: LiteralString = """
SELECT w.status, w.last_error, sha256(w.body) AS digest, count(s.inbox_id) AS settled,
    coalesce(bool_and(s.is_applied), false) AS is_applied
FROM platform.webhook_inbox AS w
LEFT JOIN chaos.settled AS s ON s.inbox_id = w.id
GROUP BY w.id, w.received_at
"""

Rows = Counter[bytes]
Tables = Mapping[str, Rows]


def read_tables(conn: Connection[Any]) -> dict[str, Rows]:
    """Return everything that must be equal: rows as JSON, by table, our ids replaced by names."""
    tables = _core(conn)
    for stream in registry.streams():
        query = sql.SQL(_RAW).format(sql.Identifier(stream))
        tables[f"raw.{stream}"] = _counted(conn.execute(query))
    tables["platform.rejects"] = _counted(conn.execute(_REJECTS))
    tables["platform.match_conflict"] = _counted(conn.execute(_CONFLICTS))
    tables["platform.todo"] = _counted(conn.execute(_QUEUE))
    tables["platform.sync_state"] = _counted(conn.execute(_STATES))
    return tables


def differences(disturbed: Tables, calm: Tables) -> list[str]:
    """Return one line for each row that only one side has."""
    lines = []
    for table in sorted({*disturbed, *calm}):
        left, right = disturbed.get(table, Counter()), calm.get(table, Counter())
        lines += [f"{table}: only in the disturbed one: {row.decode()}" for row in left - right]
        lines += [f"{table}: only in the undisturbed one: {row.decode()}" for row in right - left]
    return lines


@dataclass(frozen=True, slots=True)
class Inbox:
    """What became of the deliveries.

    Attributes:
        acknowledged: different deliveries that were answered with success.
        stored: rows of the inbox.
        outcomes: status -> rows.
        faults: what must not be, one line each.
    """

    acknowledged: int
    stored: int
    outcomes: Mapping[str, int]
    faults: list[str]


def read_inbox(conn: Connection[Any], acknowledged: set[bytes]) -> Inbox:
    """Look for acknowledged deliveries that are not stored once and applied once."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_INBOX).fetchall()
    stored = Counter(bytes(row["digest"]) for row in rows)
    lost = acknowledged - set(stored)
    faults = [f"acknowledged, not stored: {digest.hex()[:12]}" for digest in lost]
    faults += [f"stored {n} times: {digest.hex()[:12]}" for digest, n in stored.items() if n != 1]
    faults += [
        f"settled {row['settled']} times as {row['status']}: {bytes(row['digest']).hex()[:12]}"
        for row in rows
        if row["settled"] != 1
    ]
    faults += [
        f"processed, not in raw: {bytes(row['digest']).hex()[:12]}"
        for row in rows
        if row["status"] == "processed" and not row["is_applied"]
    ]
    faults += [
        f"{row['status']} without a reason: {bytes(row['digest']).hex()[:12]}"
        for row in rows
        if row["status"] not in {"processed", "ignored"} and not row["last_error"]
    ]
    outcomes = Counter(row["status"] for row in rows)
    return Inbox(len(acknowledged), len(rows), dict(outcomes), faults)


def digest(tables: Tables) -> str:
    """Return a short fingerprint of all rows, to be printed."""
    lines = sorted(b"%b %b" % (name.encode(), row) for name in tables for row in tables[name])
    return hashlib.sha256(b"\n".join(lines)).hexdigest()[:16]


def _core(conn: Connection[Any]) -> dict[str, Rows]:
    names = {str(row[0]): row[1] for row in conn.execute("SELECT id, key FROM platform.app")}
    names |= {str(row[0]): row[1] for row in conn.execute(_REFERENCES)}
    names |= {str(row[0]): row[1] for row in conn.execute(_CONTACTS)}
    found: dict[str, list[dict[str, Any]]] = {}
    for (table,) in conn.execute(_CORE_TABLES).fetchall():
        query = sql.SQL("SELECT to_jsonb(t) FROM core.{} AS t").format(sql.Identifier(table))
        found[table] = [row[0] for row in conn.execute(query)]
        if table in NATURAL:
            names |= {row["id"]: row[NATURAL[table]] for row in found[table]}
    return {
        f"core.{table}": _counted(_named(row, names) for row in rows)
        for table, rows in found.items()
    }


def _named(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    out = {
        column: names.get(value, value) if isinstance(value, str) else value
        for column, value in row.items()
        if column not in IGNORED
    }
    return out | {column: out[column] is not None for column in YES_OR_NO if column in out}


def _counted(rows: Iterable[Any]) -> Rows:
    options = orjson.OPT_SORT_KEYS
    return Counter(orjson.dumps(row, option=options, default=str) for row in rows)
