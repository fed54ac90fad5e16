"""A warm process for small definitions in a folder of its own, and runs that it shall fork."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher.base import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin

from schemabase_dagster.settings import ROOT
from schemabase_dagster.warm.messages import is_serving
from tests.support import warm_example
from tests.support.wait import wait_until

MODULE = "warm_example"
START_SECONDS = 120
STOP_SECONDS = 60


class Warm:
    """A warm process that serves the state directory which the environment names.

    Args:
        folder: gets the definitions and the log.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = folder / f"{MODULE}.py"
        self.log = folder / "warm.log"
        shutil.copyfile(warm_example.__file__, self.code)
        words = ["-m", "schemabase_dagster.warm", "--module", MODULE, "--directory", str(folder)]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *words], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
            )

    def await_start(self) -> None:
        wait_until(
            lambda: is_serving() or self.process.poll() is not None, START_SECONDS, "it serves"
        )
        assert self.process.poll() is None, self.log.read_text()

    def change(self, before: str, after: str) -> None:
        self.code.write_text(self.code.read_text().replace(before, after))

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


def make_run(
    instance: dg.DagsterInstance, warm: Warm, job: dg.JobDefinition, module: str = MODULE
) -> dg.DagsterRun:
    """Make a run as the queue hands it to the launcher."""
    pointer = ModuleCodePointer(module, "defs", str(warm.folder))
    origin = RepositoryPythonOrigin(executable_path=sys.executable, code_pointer=pointer)
    return instance.create_run_for_job(
        job,
        status=dg.DagsterRunStatus.STARTING,
        job_code_origin=JobPythonOrigin(job.name, origin),
    )


def launch(instance: dg.DagsterInstance, warm: Warm, job: dg.JobDefinition) -> str:
    """Launch a run and return its id."""
    run = make_run(instance, warm, job)
    instance.run_launcher.launch_run(LaunchRunContext(run, None))
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    """Return how a run is."""
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def await_status(instance: dg.DagsterInstance, run_id: str, wanted: dg.DagsterRunStatus) -> None:
    """Wait until a run has a status."""
    wait_until(lambda: status(instance, run_id) is wanted, what=f"{run_id} is {wanted.value}")


def await_message(instance: dg.DagsterInstance, run_id: str, text: str) -> None:
    """Wait until the log of a run says something."""
    wait_until(lambda: any(text in each for each in messages(instance, run_id)), what=text)


def messages(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    """Return what the log of a run says."""
    return [each.message for each in instance.all_logs(run_id)]


def is_running(pid: int) -> bool:
    """Say whether a process lives; one that nobody has waited for yet is dead."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def parent_of(pid: int) -> int:
    """Return the process that a process is a child of."""
    return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])


def kill(pid: int) -> None:
    """Kill a process as the kernel does when memory runs out."""
    os.kill(pid, signal.SIGKILL)
