"""The checks that every raw and every core asset has; those of one entity stand in its folder."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection, sql

from assets.checking import Check, Row, Verdict, fetch_rows, none_of
from assets.coverage import webhook_coverage
from assets.shapes import webhook_shape
from schemabase_dagster.clock import show_instant, utc_now
from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.engine.reject import WAITS
from schemabase_dagster.streams import Stream
from schemabase_dagster.tables import raw
from schemabase_dagster.tables.coverage import is_covered
from schemabase_dagster.tenancy import Tenant

DEFAULT_REJECT_SHARE: Final = 0.01
SHRUNK_SHARE: Final = 0.2
SHRUNK_WITHIN: Final = timedelta(days=7)
LONGEST_DUE: Final = timedelta(minutes=10)

_FRESHNESS: Final = """
SELECT a.key AS app, s.last_success_at, s.last_status, s.estimate_seconds, a.created_at
FROM platform.app AS a
JOIN platform.app_entity AS e
    ON e.app_id = a.id AND e.entity = %(stream)s AND e.direction = 'pull' AND e.enabled
LEFT JOIN platform.sync_state AS s ON s.app_id = a.id AND s.stream = %(stream)s
WHERE a.tenant_id = %(tenant_id)s
  AND a.enabled
  AND a.deleted_at IS NULL
ORDER BY a.key
"""

_REJECTED: Final = """
SELECT a.key AS app,
       coalesce((e.options ->> 'reject_share')::float8, %(share)s) AS allowed,
       (SELECT count(*) FROM platform.rejects AS j
        WHERE j.app_id = a.id AND j.stream = %(stream)s AND j.code <> %(waits)s) AS rejected,
       (SELECT count(*) FROM raw.{table} AS r
        WHERE r.app_id = a.id AND r.deleted_at IS NULL)
       + (SELECT count(*) FROM platform.rejects AS j
          WHERE j.app_id = a.id AND j.stream = %(stream)s AND j.stage = 'land') AS records
FROM platform.app AS a
LEFT JOIN platform.app_entity AS e
    ON e.app_id = a.id AND e.entity = %(stream)s AND e.direction = 'pull'
WHERE a.tenant_id = %(tenant_id)s
  AND a.type = %(system)s
  AND a.deleted_at IS NULL
ORDER BY a.key
"""

_REJECTED_ROWS: Final = """
SELECT a.key AS app, j.stage, coalesce(j.external_id, '') AS external_id, j.code, j.path,
       j.reason, j.attempts
FROM platform.rejects AS j
JOIN platform.app AS a ON a.id = j.app_id
WHERE j.tenant_id = %(tenant_id)s
  AND j.stream = %(stream)s
  AND j.code <> %(waits)s
ORDER BY j.last_at DESC
LIMIT 10
"""

# What a listing lacked but nobody has proved gone counts: a wave waits for a person.
_SHRUNK: Final = """
SELECT a.key AS app, r.gone + s.suspected AS gone, r.live + r.gone AS records
FROM platform.app AS a
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE deleted_at IS NULL) AS live,
           count(*) FILTER (WHERE deleted_at > now() - %(within)s) AS gone
    FROM raw.{table}
    WHERE app_id = a.id
) AS r
CROSS JOIN LATERAL (
    SELECT coalesce(max((counts ->> 'suspected')::int), 0) AS suspected
    FROM platform.sync_run
    WHERE app_id = a.id AND stream = %(stream)s AND finished_at > now() - interval '26 hours'
) AS s
WHERE a.tenant_id = %(tenant_id)s
  AND a.type = %(system)s
  AND a.deleted_at IS NULL
  AND r.gone + s.suspected > %(share)s * (r.live + r.gone)
ORDER BY a.key
"""

_DEAD_LETTERS: Final = """
SELECT w.id::text AS delivery, coalesce(w.event_type, '') AS event_type, w.received_at,
       coalesce(w.last_error, '') AS reason, count(*) OVER () AS found
FROM platform.webhook_inbox AS w
WHERE w.tenant_id = %(tenant_id)s
  AND w.provider = %(system)s
  AND w.status = 'dead'
ORDER BY w.received_at DESC
LIMIT 10
"""

_BACKLOG: Final = """
SELECT count(*) AS waiting,
       coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8 AS oldest_seconds
