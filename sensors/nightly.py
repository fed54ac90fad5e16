"""The schedule that starts every tenant's full sync once a night, at its local time.

It looks every 15 minutes who is past the time and was not asked for on this local date: so a gap
and an overlap of daylight saving time and a daemon that slept through the hour cost no night and
repeat none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dagster as dg
from psycopg import Connection
from psycopg.rows import class_row

from assets import registry
from assets.syncing import SYNC_FEATURE
from schemabase_dagster import database, tags, tenancy
from sensors.jobs import TENANT_SYNC
from sensors.requests import PRIORITY_NIGHTLY, known_tenants, pull_request

_APPS: Final = """
SELECT t.id AS tenant_id, t.slug AS tenant, t.timezone AS zone, t.nightly_at, a.type AS system,
       array_agg(DISTINCT e.entity ORDER BY e.entity) AS streams
FROM platform.tenant AS t
JOIN platform.app AS a ON a.tenant_id = t.id
JOIN platform.app_entity AS e ON e.app_id = a.id AND e.direction = 'pull' AND e.enabled
WHERE t.active
  AND a.enabled
  AND a.deleted_at IS NULL
  AND a.credentials_enc IS NOT NULL
  AND a.credentials_failed_at IS NULL
  AND (a.paused_until IS NULL OR a.paused_until <= now())
GROUP BY t.id, a.type
ORDER BY t.slug, a.type
"""


@dataclass(frozen=True, slots=True)
class Night:
    """The apps of one system of a tenant, with the local time of their nightly sync."""

    tenant_id: UUID
    tenant: str
    zone: str
    nightly_at: str
    system: str
    streams: list[str]

    def due_on(self, now: datetime) -> date | None:
        """Return the local date whose nightly time has passed; None while it is still to come.

        A time that the clocks skip passes when they jump over it; one that comes twice passes the
        first time.
        """
        local = now.astimezone(ZoneInfo(self.zone))
        return local.date() if local.time() >= time.fromisoformat(self.nightly_at) else None


@dg.schedule(
    name="nightly_sync",
    cron_schedule="*/15 * * * *",
    execution_timezone="UTC",
    job_name=TENANT_SYNC,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Full sync of every tenant after its local nightly time, once per local date.",
)
def nightly_sync(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
    """Ask for the full syncs of the tenants whose nightly time has passed."""
    requests = nightly_requests(context.instance, context.scheduled_execution_time)
    return requests or dg.SkipReason("no tenant's nightly time has passed since it was synced")


def nightly_requests(instance: dg.DagsterInstance, now: datetime) -> list[dg.RunRequest]:
    """Return one request for every (tenant, system) that is due and not asked for yet."""
    with database.transaction() as conn:
        nights = _entitled(conn)
    due = [(each, day) for each in nights if (day := _due(each, now)) is not None]
    tenants = known_tenants(instance)
    asked = _asked(instance, [day for _, day in due])
    return [
        pull_request(
            each.tenant,
            each.system,
            each.streams,
            trigger=tags.TRIGGER_FULL,
            priority=PRIORITY_NIGHTLY,
            run_key=f"{each.tenant}/{each.system}/{day}",
            extra={tags.NIGHTLY: day.isoformat()},
        )
        for each, day in due
        if each.tenant in tenants and (each.tenant, each.system, day.isoformat()) not in asked
    ]


def _entitled(conn: Connection[Any]) -> list[Night]:
    with conn.cursor(row_factory=class_row(Night)) as cursor:
        found = cursor.execute(_APPS).fetchall()
    entitled = {
        tenant_id: tenancy.is_entitled(conn, tenant_id, SYNC_FEATURE)
        for tenant_id in {each.tenant_id for each in found}
    }
    return [each for each in found if entitled[each.tenant_id] and _known(each.streams)]


def _known(streams: Iterable[str]) -> bool:
    return any(name in registry.streams() for name in streams)


def _due(night: Night, now: datetime) -> date | None:
    """Return the due date; a zone that cannot be read stops nobody else."""
    try:
        return night.due_on(now)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _asked(
    instance: dg.DagsterInstance, days: Iterable[date]
) -> set[tuple[str | None, str | None, str]]:
    """Return which (tenant, system, date) have a run, whatever became of it."""
    wanted = sorted({day.isoformat() for day in days})
    if not wanted:
        return set()
    runs = instance.get_runs(dg.RunsFilter(tags={tags.NIGHTLY: wanted}))
    return {_night_of(run.tags) for run in runs}


def _night_of(run_tags: Mapping[str, str]) -> tuple[str | None, str | None, str]:
    return run_tags.get(tags.TENANT), run_tags.get(tags.SYSTEM), run_tags[tags.NIGHTLY]
