"""WarmRunLauncher: the run launcher of ``dagster.yaml`` whose runs the warm process forks.

Where no warm process serves, or it does not take a run, Dagster's stock launcher starts the run,
and the run's log says why.
"""

import logging
from typing import Final

from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.launcher.base import (
    CheckRunHealthResult,
    LaunchRunContext,
    WorkerStatus,
)
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._serdes import serialize_value
from typing_extensions import override

from schemabase_dagster.warm.messages import (
    Order,
    WarmProcessAbsent,
    WarmProcessSilent,
    ask,
)

_log: Final = logging.getLogger(__name__)


class WarmRunLauncher(DefaultRunLauncher):
    """Launches runs in children of the warm process of the same state directory.

    Needs no configuration. The daemon launches, the web server terminates, and run monitoring asks
    whether a run's process lives: each of them speaks to the warm process. The tag by which the
    stock launcher finds its code server again also tells whose a run is.
    """

    @override
    def launch_run(self, context: LaunchRunContext) -> None:
        if reason := self._refusal(context.dagster_run):
            told = f"Started by the stock launcher instead: {reason}"
            _log.warning("Run %s: %s", context.dagster_run.run_id, told)
            self._instance.report_engine_event(told, context.dagster_run, cls=self.__class__)
            super().launch_run(context)

    @override
    def terminate(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        if _is_stock(run):
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]  # Dagster gives it no types
        self._instance.report_run_canceling(run)
        try:
            answer = ask(Order("terminate", run_id))
        except (WarmProcessAbsent, WarmProcessSilent) as error:
            self._instance.report_engine_event(str(error), run, cls=self.__class__)
            return False
        return answer.pid is not None

    @property
    @override
    def supports_check_run_worker_health(self) -> bool:
        return True

    @override
    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        if _is_stock(run):
            # its code server watches it
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        try:
            answer = ask(Order("health", run.run_id))
        except WarmProcessAbsent as error:
            # its children end with it
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, str(error))
        except WarmProcessSilent:
            # busy, which is no reason to give up its runs
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if answer.pid is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The run has no process.")
        return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=str(answer.pid))

    def _refusal(self, run: DagsterRun) -> str:
        """Ask for a process and return why there is none, empty when there is one.

        Raises:
            DagsterLaunchFailedError: nobody knows; a second process for the run could be worse.
        """
        order = Order(
            "launch",
            run_id=run.run_id,
            module=_module(run),
            instance=serialize_value(self._instance.get_ref()),
        )
        try:
            answer = ask(order)
        except WarmProcessAbsent as error:
            return f"{error} Start it: python -m schemabase_dagster.warm"
        except WarmProcessSilent as error:
            raise DagsterLaunchFailedError(str(error)) from error  # type: ignore[no-untyped-call]  # Dagster gives it no types
        return f"The warm process refuses it, {answer.refusal}." if answer.refusal else ""


def _is_stock(run: DagsterRun) -> bool:
    return GRPC_INFO_TAG in run.tags


def _module(run: DagsterRun) -> str:
    """Return the module of the definitions that the run was planned with."""
    if run.job_code_origin is None:
        return ""
    return str(getattr(run.job_code_origin.repository_origin.code_pointer, "module", ""))
