"""The sensor that starts pulls: per-app cron from the database, first pulls, back-fills."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import dagster as dg
from croniter import croniter
from psycopg import Connection
from psycopg.rows import class_row

from assets import registry
from assets.syncing import SYNC_FEATURE
from resources import registry as systems
from schemabase_dagster import database, tags, tenancy
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine import state
from schemabase_dagster.engine.asked import find_idle
from schemabase_dagster.errors import ConfigurationError
from sensors.jobs import TENANT_SYNC
from sensors.requests import PRIORITY_DUE, known_tenants, pull_request, unfinished_pulls

INTERVAL_SECONDS: Final = 30
REQUESTS_PER_TICK: Final = 100

QUOTA_POLL: Final = timedelta(minutes=4)
"""A back-fill that is out of quota is tried so often: its look for new records comes first, and
with a tick and the start of a run a new order is there within five minutes."""

NEVER: Final = datetime.min.replace(tzinfo=UTC)

# The last condition: the provider said that the day is used up, so every call would be refused
# before it is made, and the run would take a slot and processor time from the others for nothing.
_PULLED: Final = """
SELECT t.id AS tenant_id, t.slug AS tenant, t.timezone AS tenant_zone, a.id AS app_id,
       a.type AS system, e.entity AS stream,
       coalesce(e.cron_schedule, a.cron_schedule) AS cron, a.cron_timezone AS zone,
       a.credentials_set_at, s.requested_at, s.last_started_at, s.updated_at, s.last_status,
       (s.cursor -> 'scan' ->> 'waits')::boolean AS waits_for_quota
FROM platform.app_entity AS e
JOIN platform.app AS a ON a.id = e.app_id
JOIN platform.tenant AS t ON t.id = a.tenant_id
LEFT JOIN platform.sync_state AS s ON s.app_id = a.id AND s.stream = e.entity
WHERE e.direction = 'pull'
  AND e.enabled
  AND t.active
  AND a.enabled
  AND a.deleted_at IS NULL
  AND a.credentials_enc IS NOT NULL
  AND a.credentials_failed_at IS NULL
  AND (a.paused_until IS NULL OR a.paused_until <= %(now)s)
  AND NOT EXISTS (
      SELECT FROM platform.rate_window AS w
      WHERE w.account = a.type || ':' || a.instance_key
        AND w.window_name = 'day'
        AND w.blocked_until > %(now)s)
ORDER BY t.slug, a.type, e.entity
"""

_ASKED: Final = """
INSERT INTO platform.sync_state (app_id, stream, requested_at)
SELECT app_id, stream, %(now)s
FROM unnest(%(apps)s::uuid[], %(streams)s::text[]) AS asked (app_id, stream)
ON CONFLICT (app_id, stream) DO UPDATE
SET requested_at = excluded.requested_at
"""


@dataclass(frozen=True, slots=True)
class Pulled:
    """One stream of one app that is synced, with what decides when."""

    tenant_id: UUID
    tenant: str
    tenant_zone: str
    app_id: UUID
    system: str
    stream: str
    cron: str | None
    zone: str | None
    credentials_set_at: datetime | None
    requested_at: datetime | None
    last_started_at: datetime | None
    updated_at: datetime | None
    last_status: str | None
    waits_for_quota: bool | None

    @property
    def latest(self) -> datetime | None:
        """When it was last asked for or started; None = never.

        Both count alike: a run that dies before its first statement is tried again at the next
        time of the cron, not at every tick.
        """
        return max(filter(None, (self.requested_at, self.last_started_at)), default=None)

    @property
    def fills(self) -> bool:
        """Whether it is pulled for the first time, or goes on with an unfinished whole listing."""
        return self.latest is None or self.waits_for_quota is not None

    def is_due(self, now: datetime) -> bool:
        """Tell whether a pull should start.

        New credentials are tried at once: who corrects a typing error does not wait for the cron.
        """
        latest = self.latest
        if latest is None or self._goes_on(latest, now):
            return True
        if self.credentials_set_at is not None and latest < self.credentials_set_at:
            return True
        zone = ZoneInfo(self.zone or self.tenant_zone)
        cron = self.cron or systems.system_of(self.system).default_cron
        following: datetime = croniter(cron, latest.astimezone(zone)).get_next(datetime)
        return following <= now

    def _goes_on(self, latest: datetime, now: datetime) -> bool:
        """Tell whether an unfinished back-fill goes on before its cron says so."""
        if self.last_status != "partial" or self.waits_for_quota is None:
            return False
        if self.waits_for_quota:
            return not registry.stream(self.stream).patient and now >= latest + QUOTA_POLL
        return (
            self.requested_at is None
            or self.updated_at is None
            or self.requested_at <= self.updated_at
        )


@dg.sensor(
    name="due_syncs",
    job_name=TENANT_SYNC,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Pulls every app by its cron; at once when it is new, has new credentials or an "
    "unfinished back-fill. Carriers only while a parcel is worth a call.",
)
def due_syncs(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Ask for the pulls that are due."""
    requests = due_requests(context.instance, utc_now(), context.log.warning)
    if not requests:
        return dg.SkipReason("no sync is due")
    return dg.SensorResult(run_requests=requests)


