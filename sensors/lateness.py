"""The schedule that looks for what nobody else would notice: late data.

A run evaluates the freshness of what it has just synced, so it is always content; what was never
started is only found from outside.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg
from psycopg import Connection

from assets import failures, metadata, registry
from assets.checking import Verdict
from assets.checks import check_freshness
from assets.syncing import SYNC_FEATURE
from schemabase_dagster import database, tenancy
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import Tenant
from sensors.alerts import Alert, send
from sensors.requests import known_tenants


@dataclass(frozen=True, slots=True)
class Late:
    """A tenant whose data of a stream is too old or not complete yet."""

    tenant: Tenant
    stream: Stream
    verdict: Verdict


@dg.op(
    name="look_for_lateness",
    description="Evaluates the freshness of every stream of every tenant and alerts.",
    out=dg.Out(dg.Nothing),
)
def look_for_lateness(
    context: dg.OpExecutionContext,
) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
    """Report late streams as failed asset checks and as alerts."""
    with failures.translated():
        partitions = known_tenants(context.instance)
        with database.transaction() as conn:
            late = find_late(conn)
        for each in late:
            if each.tenant.slug in partitions:
                yield _evaluation(each)
            if each.verdict.severity == "ERROR":
                send(_late_alert(each), each.tenant.slug)
    yield dg.Output(None)


@dg.job(
    name="lateness_watch",
    description="Finds tenants whose data is late, those that never synced included.",
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": "600"},
)
def lateness_watch() -> None:
    """Look for late data."""
    look_for_lateness()


lateness_schedule = dg.ScheduleDefinition(
    name="lateness_watch_schedule",
    job=lateness_watch,
    cron_schedule="7,37 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Looks for late data twice an hour.",
)


def find_late(conn: Connection[Any]) -> list[Late]:
    """Return what is late: streams of active, entitled tenants."""
    tenants = [
        tenant
        for tenant in tenancy.list_tenants(conn)
        if tenant.active and tenancy.is_entitled(conn, tenant.id, SYNC_FEATURE)
    ]
    verdicts = (
        Late(tenant, stream, check_freshness(conn, tenant, stream))
        for tenant in tenants
        for stream in registry.streams().values()
    )
    return [each for each in verdicts if not each.verdict.passed]


def _evaluation(late: Late) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(["raw", late.stream.name]),
        check_name="freshness",
        passed=False,
        severity=dg.AssetCheckSeverity[late.verdict.severity],
        description=late.verdict.summary,
        metadata=metadata.verdict_metadata(late.verdict),
        partition=late.tenant.slug,
    )


def _late_alert(late: Late) -> Alert:
    return Alert(
        f"late/{late.stream.system.name}",
        f"raw/{late.stream.name} of tenant '{late.tenant.slug}' is {late.verdict.summary}. "
        f"Run 'schemabase status {late.tenant.slug}'.",
    )
