"""FullSyncs: keeps a full sync of every tenant running, its systems in turn."""

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from types import TracebackType
from typing import Final, Self

import dagster as dg

from assets import registry
from schemabase_dagster import tags
from schemabase_dagster.errors import SchemabaseError
from schemabase_dagster.stack.dagster_api import DagsterApi
from schemabase_dagster.stack.run import Running
from schemabase_dagster.stack.standins import control
from sensors.requests import PRIORITY_NIGHTLY, pull_request, unfinished_pulls

SYSTEMS: Final = ("saleor", "zoho")
LOOK_SECONDS: Final = 1.0
START_SECONDS: Final = 120.0


@dataclass(slots=True)
class Seen:
    """What the load was, looked at once a second.

    Attributes:
        running: number of running pulls at each look.
        tenants: number of tenants with a running pull at each look.
        own: whether the measured tenant's pull ran at each look.
        asked: full syncs asked for.
        ended: pulls that ended, by status.
    """

    running: list[int] = field(default_factory=list)
    tenants: list[int] = field(default_factory=list)
    own: list[bool] = field(default_factory=list)
    asked: int = 0
    ended: dict[str, int] = field(default_factory=dict)


class FullSyncs:
    """Full syncs of tenants through real Dagster runs, each followed by the next one.

    Before each one some orders change at the source, so that it lands and merges, too.

    Args:
        stack: the running stack.
        tenants: who is synced; the first one is the measured one.
        changes: orders that change before each sync.
    """

    def __init__(self, stack: Running, tenants: Sequence[str], *, changes: int) -> None:
        self.seen = Seen()
        self._stack = stack
        self._tenants = tenants
        self._changes = changes
        self._systems = {tenant: cycle(SYSTEMS) for tenant in tenants}
        self._api = DagsterApi(stack.ports.webserver_url)
        self._stop = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._keep_up, name="full-syncs", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def await_start(self) -> None:
        """Wait until the measured tenant's sync runs beside others.

        Raises:
            SchemabaseError: the load stopped, or does not begin.
        """
        deadline = time.monotonic() + START_SECONDS
        while not any(self.seen.own) or max(self.seen.running) < 2:
            self.check()
            if time.monotonic() > deadline:
                raise SchemabaseError("The full syncs did not begin.")
            self._stop.wait(LOOK_SECONDS)

    def check(self) -> None:
        """Raise what stopped the load."""
        if self._failure is not None:
            raise self._failure

    def _keep_up(self) -> None:
        try:
            with dg.DagsterInstance.get() as instance:
                while not self._stop.wait(LOOK_SECONDS):
                    self._top_up(instance)
                    self._look(instance)
        except Exception as error:  # noqa: BLE001 - told by check()
            self._failure = error

    def _top_up(self, instance: dg.DagsterInstance) -> None:
        busy = {pull.partition("/")[0] for pull in unfinished_pulls(instance)}
        for tenant in self._tenants:
            if tenant not in busy and not self._stop.is_set():
                self._ask(tenant, next(self._systems[tenant]))

    def _ask(self, tenant: str, system: str) -> None:
        control(
            self._stack.stand_ins,
            "change_orders",
            merchant=tenant,
            system=system,
            n=self._changes,
            kind="quantity",
        )
        request = pull_request(
            tenant,
            system,
            registry.streams_of(system),
            trigger=tags.TRIGGER_FULL,
            priority=PRIORITY_NIGHTLY,
        )
        keys = [key.path for key in request.asset_selection or ()]
        self._api.launch(keys, partition=tenant, tags=request.tags)
        self.seen.asked += 1

    def _look(self, instance: dg.DagsterInstance) -> None:
        pulls = {tags.LANE: tags.LANE_PULL}
        started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED], tags=pulls)
        running = [run.tags[tags.TENANT] for run in instance.get_runs(started)]
        self.seen.running.append(len(running))
        self.seen.tenants.append(len(set(running)))
        self.seen.own.append(self._tenants[0] in running)
        for status in (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE):
            count = instance.get_runs_count(dg.RunsFilter(statuses=[status], tags=pulls))
            self.seen.ended[status.value] = count


def share(flags: Iterable[bool]) -> float:
    """Return the share of true ones."""
    values = list(flags)
    return sum(values) / len(values) if values else 0.0
