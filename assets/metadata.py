"""What a materialisation tells: counts, a sample without personal data, a picture, columns."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeAlias

import dagster as dg
from psycopg import Connection, sql
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from assets.charts import bars_per_day
from assets.checking import SHOWN_ROWS, Check, Row, Verdict, fetch_rows
from assets.syncing import Done
from assets.view import View
from schemabase_dagster.clock import show_instant
from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.inbox import Effect
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import Tenant

Metadata: TypeAlias = dict[str, Any]

PICTURE_DAYS: Final = 30

_RAW_SAMPLE: Final = """
SELECT a.key AS app, r.changed_at,
       CASE WHEN r.deleted_at IS NULL THEN r.via ELSE 'deleted' END AS via, r.external_id
FROM raw.{table} AS r
JOIN platform.app AS a ON a.id = r.app_id
WHERE r.app_id IN (SELECT id FROM platform.app WHERE tenant_id = %(tenant_id)s)
  AND r.changed_at >= now() - interval '1 day'
ORDER BY r.changed_at DESC
LIMIT 10
"""

_RAW_COUNT: Final = """
SELECT count(*) AS count
FROM raw.{table} AS r
WHERE r.app_id IN (SELECT id FROM platform.app WHERE tenant_id = %(tenant_id)s)
  AND r.deleted_at IS NULL
"""

_CORE_SAMPLE: Final = """
SELECT {columns}
FROM core.{table}
WHERE tenant_id = %(tenant_id)s
  AND deleted_at IS NULL
ORDER BY updated_at DESC, {first} DESC
LIMIT 10
"""

_CORE_COUNT: Final = """
SELECT count(*) AS count
FROM core.{table}
WHERE tenant_id = %(tenant_id)s
  AND deleted_at IS NULL
"""

# Counted beside the sample: that computes the view once, which takes long where it sums up much.
_VIEW_SAMPLE: Final = """
SELECT {columns}, count(*) OVER () AS found
FROM analytics.{view}
WHERE tenant = %(tenant)s
ORDER BY {order_by} DESC NULLS LAST
LIMIT 10
"""

_PER_DAY: Final = """
SELECT d::date AS day, count(t.{column}) AS count
FROM generate_series(current_date - %(days)s::int, current_date, interval '1 day') AS d
LEFT JOIN core.{table} AS t
    ON t.tenant_id = %(tenant_id)s AND t.deleted_at IS NULL
    AND t.{column} >= d AND t.{column} < d + interval '1 day'
