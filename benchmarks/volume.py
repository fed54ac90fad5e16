"""Volume: a database full of rows, made by one INSERT per table and by no sync.

What a table needs is read from the catalogue, so a table that is added tomorrow is filled, too:
foreign keys lead to rows of the same tenant, columns with a fixed choice of words walk through it,
and everything else is counted up. Days spread over two years, the newest rows are the last ones.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import dict_row

from assets import registry
from schemabase_dagster import tenancy
from schemabase_dagster.engine.ids import new_id
from schemabase_dagster.engine.rollup import roll_up_own

ROWS_PER_ORDER: Final[Mapping[str, float]] = {
    "order_lines": 3, "package_lines": 2, "package_events": 4, "contacts": 0.5, "addresses": 0.8,
    "companies": 0.02, "reviews": 0.1, "refunds": 0.05, "disputes": 0.005, "returns": 0.05,
    "return_lines": 0.05, "credit_notes": 0.05, "credit_note_lines": 0.05,
    "refund_allocations": 0.05, "credit_note_allocations": 0.05, "return_receipts": 0.05,
    "return_receipt_lines": 0.05,
    "credit_note_refunds": 0.05,
}  # fmt: skip
"""Where it is not one; a table without ids, which links others, has as many as the smallest."""

FIXED_ROWS: Final[Mapping[str, int]] = {
    "sales_channels": 10, "warehouses": 8, "product_types": 20, "categories": 60, "products": 2000,
    "variants": 4000, "stock": 4000, "prices": 4000, "tax_classes": 8, "tax_rates": 40,
    "bills_of_material": 200, "bill_of_material_lines": 400, "variant_ratings": 4000,
}  # fmt: skip
"""Rows of tables that do not grow with the orders."""

REFERENCED_BY: Final = 2
"""Source records of a row: as many streams that feed its entity, or fewer where there are fewer."""

CHUNK_ROWS: Final = 5000

USUAL: Final = (
    "confirmed", "fully_paid", "invoiced", "paid", "succeeded", "closed", "delivered", "received",
    "won",
)  # fmt: skip
"""Words that most rows have: a shop in which every second order is in dispute does not exist."""

RARE_IN: Final = 25
"""One row in so many has any of the allowed words."""

_COLUMNS: LiteralString = """
SELECT c.relname AS relation, a.attname AS name, t.typname AS type, a.attnotnull AS needed,
    (SELECT string_agg(pg_get_constraintdef(k.oid), ' ')
     FROM pg_constraint AS k
     WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]) AS checks,
    (SELECT max(k.confrelid::regclass::text)
     FROM pg_constraint AS k
     WHERE k.conrelid = c.oid AND k.contype = 'f' AND cardinality(k.conkey) <= 2
       AND k.conkey[cardinality(k.conkey)] = a.attnum) AS target
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
WHERE c.relnamespace = 'core'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
  AND a.attgenerated = '' AND a.attidentity = ''
ORDER BY c.relname, a.attnum
"""

_CHECKS: LiteralString = """
SELECT conrelid::regclass::text, conname FROM pg_constraint
WHERE contype = 'c' AND connamespace IN ('core'::regnamespace, 'raw'::regnamespace)
  AND coninhcount = 0
"""

_REFERENCES: LiteralString = """
INSERT INTO core.external_ref (tenant_id, app_id, entity, external_id, core_id, stream,
    external_number, match_key, attrs, source_updated_at)
SELECT (%(tenants)s::uuid[])[1 + (i - 1) * %(count)s / %(rows)s],
    (%(apps)s::uuid[])[1 + (i - 1) * %(count)s / %(rows)s], %(entity)s, %(stream)s || i,
    md5(%(table)s || i)::uuid, %(stream)s, 'N-' || i, 'N-' || i,
    jsonb_build_object('total', i %% 500, 'currency', 'EUR'),
    '2025-01-01'::timestamptz + interval '2 years' * i / %(rows)s