FROM (
    SELECT next_attempt_at AS due_at
    FROM platform.webhook_inbox
    WHERE tenant_id = %(tenant_id)s
      AND provider = %(system)s
      AND status IN ('received', 'failed')
      AND next_attempt_at <= now()
    UNION ALL
    SELECT claimed_until
    FROM platform.webhook_inbox
    WHERE tenant_id = %(tenant_id)s
      AND provider = %(system)s
      AND status = 'claimed'
      AND claimed_until <= now()
) AS due
"""

# The view itself takes a tenth of a second to plan: it is a union over all streams.
_UNMATCHED: Final = """
SELECT app, stream, external_id, coalesce(code, '') AS code, coalesce(path, '') AS path,
       coalesce(reason, 'not mapped yet') AS reason, count(*) OVER () AS found
FROM ({unmatched}) AS u ({columns})
WHERE tenant = %(tenant)s
  AND stream = ANY(%(streams)s)
  AND NOT waiting
ORDER BY changed_at DESC
LIMIT 10
"""

_CONFLICTS: Final = """
SELECT a.key AS app, c.external_id, c.kind, c.opened_at, count(*) OVER () AS found
FROM platform.match_conflict AS c
JOIN platform.app AS a ON a.id = c.app_id
WHERE c.tenant_id = %(tenant_id)s
  AND c.entity = %(entity)s
  AND c.resolved_at IS NULL
ORDER BY c.opened_at
LIMIT 10
"""


def raw_checks(stream: Stream) -> tuple[Check, ...]:
    """Return the checks of a stream's raw asset."""
    asset = ("raw", stream.name)
    hours = stream.expected_within.total_seconds() / 3600
    found = [
        Check(
            "freshness",
            asset,
            f"A complete sync of every app is at most {hours:g} hours old. If not, look at the "
            "latest run of the asset or run 'schemabase status'.",
            lambda conn, tenant: check_freshness(conn, tenant, stream),
        ),
        Check(
            "rejected_share",
            asset,
            "Few records are set aside. They are kept and tried again on every run; "
            "analytics.unmatched_record names the reason of each.",
            lambda conn, tenant: check_rejected(conn, tenant, stream),
        ),
    ]
    if stream.deletes == "by_id":
        found.append(
            Check(
                "shrunk",
                asset,
                f"At most {SHRUNK_SHARE:.0%} of the records vanished within {SHRUNK_WITHIN.days} "
                "days. If somebody did not tidy up at the source, its listing is broken: nothing "
                "is lost, deleted records are kept.",
                lambda conn, tenant: check_shrunk(conn, tenant, stream),
            )
        )
    if stream.webhook is not None:
        found.append(
            Check(
                "backlog_age",
                asset,
                f"No webhook of the system is due for more than {LONGEST_DUE.seconds // 60} "
                "minutes. If one is, look at the runs of the job webhook_delivery.",
                lambda conn, tenant: check_backlog(conn, tenant, stream),
            )
        )
        found.append(
            Check(
                "dead_letters",
                asset,
                "No webhook of the system was given up. 'schemabase inbox dead' shows and revives "
                "them.",
                lambda conn, tenant: _check_dead_letters(conn, tenant, stream),
            )
        )
        found.append(webhook_shape(stream))
    if is_covered(stream):
        found.append(webhook_coverage(stream))
    return tuple(found)


def core_checks(entity: Entity, streams: Collection[Stream]) -> tuple[Check, ...]:
    """Return the checks of an entity's core asset.

    Args:
        entity: the entity.
        streams: the streams that feed it.
    """
    asset = ("core", entity.table.name)
    return (
        Check(
            "unmatched_records",
            asset,
            "Every source record became part of a row. analytics.unmatched_record lists the "
            "others with the reason.",
            lambda conn, tenant: _check_unmatched(conn, tenant, entity, streams),
        ),
        Check(
            "open_conflicts",
            asset,
            "No contradiction between sources waits for a person. 'schemabase conflict list' "
            "shows them, 'schemabase conflict resolve' settles one.",
            lambda conn, tenant: none_of(
                fetch_rows(conn, _CONFLICTS, {"tenant_id": tenant.id, "entity": entity.name}),
                "open conflict",
                "open conflicts",
            ),
        ),
    )


def check_freshness(
    conn: Connection[Any], tenant: Tenant, stream: Stream, now: datetime | None = None
) -> Verdict:
    """Judge the age of a tenant's data of one stream; apps that never synced count as late."""
    values = {"tenant_id": tenant.id, "stream": stream.name}
    rows = fetch_rows(conn, _FRESHNESS, values)
    instant = now or utc_now()
    late = [row for row in rows if _age(row, instant) > stream.expected_within.total_seconds()]
    working = [row["app"] for row in rows if row["last_success_at"] is None and row not in late]
    facts = {str(row["app"]): _freshness_text(row) for row in rows}
    if late:
        names = ", ".join(str(row["app"]) for row in late)
        return Verdict(False, f"late: {names}", "ERROR", facts)
    if working:
        return Verdict(False, f"first sync not complete: {', '.join(working)}", "WARN", facts)
    return Verdict(True, "fresh" if rows else "no app delivers this stream", "ERROR", facts)