def due_requests(
    instance: dg.DagsterInstance,
    now: datetime,
    warn: Callable[[str], None],
    *,
    most: int = REQUESTS_PER_TICK,
) -> list[dg.RunRequest]:
    """Return requests for (tenant, system) with due streams, and note that they were asked.

    The most stale come first, whatever their names, and back-fills, which take long, after the
    others of their tick. A (tenant, system) that waits or runs already is left alone, and so is a
    tenant that is no partition yet. A stream for which a run would do nothing is noted as complete.
    """
    with database.transaction() as conn:
        streams = _due_streams(conn, now, warn)
        tenants, busy = known_tenants(instance), unfinished_pulls(instance)
        free = [
            each
            for each in streams
            if each.tenant in tenants and f"{each.tenant}/{each.system}" not in busy
        ]
        idle = _idle(conn, free)
        state.skip(conn, [(each.app_id, each.stream) for each in idle], now)
        groups = _grouped(each for each in free if each not in idle)
        chosen = dict(sorted(groups.items(), key=_turn)[:most])
        _note_asked(conn, [each for group in chosen.values() for each in group], now)
    return [
        pull_request(
            tenant,
            system,
            sorted({each.stream for each in group}),
            trigger=tags.TRIGGER_SCHEDULE,
            priority=PRIORITY_DUE,
            extra={tags.FILL: "true"} if _fills(group) else None,
        )
        for (tenant, system), group in chosen.items()
    ]


def _due_streams(conn: Connection[Any], now: datetime, warn: Callable[[str], None]) -> list[Pulled]:
    with conn.cursor(row_factory=class_row(Pulled)) as cursor:
        pulled = cursor.execute(_PULLED, {"now": now}).fetchall()
    due = [each for each in pulled if each.stream in registry.streams() and _asks(each, now, warn)]
    entitled = {
        tenant_id: tenancy.is_entitled(conn, tenant_id, SYNC_FEATURE)
        for tenant_id in {each.tenant_id for each in due}
    }
    return [each for each in due if entitled[each.tenant_id]]


def _asks(pulled: Pulled, now: datetime, warn: Callable[[str], None]) -> bool:
    """Tell whether a stream is due; a cron or zone that cannot be read stops nobody else."""
    try:
        return pulled.is_due(now)
    except (ValueError, KeyError, ConfigurationError) as error:
        warn(f"{pulled.tenant}/{pulled.system}: {type(error).__name__} in its schedule")
        return False


def _idle(conn: Connection[Any], due: Collection[Pulled]) -> set[Pulled]:
    """Return the streams for which a run would do nothing, with those that lie inside them."""
    known = registry.streams()
    idle = find_idle(conn, [(each.app_id, known[each.stream]) for each in due])
    started = {(each.app_id, each.stream) for each in due if each.last_started_at is not None}

    def is_idle(each: Pulled) -> bool:
        part = known[each.stream].part
        if part is None:
            return (each.app_id, each.stream) in idle
        whole = (each.app_id, part.whole)
        # the first sync of a part splits what raw already holds
        return whole in idle and (each.last_started_at is not None or whole not in started)

    return {each for each in due if is_idle(each)}


def _grouped(streams: Iterable[Pulled]) -> dict[tuple[str, str], list[Pulled]]:
    groups: dict[tuple[str, str], list[Pulled]] = defaultdict(list)
    for each in streams:
        groups[each.tenant, each.system].append(each)
    return groups


def _fills(group: Iterable[Pulled]) -> bool:
    return any(each.fills for each in group)


def _turn(item: tuple[tuple[str, str], list[Pulled]]) -> tuple[bool, datetime]:
    """Return by what groups are sorted: long ones last, then by the stream that waits longest."""
    return _fills(item[1]), min(each.latest or NEVER for each in item[1])


def _note_asked(conn: Connection[Any], streams: list[Pulled], now: datetime) -> None:
    apps = [each.app_id for each in streams]
    names = [each.stream for each in streams]
    conn.execute(_ASKED, {"now": now, "apps": apps, "streams": names})