FROM generate_series(1, %(rows)s::bigint) AS i
WHERE %(is_first)s OR i %% 10 <> 0
"""

_SYSTEMS = sql.SQL("""
UPDATE {table} AS o
SET systems = r.systems
FROM (
    SELECT x.core_id, array_agg(DISTINCT a.type) AS systems
    FROM core.external_ref AS x
    JOIN platform.app AS a ON a.id = x.app_id
    WHERE x.entity = {entity}
    GROUP BY x.core_id
) AS r
WHERE r.core_id = o.id
""")

_RAW = sql.SQL("""
INSERT INTO raw.{} (tenant_id, app_id, external_id, payload, payload_hash, read_at, via)
SELECT tenant_id, app_id, external_id, '{{}}', decode(md5(external_id), 'hex'), now(), 'pull'
FROM core.external_ref WHERE entity = %s AND stream = %s
""")

_STATE: LiteralString = """
INSERT INTO platform.sync_state (app_id, stream, last_status, last_success_at, watermark)
SELECT app_id, entity, 'success', now(), now() FROM platform.app_entity
"""


@dataclass(frozen=True, slots=True)
class _Table:
    """One table to fill: its rows, and those of the tables that it refers to."""

    name: str
    rows: int
    tenants: int
    sizes: Mapping[str, int]

    @property
    def tenant(self) -> str:
        """SQL of the 0-based number of the tenant of row ``i``."""
        return f"((i - 1) * {self.tenants} / {self.rows})"

    def row_of(self, target: str) -> str:
        """SQL of the number of the row of another table that row ``i`` refers to.

        Few rows, such as variants, are referred to in turns; otherwise the n-th goes to the n-th.
        """
        there = self.sizes[target]
        if target == "contacts":  # some come back, some do not
            each = there // self.tenants
            return f"({self.tenant} * {each} + {_dice(target)} % {each} + 1)"
        if self.name in FIXED_ROWS or target not in FIXED_ROWS:
            return f"((i - 1) * {there} / {self.rows} + 1)"
        each = there // self.tenants
        return f"({self.tenant} * {each} + i % {each} + 1)"


def fill(
    conn: Connection[Any],
    *,
    orders: int,
    tenants: Sequence[str] = ("acme", "globex"),
    say: Callable[[str], None] = lambda _line: None,
) -> None:
    """Fill ``core``, its references and the raw records behind them.

    Args:
        conn: connection of a superuser that commits every statement, to a migrated, empty database.
        orders: orders of all tenants together; a multiple of 200.
        tenants: slugs; each gets an app of every system.
        say: takes a line about the progress.
    """
    known = [tenancy.add_tenant(conn, slug, slug.title(), country="DE") for slug in tenants]
    apps = {each.id: _add_apps(conn, each.id) for each in known}
    ids = [each.id for each in known]
    conn.execute(_STATE)
    with conn.cursor(row_factory=dict_row) as cursor:
        columns = cursor.execute(_COLUMNS).fetchall()
    sizes = _sizes(columns, orders, len(ids))
    for relation, name in conn.execute(_CHECKS).fetchall():
        table = sql.Identifier(*relation.split("."))
        statement = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
        conn.execute(statement.format(table, sql.Identifier(name)))
    conn.execute("SET session_replication_role = replica")
    for name, group in groupby(columns, key=itemgetter("relation")):
        say(f"core.{name}: {sizes[name]:,} rows")
        _fill_table(conn, _Table(name, sizes[name], len(ids), sizes), list(group), ids, apps)
    _fill_references(conn, sizes, ids, apps, say)
    _name_systems(conn)
    _roll_up(conn)
    conn.execute("RESET session_replication_role")
    conn.execute("VACUUM ANALYZE")


def _name_systems(conn: Connection[Any]) -> None:
    for entity in registry.entities().values():
        if entity.totals is not None and "systems" in entity.totals.columns:
            table = sql.Identifier("core", entity.table.name)
            conn.execute(_SYSTEMS.format(table=table, entity=sql.Literal(entity.name)))


def _roll_up(conn: Connection[Any]) -> None:
    """Let the engine bring the columns up to date that children decide."""
    orders = registry.entities()["order"]
    ids = [row_id for (row_id,) in conn.execute("SELECT id FROM core.orders")]
    for start in range(0, len(ids), CHUNK_ROWS):
        roll_up_own(conn, orders, ids[start : start + CHUNK_ROWS], made=())


def _sizes(columns: Iterable[Mapping[str, Any]], orders: int, tenants: int) -> dict[str, int]:
    """Return the number of rows of each table, a multiple of the number of tenants."""
    tables: dict[str, list[Mapping[str, Any]]] = {}
    for column in columns:
        tables.setdefault(column["relation"], []).append(column)
    sizes = {}
    for name in tables:
        rows = FIXED_ROWS.get(name) or int(orders * ROWS_PER_ORDER.get(name, 1))
        sizes[name] = max(rows // tenants, 1) * tenants
    for name, own in tables.items():
        if not any(column["name"] == "id" for column in own):
            targets = [(column["target"] or "").removeprefix("core.") for column in own]
            sizes[name] = min(sizes[target] for target in targets if target in sizes)
    return sizes


def _add_apps(conn: Connection[Any], tenant_id: UUID) -> dict[str, UUID]:
    """Add an app of every system, with all streams enabled; nobody calls anything."""
    apps = {}
    for stream in registry.streams().values():
        system = stream.system.name
        if system not in apps:
            apps[system] = new_id()
            conn.execute(
                "INSERT INTO platform.app (id, tenant_id, type, key, name) "
                "VALUES (%s, %s, %s, %s, %s)",
                (apps[system], tenant_id, system, system, system),
            )
        conn.execute(
            "INSERT INTO platform.app_entity (app_id, entity, direction, enabled) "
            "VALUES (%s, %s, 'pull', true)",
            (apps[system], stream.name),
        )
    return apps


def _fill_table(
    conn: Connection[Any],
    table: _Table,
    columns: Iterable[Mapping[str, Any]],
    tenants: Sequence[UUID],
    apps: Mapping[UUID, Mapping[str, UUID]],
) -> None:
    pairs = dict(_values(table, columns, tenants, apps))
    statement = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM generate_series(1, {}::bigint) AS i")
    conn.execute(
        statement.format(
            sql.Identifier("core", table.name),
            sql.SQL(", ").join(map(sql.Identifier, pairs)),
            sql.SQL(", ").join(map(sql.SQL, pairs.values())),
            table.rows,
        )
    )


def _values(
    table: _Table,
    columns: Iterable[Mapping[str, Any]],
    tenants: Sequence[UUID],
    apps: Mapping[UUID, Mapping[str, UUID]],
) -> Iterator[tuple[str, str]]:
    """Return name and SQL of the columns that get a value."""
    for column in columns:
        name, target = column["name"], (column["target"] or "").removeprefix("core.")
        if name == "tenant_id":
            yield name, _pick(tenants, table.tenant)
        elif target == "platform.app":
            yield name, _pick([next(iter(apps[each].values())) for each in tenants], table.tenant)
        elif target == table.name:
            continue
        elif target in table.sizes:
            yield name, f"md5('{target}' || {table.row_of(target)})::uuid"
        elif name == "id":
            yield name, f"md5('{table.name}' || i)::uuid"
        elif (value := _value(table, column)) is not None:
            yield name, value


def _pick(ids: Sequence[UUID], place: str) -> str:
    listed = ", ".join(f"'{each}'" for each in ids)
    return f"(ARRAY[{listed}]::uuid[])[{place} + 1]"


def _value(table: _Table, column: Mapping[str, Any]) -> str | None:
    name, kind = column["name"], column["type"]
    if name in {"deleted_at", "removed_at", "valid_until", "sources", "other_key"}:
        return None
    if name == "sku":
        row = "i" if table.name == "variants" else table.row_of("variants")
        return f"'SKU-' || {row}"
    if kind == "text":
        return _text(name, column["checks"] or "")
    if name in _BY_NAME:
        return _BY_NAME[name]
    by_type = {
        **_BY_TYPE,
        "timestamptz": _day(table, name),
        "date": f"({_day(table, name)})::date",
    }
    return by_type.get(kind)


def _text(name: str, checks: str) -> str:
    if words := re.findall(r"'([a-z_]+)'::text", checks):
        listed = ", ".join(f"'{word}'" for word in words)
        usual = next((word for word in USUAL if word in words), words[0])
        rare = f"(ARRAY[{listed}])[1 + {_dice(name)} % {len(words)}]"
        return f"CASE WHEN {_dice(name)} % {RARE_IN} > 0 THEN '{usual}' ELSE {rare} END"
    return _BY_NAME.get(name, f"'{name} ' || i")


def _dice(name: str) -> str:
    """SQL of a number that looks random, differs by column and is the same in every run."""
    return f"abs(hashtext('{name}' || i))"


def _day(table: _Table, name: str) -> str:
    later = {"shipped_at": 1, "delivered_at": 3, "reviewed_at": 10}.get(name, 0)
    return (
        f"'2025-01-01'::timestamptz + interval '2 years' * i / {table.rows} "
        f"+ interval '{later} days'"
    )


_BY_NAME: Final[Mapping[str, str]] = {
    "currency": "'EUR'", "country_code": "(ARRAY['DE', 'AT', 'FR', 'NL'])[1 + i % 4]",
    "language": "'de'", "order_number": "'STORE-' || i",
    "rating": "1 + abs(hashtext('rating' || i)) % 5",
    "sku_occurrence": "1", "line_no": "1 + i % 3", "tax_percentage": "19", "percentage": "19",
    "settlement_rate": "1", "shop_rate": "1",
    "quantity": "1 + i % 3", "average": "1 + i % 4 + 0.5",
}  # fmt: skip

_BY_TYPE: Final[Mapping[str, str]] = {
    "numeric": "10 + i % 500 + 0.19", "bool": "i % 10 <> 0", "int4": "1 + i % 5",
    "int2": "1 + i % 5", "int8": "i", "bytea": "decode(md5(i::text), 'hex')", "jsonb": "'{}'",
    "_text": "'{}'",
}  # fmt: skip


def _fill_references(
    conn: Connection[Any],
    sizes: Mapping[str, int],
    tenants: Sequence[UUID],
    apps: Mapping[UUID, Mapping[str, UUID]],
    say: Callable[[str], None],
) -> None:
    for entity in registry.entities().values():
        feeding = list(registry.streams_feeding(entity.name).values())[:REFERENCED_BY]
        for number, stream in enumerate(feeding):
            say(f"raw.{stream.name}: {sizes[entity.table.name]:,} records")
            values = {
                "tenants": list(tenants),
                "apps": [apps[each][stream.system.name] for each in tenants],
                "count": len(tenants),
                "rows": sizes[entity.table.name],
                "entity": entity.name,
                "stream": stream.name,
                "table": entity.table.name,
                "is_first": number == 0,
            }
            conn.execute(_REFERENCES, values)
            conn.execute(_RAW.format(sql.Identifier(stream.name)), (entity.name, stream.name))
