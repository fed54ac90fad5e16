"""One event: an order changes in the shop, its signed webhook is sent, its row is waited for."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, LiteralString
from uuid import UUID

import dagster as dg
import httpx
from psycopg.rows import dict_row

from schemabase_dagster import database
from schemabase_dagster.errors import SchemabaseError
from schemabase_dagster.stack.run import Running
from schemabase_dagster.stack.standins import control, endpoint_of

PATIENCE_SECONDS: Final = 180.0
POLL_SECONDS: Final = 0.03
SYSTEM: Final = "saleor"

_STATE: LiteralString = """
SELECT o.customer_note, w.status, w.received_at, w.run_id, r.via
FROM platform.webhook_inbox AS w
JOIN core.external_ref AS x
    ON x.app_id = w.app_id AND x.entity = 'order' AND x.external_id = %(order)s
JOIN core.orders AS o ON o.id = x.core_id
JOIN raw.saleor_orders AS r ON r.app_id = w.app_id AND r.external_id = %(order)s
WHERE w.id = %(delivery)s
"""


class EventLost(SchemabaseError):  # noqa: N818 - says what happened
    """A webhook was refused, or changed nothing in time."""


@dataclass(frozen=True, slots=True)
class Event:
    """The times of one event, seconds since 1970; None where a warm run was there already.

    Attributes:
        tenant: whose order.
        sent: the request to the gateway began.
        received: the gateway stored it.
        answered: the gateway had answered.
        visible: the row shows the change to other sessions, and the delivery is settled.
        asked: the sensor's run was queued.
        launched: the queue handed the run to the launcher.
        started: the process of the run was ready.
        body: the body of the run began.
        by_pull: a pull that passed by brought the order before the delivery's run did.
    """

    tenant: str
    sent: float
    received: float
    answered: float
    visible: float
    asked: float | None = None
    launched: float | None = None
    started: float | None = None
    body: float | None = None
    by_pull: bool = False

    @property
    def seconds(self) -> float:
        """From the sender's request to the visible row."""
        return self.visible - self.sent

    @property
    def is_cold(self) -> bool:
        """Whether a run had to be started for it."""
        return self.asked is not None

    def stages(self) -> dict[str, float]:
        """Return how long each stage of an event with its own run took, in order."""
        marks = {
            "gateway": self.received,
            "sensor": self.asked,
            "queue": self.launched,
            "process": self.started,
            "step": self.body,
            "work": self.visible,
        }
        stages, before = {}, self.sent
        for name, at in marks.items():
            if at is not None:
                stages[name], before = at - before, at
        return stages


def change_and_send(stack: Running, tenant: str, order: str) -> Event:
    """Change one order in the shop, tell the gateway and wait until its row shows the change.

    The order's note gets a random text, which its row must show: no other change can be taken for
    this one. The clock starts with the request to the gateway.

    Raises:
        EventLost: the gateway refused, or the row did not change within three minutes.
    """
    stand_ins = stack.stand_ins
    control(
        stand_ins, "change_orders", merchant=tenant, system=SYSTEM, n=1, kind="note", ids=[order]
    )
    document = control(stand_ins, "document", merchant=tenant, system=SYSTEM, record_id=order)
    request = control(stand_ins, "prepare_webhook", merchant=tenant, system=SYSTEM, record_id=order)
    with database.transaction() as conn:
        endpoint = endpoint_of(conn, tenant, SYSTEM)
    url = f"{stack.ports.gateway_url}/v1/webhooks/{SYSTEM}/{endpoint.id}"
    with httpx.Client(timeout=PATIENCE_SECONDS, trust_env=False) as client:
        sent = time.time()
        answer = client.post(url, content=request["body"].encode(), headers=request["headers"])
        answered = time.time()
    if answer.status_code != httpx.codes.OK:
        raise EventLost(f"The gateway answered {answer.status_code}.")
    found, visible = _await_row(UUID(answer.json()["id"]), order, document["customerNote"], sent)
    return Event(
        tenant=tenant,
        sent=sent,
        received=found["received_at"].timestamp(),
        answered=answered,
        visible=visible,
        by_pull=found["via"] == "pull",
        **_run_times(found["run_id"], sent),
    )


def _await_row(
    delivery: UUID, order: str, note: str, sent: float
) -> tuple[Mapping[str, Any], float]:
    row = None
    with database.connect(autocommit=True) as conn, conn.cursor(row_factory=dict_row) as cursor:
        while time.time() - sent < PATIENCE_SECONDS:
            row = cursor.execute(_STATE, {"delivery": delivery, "order": order}).fetchone()
            if row and row["customer_note"] == note and row["status"] == "processed":
                return row, time.time()
            time.sleep(POLL_SECONDS)
    state = row["status"] if row else "unknown"
    raise EventLost(f"Order {order} did not change in {PATIENCE_SECONDS:.0f} s ({state}).")


def _run_times(run_id: str, sent: float) -> dict[str, float]:
    """Return when a delivery's run passed its stages, if it was started for this delivery."""
    wanted = {
        dg.DagsterEventType.RUN_ENQUEUED: "asked",
        dg.DagsterEventType.RUN_STARTING: "launched",
        dg.DagsterEventType.RUN_START: "started",
        dg.DagsterEventType.STEP_START: "body",
    }
    with dg.DagsterInstance.get() as instance:
        logged = instance.all_logs(run_id, of_type=set(wanted))
    times = {
        wanted[each.dagster_event.event_type]: each.timestamp
        for each in logged
        if each.dagster_event is not None
    }
    return times if times.get("asked", 0.0) > sent else {}
