"""The sensor that watches over webhooks: circuit breaker, silences, what waits, what died.

The gateway answers and a run processes; whether senders still come, whether anybody processes, and
whether that mostly fails, is only seen from outside.
"""

from typing import Any, Final

import dagster as dg
from psycopg import Connection

from schemabase_dagster import database, inbox, webhooks
from schemabase_dagster.inbox import Backlog, Failing, Listening
from sensors.alerts import Alert, send

INTERVAL_SECONDS: Final = 60
HOUR: Final = 3600
WAITING_SECONDS: Final = 600.0
"""Deliveries that are due for so long mean that nothing processes them."""


@dg.sensor(
    name="webhook_watch",
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Pauses endpoints whose deliveries mostly fail, and tells people of those, of "
    "senders that fell silent, of deliveries that wait for long, and of a missing partition.",
)
def webhook_watch() -> dg.SkipReason:
    """Look once; there is never a run to start."""
    alerts = watch()
    return dg.SkipReason(f"{len(alerts)} alerts" if alerts else "all is well")


def watch() -> list[Alert]:
    """Trip the circuit breaker and tell what is wrong; return all alerts, told or known before."""
    with database.transaction() as conn:
        failing = inbox.find_failing(conn)
        alerts = [(_alert_of_failing(each), each.tenant_slug) for each in failing]
        alerts += _find(conn)
    # Told before it is done: who is killed between the two tells it once more.
    for alert, tenant in alerts:
        send(alert, tenant)
    for each in failing:
        with database.transaction() as conn:
            webhooks.pause_endpoint(conn, each.endpoint_id, _reason(each))
    return [alert for alert, _ in alerts]


def _find(conn: Connection[Any]) -> list[tuple[Alert, str]]:
    silent = [each for each in inbox.list_listening(conn) if each.is_silent]
    waiting = [each for each in inbox.backlog(conn) if _waits(each)]
    found = [(_alert_of_silence(each), each.tenant_slug) for each in silent]
    found += [(_alert_of_waiting(each), "") for each in waiting]
    if unplaced := inbox.count_unplaced(conn):
        found.append((_alert_of_unplaced(unplaced), ""))
    return found


def _waits(backlog: Backlog) -> bool:
    return backlog.status != "dead" and backlog.oldest_due_seconds > WAITING_SECONDS


def _reason(failing: Failing) -> str:
    return f"{failing.failed} of {failing.attempts} attempts failed within ten minutes"


def _alert_of_failing(failing: Failing) -> Alert:
    return Alert(
        f"breaker/{failing.endpoint_id}",
        f"Webhooks of {failing.provider} for '{failing.tenant_slug}' are stored but no more "
        f"processed: {_reason(failing)}. See 'schemabase inbox list --tenant "
        f"{failing.tenant_slug} --provider {failing.provider}', then run 'schemabase webhook "
        f"resume {failing.endpoint_id}'.",
    )


def _alert_of_silence(silent: Listening) -> Alert:
    return Alert(
        f"silence/{silent.endpoint_id}",
        f"{silent.provider} has sent '{silent.tenant_slug}' no webhook for "
        f"{_span(silent.silent_seconds)}, usual are {_span(silent.usual_gap_seconds or 0)} at "
        "most. Look at the sender whether it has given up the endpoint; pulls go on.",
    )


def _alert_of_waiting(backlog: Backlog) -> Alert:
    return Alert(
        f"inbox/{backlog.provider}",
        f"{backlog.count} webhook deliveries of {backlog.provider} wait, the oldest for "
        f"{backlog.oldest_due_seconds / 60:.0f} minutes. Run 'schemabase inbox list'.",
    )


def _alert_of_unplaced(count: int) -> Alert:
    return Alert(
        "inbox/partitions",
        f"{count} webhook deliveries or more came on days without a partition of the inbox. They "
        "are processed; look why the job 'inbox_upkeep' does not run.",
    )


def _span(seconds: float) -> str:
    return f"{seconds / HOUR:.1f} hours" if seconds >= HOUR else f"{seconds / 60:.0f} minutes"
