"""What a forked child does: execute a run, or report that the process of one died."""

import os
import signal
import threading
import time
from typing import Final

import dagster as dg
from dagster._cli.api import _execute_run_command_body
from dagster._core.instance import InstanceRef
from dagster._serdes import deserialize_value
from dagster._utils import get_run_crash_explanation
from dagster._utils.interrupts import capture_interrupts

from assets import priority

GRACE_SECONDS: Final = 10.0
"""Time a run has to end when the warm process is gone, before it is killed."""


def execute(run_id: str, instance: str) -> int:
    """Execute a run and return the exit status: 0 = it succeeded.

    The body is that of ``dagster api execute_run``, which the launchers of containers call, too. A
    request to end (SIGTERM) interrupts the step, and the run ends as canceled or failed.

    Args:
        run_id: the run.
        instance: reference of the Dagster instance, serialised.
    """
    os.environ[priority.SHARED] = "1"
    with capture_interrupts(), _opened(instance) as opened:
        return _execute_run_command_body(run_id, opened, _drop, set_exit_code_on_failure=True)


def report_death(run_id: str, instance: str, status: int) -> int:
    """Say in the log of a run that its process died, and end the run, unless that is known.

    Args:
        run_id: the run.
        instance: reference of the Dagster instance, serialised.
        status: how the process ended; negative = killed by that signal.
    """
    with _opened(instance) as opened:
        run = opened.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return 0
        told = get_run_crash_explanation(f"Run execution process for {run_id}", status)
        if run.status is dg.DagsterRunStatus.CANCELING:
            opened.report_run_canceled(run, told)
        else:
            opened.report_run_failed(run, told)
    return 0


def end_with(lifeline: int) -> None:
    """End this process when the warm process is gone, however that came.

    Args:
        lifeline: reading end of a pipe into which nobody writes; only the warm process holds the
            other end, so that it is at its end when that process is.
    """
    threading.Thread(target=_await_end, args=(lifeline,), name="lifeline", daemon=True).start()


def _await_end(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _opened(instance: str) -> dg.DagsterInstance:
    return dg.DagsterInstance.from_ref(deserialize_value(instance, InstanceRef))


def _drop(_event: dg.DagsterEvent) -> None:
    """Events are in the instance's log already."""
