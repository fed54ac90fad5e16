"""The sensor that watches the webhook inbox: what is due becomes one run per (tenant, system).

The table says what is due, there is no cursor: a lost run costs a minute, never an event. A tick
polls until something is due, because the daemon starts ticks only every five seconds.
"""

import time
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import dagster as dg
from psycopg import Connection

from assets.deliveries import is_served
from schemabase_dagster import database, inbox, tags
from schemabase_dagster.clock import utc_now
from schemabase_dagster.inbox import DueGroup
from sensors.requests import PRIORITY_WEBHOOK, UNFINISHED, known_tenants

BUDGET_SECONDS: Final = 52.0
"""Long, because nobody looks between two ticks: the next one starts with a pass of the daemon's
five second loop. Three seconds before such a pass, so that a busy machine does not miss it and wait
for the one after; and well below the 60 seconds that Dagster gives a tick."""

POLL_SECONDS: Final = 0.25
GROUPS_PER_TICK: Final = 50
"""So that one noisy tenant cannot starve others; the oldest come first."""

REQUEST_SECONDS: Final = 60.0
"""A run is believed to be on its way for so long after the queue has let it go."""

STUCK_SECONDS: Final = 120.0
"""A group that waits longer gets another run, even if one claims to serve it."""


@dg.sensor(
    name="webhook_inbox",
    job_name="webhook_delivery",
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts webhook_delivery for every tenant and system with due webhooks.",
)
def webhook_inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Wait for due webhooks and ask for their runs."""
    deadline = time.monotonic() + BUDGET_SECONDS
    with database.transaction() as conn:
        inbox.release_held(conn)
    while True:
        found = due_requests(context.instance)
        if found.run_requests or time.monotonic() >= deadline:
            break
        time.sleep(POLL_SECONDS)
    if not found.run_requests:
        return dg.SkipReason(found.reason)
    return dg.SensorResult(run_requests=found.run_requests)


class Due:
    """Requests of one look at the inbox, with the reason why others wait."""

    def __init__(self) -> None:
        self.run_requests: list[dg.RunRequest] = []
        self.waiting: list[str] = []

    @property
    def reason(self) -> str:
        """Return why there is nothing to start."""
        return "; ".join(self.waiting) or "no webhook is due"


def due_requests(instance: dg.DagsterInstance) -> Due:
    """Look at the inbox once.

    A group waits while a run serves it or is on its way, and while its tenant is not a partition
    yet, which the sensor ``tenant_partitions`` changes.
    """
    found = Due()
    with database.transaction() as conn:
        groups = inbox.due_groups(conn, limit=GROUPS_PER_TICK)
        if not groups:
            return found
        tenants, asked = known_tenants(instance), _asked(instance)
        for group in groups:
            reason = _reason_to_wait(conn, group, tenants, asked)
            if reason is None:
                found.run_requests.append(_request(group))
            else:
                found.waiting.append(f"{group.tenant_slug}/{group.system} {reason}")
    return found


def _reason_to_wait(
    conn: Connection[Any],
    group: DueGroup,
    tenants: Collection[str],
    asked: Callable[[DueGroup], bool],
) -> str | None:
    if group.tenant_slug not in tenants:
        return "is no partition yet"
    if asked(group):
        return "has a run on its way"
    age = (utc_now() - group.oldest_received_at).total_seconds()
    if age < STUCK_SECONDS and is_served(conn, group.tenant_id, group.system):
        return "is being served"
    return None


def _asked(instance: dg.DagsterInstance) -> Callable[[DueGroup], bool]:
    """Return a question: is a run for the group on its way?

    That is a run in the queue, however long, and one that left it a moment ago. A started one
    counts too: it takes the lock by which it is known to serve only when its body begins.
    """
    queued = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.QUEUED], tags={tags.LANE: tags.LANE_WEBHOOK}
    )
    recent = dg.RunsFilter(
        statuses=list(UNFINISHED),
        tags={tags.LANE: tags.LANE_WEBHOOK},
        updated_after=utc_now() - timedelta(seconds=REQUEST_SECONDS),
    )
    on_the_way = {
        (record.dagster_run.tags.get(tags.TENANT), record.dagster_run.tags.get(tags.SYSTEM))
        for wanted in (queued, recent)
        for record in instance.get_run_records(wanted)
    }
    return lambda group: (group.tenant_slug, group.system) in on_the_way


def _request(group: DueGroup) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{group.tenant_slug}/{group.system}/{uuid4()}",
        partition_key=group.tenant_slug,
        run_config={"ops": {"deliver": {"config": {"system": group.system}}}},
        tags={
            tags.TENANT: group.tenant_slug,
            tags.SYSTEM: group.system,
            tags.TRIGGER: tags.TRIGGER_WEBHOOK,
            tags.LANE: tags.LANE_WEBHOOK,
            "dagster/priority": str(PRIORITY_WEBHOOK),
        },
    )
