"""Daemon: asks the sensor ``due_syncs`` and runs what it requests, as Dagster's daemon would."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString

import dagster as dg

from proofs.quota.clock import Control, SimulatedClock
from resources.zoho.resource import ZohoResource
from schemabase_dagster import database, tags
from schemabase_dagster.clock import utc_now
from schemabase_dagster.definitions import defs
from schemabase_dagster.engine.land import SETTLED_AFTER
from sensors.due_syncs import due_requests
from sensors.jobs import TENANT_SYNC

TICK_SECONDS: Final = 30.0
LAUNCH_SECONDS: Final = 10.0
"""From a request to the first statement of its run, on the shipped settings; let pass here."""

# What a run notes by the real clock is dated by the simulated one, which the sensor is asked with.
_DATE: LiteralString = """
UPDATE platform.sync_state
SET last_started_at = %(began)s, updated_at = %(ended)s,
    last_success_at = CASE WHEN last_status = 'success' THEN %(ended)s ELSE last_success_at END
WHERE last_started_at BETWEEN %(since)s AND %(until)s
"""

# An order that was read so soon after its change is read once more. The clock jumps from run to
# run, the times of change do not: several runs may fall within those seconds.
_UNSETTLED: LiteralString = """
SELECT count(*)
FROM raw.zoho_sales_orders
WHERE read_at < source_updated_at + %s
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        began: simulated second of its start.
        ended: of its end.
        streams: streams it was asked for.
        is_green: whether Dagster shows a success.
        calls: API calls the stand-in received from it; token requests are no API calls.
        metadata: by asset, what the UI shows of its materialisation.
        fill_calls: those of them that the back-fill made.
        unsettled: records whose version was not sure to be the last one when it began.
        retries: why steps had to be tried again.
    """

    began: float
    ended: float
    streams: Sequence[str]
    is_green: bool
    calls: int
    metadata: Mapping[str, Mapping[str, Any]]
    fill_calls: int
    unsettled: int
    retries: Sequence[str]

    @property
    def is_idle(self) -> bool:
        """Whether nothing was to be read: no change, no back-fill, no version in doubt."""
        told = [self.metadata.get(f"raw/{name}", {}) for name in self.streams]
        changed = any(each.get("changed") for each in told)
        return not changed and not self.fill_calls and not self.unsettled


class Daemon:
    """Runs what is due for one tenant.

    Args:
        tenant: its slug.
        clock: simulated time.
        control: the stand-in's control port.
        around: context in which every run takes place.
        fill_calls: tells how many calls the back-fill made so far.
    """

    def __init__(
        self,
        tenant: str,
        clock: SimulatedClock,
        control: Control,
        around: Callable[[Callable[[], Any]], Any],
        fill_calls: Callable[[], int],
    ) -> None:
        self._tenant = tenant
        self._clock = clock
        self._control = control
        self._around = around
        self._fill_calls = fill_calls
        self._job = defs.resolve_job_def(TENANT_SYNC)
        self._instance = dg.DagsterInstance.ephemeral()
        self._instance.add_dynamic_partitions(tags.TENANT_PARTITIONS, [tenant])
        self.runs: list[Run] = []

    def zoho(self) -> ZohoResource:
        """Return the resource as runs have it."""
        return ZohoResource(clock_scale=self._clock.scale)

    def tick(self) -> list[Run]:
        """Ask the sensor once and run what it wants; return the runs."""
        done = []
        for request in due_requests(self._instance, self._clock.now(), print):
            self._clock.jump(LAUNCH_SECONDS)
            done.append(self.run(request))
        return done

    def run(self, request: dg.RunRequest) -> Run:
        """Run a request to its end."""
        calls, began, since = api_calls(self._control, self._tenant), self._clock.now(), utc_now()
        seconds, filled = self._clock.seconds(), self._fill_calls()
        unsettled = _unsettled()
        result = self._around(lambda: self._execute(request))
        self._date(began, since)
        run = Run(
            began=seconds,
            ended=self._clock.seconds(),
            streams=[key.path[1] for key in request.asset_selection or () if key.path[0] == "raw"],
            is_green=result.success,
            calls=api_calls(self._control, self._tenant) - calls,
            metadata={
                event.asset_key.to_user_string(): {
                    key: value.value for key, value in event.materialization.metadata.items()
                }
                for event in result.get_asset_materialization_events()
                if event.asset_key is not None
            },
            fill_calls=self._fill_calls() - filled,
            unsettled=unsettled,
            retries=[
                f"{event.step_key}: {event.step_retry_data.error}"
                for event in result.all_events
                if event.event_type == dg.DagsterEventType.STEP_UP_FOR_RETRY
            ],
        )
        self.runs.append(run)
        return run

    def close(self) -> None:
        """Give the instance back."""
        self._instance.dispose()

    def _execute(self, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
        return self._job.execute_in_process(
            run_config={
                "resources": {"zoho": {"config": {"clock_scale": self._clock.scale}}},
                "loggers": {"console": {"config": {"log_level": "ERROR"}}},
            },
            partition_key=request.partition_key,
            asset_selection=list(request.asset_selection or ()),
            tags=dict(request.tags),
            instance=self._instance,
            raise_on_error=False,
        )

    def _date(self, began: datetime, since: datetime) -> None:
        values = {
            "began": began,
            "ended": self._clock.now(),
            "since": since,
            "until": utc_now(),
        }
        with database.transaction() as conn:
            conn.execute(_DATE, values)


def _unsettled() -> int:
    with database.transaction() as conn:
        row = conn.execute(_UNSETTLED, (SETTLED_AFTER,)).fetchone()
    return int(row[0]) if row else 0


def api_calls(control: Control, merchant: str) -> int:
    """Return how many calls the stand-in counted against the quota."""
    kinds = control("calls").get(merchant, {}).get("zoho", {})
    return int(kinds.get("list", 0) + kinds.get("detail", 0))