def check_rejected(conn: Connection[Any], tenant: Tenant, stream: Stream) -> Verdict:
    """Compare the share of rejected records with the limit of each app."""
    values = {
        "tenant_id": tenant.id,
        "stream": stream.name,
        "system": stream.system.name,
        "share": DEFAULT_REJECT_SHARE,
        "waits": WAITS,
    }
    query = sql.SQL(_REJECTED).format(table=sql.Identifier(stream.name))
    apps = fetch_rows(conn, query, values)
    rejected = sum(row["rejected"] for row in apps)
    if not rejected:
        return Verdict(True, "no rejected records", "WARN", {"rejected": 0})
    above = [row["app"] for row in apps if row["rejected"] > row["allowed"] * row["records"]]
    facts: dict[str, int | float | str] = {
        "rejected": rejected,
        "records": sum(row["records"] for row in apps),
    }
    summary = f"{rejected} of {facts['records']} records rejected"
    if above:
        summary += f", more than allowed for {', '.join(above)}"
    rows = fetch_rows(conn, _REJECTED_ROWS, values)
    return Verdict(False, summary, "ERROR" if above else "WARN", facts, rows)


def check_shrunk(conn: Connection[Any], tenant: Tenant, stream: Stream) -> Verdict:
    """Compare how many records vanished lately with how many there were, by app."""
    values = {
        "tenant_id": tenant.id,
        "stream": stream.name,
        "system": stream.system.name,
        "share": SHRUNK_SHARE,
        "within": SHRUNK_WITHIN,
    }
    apps = fetch_rows(conn, sql.SQL(_SHRUNK).format(table=sql.Identifier(stream.name)), values)
    if not apps:
        return Verdict(True, "no app lost many records", "WARN")
    told = ", ".join(f"{row['app']}: {row['gone']} of {row['records']}" for row in apps)
    return Verdict(False, f"vanished lately: {told}", "WARN", rows=apps)


def check_backlog(conn: Connection[Any], tenant: Tenant, stream: Stream) -> Verdict:
    """Judge for how long the oldest due webhook of a tenant's system has been waiting."""
    values = {"tenant_id": tenant.id, "system": stream.system.name}
    (row,) = fetch_rows(conn, _BACKLOG, values)
    if not row["waiting"]:
        return Verdict(True, "no webhook waits", "ERROR", {"waiting": 0})
    minutes = row["oldest_seconds"] / 60
    facts = {"waiting": row["waiting"], "oldest_minutes": round(minutes, 1)}
    passed = row["oldest_seconds"] <= LONGEST_DUE.total_seconds()
    summary = f"{row['waiting']} wait, the oldest for {minutes:.0f} minutes"
    return Verdict(passed, summary, "ERROR", facts)


def _check_unmatched(
    conn: Connection[Any], tenant: Tenant, entity: Entity, streams: Collection[Stream]
) -> Verdict:
    mapped = [(stream.name, entity.name) for stream in streams if stream.mapper is not None]
    query = sql.SQL(_UNMATCHED).format(
        unmatched=raw.unmatched(mapped), columns=raw.UNMATCHED.column_names
    )
    values = {"tenant": tenant.slug, "streams": [stream.name for stream in streams]}
    return none_of(fetch_rows(conn, query, values), "unmatched record", "unmatched records")


def _check_dead_letters(conn: Connection[Any], tenant: Tenant, stream: Stream) -> Verdict:
    values = {"tenant_id": tenant.id, "system": stream.system.name}
    return none_of(
        fetch_rows(conn, _DEAD_LETTERS, values), "dead webhook delivery", "dead webhook deliveries"
    )


def _age(row: Row, now: datetime) -> float:
    since: datetime = row["last_success_at"] or row["created_at"]
    return (now - since).total_seconds()


def _freshness_text(row: Row) -> str:
    if row["last_success_at"] is not None:
        return f"complete at {show_instant(row['last_success_at'])}"
    if row["estimate_seconds"] is not None:
        return f"back-fill under way, about {max(row['estimate_seconds'] // 60, 1)} min left"
    return "never completed"