GROUP BY d
ORDER BY d
"""


def raw_metadata(conn: Connection[Any], stream: Stream, done: Done) -> Metadata:
    """Describe what a pull did."""
    values = {"tenant_id": done.tenant.id}
    table = sql.Identifier(stream.name)
    count = fetch_rows(conn, sql.SQL(_RAW_COUNT).format(table=table), values)
    rows = fetch_rows(conn, sql.SQL(_RAW_SAMPLE).format(table=table), values)
    return {
        **counts(done.result),
        **_notes(done),
        "dagster/partition_row_count": count[0]["count"],
        **_sample("latest_changes", rows),
    }


def core_metadata(conn: Connection[Any], entity: Entity, done: Done, *, picture: bool) -> Metadata:
    """Describe what a merge did.

    Args:
        conn: connection.
        entity: what was merged.
        done: for whom and with which result.
        picture: whether to draw rows per day.
    """
    values = {"tenant_id": done.tenant.id}
    table = sql.Identifier(entity.table.name)
    sample = sql.SQL(_CORE_SAMPLE).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, entity.sample)),
        table=table,
        first=sql.Identifier(entity.sample[0]),
    )
    count = fetch_rows(conn, sql.SQL(_CORE_COUNT).format(table=table), values)
    rows = fetch_rows(conn, sample, values)
    return {
        **counts(done.result),
        **_notes(done),
        "dagster/partition_row_count": count[0]["count"],
        **_sample("latest_changes", rows),
        **(_picture(conn, entity, done.tenant) if picture else {}),
    }


def view_metadata(conn: Connection[Any], view: View, tenant: Tenant) -> Metadata:
    """Describe what an analytics view shows for a tenant."""
    query = sql.SQL(_VIEW_SAMPLE).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, view.sample)),
        view=sql.Identifier(view.name),
        order_by=sql.Identifier(view.order_by),
    )
    found = fetch_rows(conn, query, {"tenant": tenant.slug})
    rows = [{name: row[name] for name in view.sample} for row in found]
    told = view.report(conn, tenant) if view.report is not None else {}
    return {
        "dagster/partition_row_count": found[0]["found"] if found else 0,
        **_sample("newest_rows", rows),
        **{name: dg.MetadataValue.md(text) for name, text in told.items()},
    }


def counts(result: SyncResult) -> Metadata:
    """Return the counts of a result; numbers are plotted over time by the UI."""
    told: Metadata = dict(result.counts())
    if result.partial:
        told["partial"] = True
    if result.out_of_quota:
        told["out_of_quota"] = True
    if result.unasked:
        told["unasked"] = result.unasked
    if result.estimate_seconds is not None:
        told["estimate_minutes"] = round(result.estimate_seconds / 60, 1)
    for name, instant in (("cursor_from", result.cursor_from), ("cursor_to", result.cursor_to)):
        if instant is not None:
            told[name] = dg.MetadataValue.timestamp(instant)
    return told


def landed_effects(effects: Sequence[Effect], landed: SyncResult) -> Metadata:
    """Describe what webhooks did to the records of one stream.

    Args:
        effects: what they did to them.
        landed: counts of the whole round, whose calls and seconds it took.
    """
    found = Counter(effect.raw for effect in effects)
    changed, deleted, rejected = found["changed"], found["deleted"], found["rejected"]
    result = SyncResult(
        read=len(effects),
        changed=changed,
        unchanged=len(effects) - changed - deleted - rejected,
        rejected=rejected,
        deleted=deleted,
        api_calls=landed.api_calls,
        seconds=landed.seconds,
    )
    return {**counts(result), **_by_delivery(effects, "raw")}


def merged_effects(effects: Sequence[Effect]) -> Metadata:
    """Describe which rows of one entity webhooks changed, if any did."""
    return _by_delivery([effect for effect in effects if effect.core is not None], "core")


def check_result(check: Check, verdict: Verdict) -> dg.AssetCheckResult:
    """Return a verdict as Dagster shows it."""
    return dg.AssetCheckResult(
        check_name=check.name,
        asset_key=dg.AssetKey(check.asset),
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity[verdict.severity],
        description=verdict.summary,
        metadata=verdict_metadata(verdict),
    )


def check_evaluation(check: Check, verdict: Verdict, partition: str) -> dg.AssetCheckEvaluation:
    """Return a verdict that a run tells which does not materialise the asset itself."""
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(check.asset),
        check_name=check.name,
        passed=verdict.passed,
        severity=dg.AssetCheckSeverity[verdict.severity],
        description=verdict.summary,
        metadata=verdict_metadata(verdict),
        partition=partition,
    )


def verdict_metadata(verdict: Verdict) -> Metadata:
    """Return facts and rows of a verdict."""
    return {**verdict.facts, **_sample("rows", verdict.rows)}


def table_schema(table: Table) -> dg.TableSchema:
    """Return the columns of a table with their comments."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type.compile(dialect=postgresql.dialect()),  # type: ignore[no-untyped-call]  # SQLAlchemy
                description=column.comment,
                constraints=dg.TableColumnConstraints(nullable=bool(column.nullable)),
            )
            for column in table.columns
        ]
    )


def _notes(done: Done) -> Metadata:
    return {"notes": dg.MetadataValue.text(" ".join(done.notes))} if done.notes else {}


def _sample(name: str, rows: Sequence[Row]) -> Metadata:
    if not rows:
        return {}
    records = [dg.TableRecord({key: _cell(value) for key, value in row.items()}) for row in rows]
    schema = dg.TableSchema(columns=[dg.TableColumn(key, "string") for key in rows[0]])
    return {name: dg.MetadataValue.table(records, schema)}


def _by_delivery(effects: Sequence[Effect], layer: str) -> Metadata:
    """Return how many deliveries it were, and a table of those that came last."""
    if not effects:
        return {}
    rows = [
        {
            "delivery": effect.inbox_id,
            "record": f"{effect.stream} {effect.external_id or ''}",
            "outcome": getattr(effect, layer),
            "row": f"{effect.entity} {effect.core_id}" if effect.core_id else None,
        }
        for effect in effects[-SHOWN_ROWS:]
    ]
    return {
        "deliveries": len({effect.inbox_id for effect in effects}),
        **_sample("latest_deliveries", rows),
    }


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return show_instant(value)
    if isinstance(value, Decimal):
        return f"{value:,.2f}"
    return str(value)


def _picture(conn: Connection[Any], entity: Entity, tenant: Tenant) -> Mapping[str, Any]:
    if entity.day_column is None:
        return {}
    query = sql.SQL(_PER_DAY).format(
        column=sql.Identifier(entity.day_column), table=sql.Identifier(entity.table.name)
    )
    rows = fetch_rows(conn, query, {"tenant_id": tenant.id, "days": PICTURE_DAYS - 1})
    days: list[tuple[date, int]] = [(row["day"], row["count"]) for row in rows]
    drawn = bars_per_day(f"{entity.table.name} per day, last {PICTURE_DAYS} days", days)
    return {f"{entity.table.name}_per_day": dg.MetadataValue.md(drawn)} if drawn else {}
