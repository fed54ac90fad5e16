"""Victims: processes that a storm kills with SIGKILL, and how each is started again."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from typing import Final, LiteralString, Protocol

import psycopg

from proofs.chaos import worker
from proofs.chaos.traffic import Gateway
from proofs.chaos.worker import Job
from schemabase_dagster.embedded import EmbeddedServer
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.stack.process import Child, Supervisor
from tests.support.up import processes

START_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 0.1
AWAIT_SECONDS: Final = 3.0
"""How long a victim is waited for that is not alive all the time."""

# The second half: what a killed one had landed, which the product merges with the next delivery or
# pull.
_DUE: LiteralString = """
SELECT EXISTS (
    SELECT FROM platform.webhook_inbox
    WHERE status IN ('received', 'failed') AND next_attempt_at <= now()
        OR status = 'claimed' AND claimed_until <= now()
) OR EXISTS (SELECT FROM platform.todo)
"""


class Victim(Protocol):
    """Something that is killed."""

    def kill(self) -> bool:
        """Kill it; False when there is nobody to kill just now."""
        ...

    def revive(self) -> None:
        """Start it again, if nobody else does."""
        ...


@dataclass
class Postgres:
    """The embedded server: all its processes fall at once, as when the machine does.

    Args:
        server: a running server that this process owns.
    """

    server: EmbeddedServer

    def kill(self) -> bool:
        """Kill the server and its sessions."""
        postmaster = self.server.status().pid
        if postmaster is None:
            return False
        for pid in (postmaster, *_children(postmaster)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return True

    def revive(self) -> None:
        """Start it; it recovers what was committed from its log."""
        ends = time.monotonic() + START_SECONDS
        while True:
            try:
                self.server.start()
            except ConfigurationError:
                # until the last of the killed processes has let go of the shared memory
                if time.monotonic() > ends:
                    raise
                time.sleep(LOOK_SECONDS)
            else:
                return


@dataclass
class Single:
    """A gateway that belongs to no stack.

    Args:
        gateway: the process.
    """

    gateway: Gateway

    def kill(self) -> bool:
        """Kill it."""
        self.gateway.kill()
        return True

    def revive(self) -> None:
        """Start it; without a database it does not wait for readiness."""
        self.gateway.start(path="healthz")


@dataclass
class Service:
    """A process of a stack.

    Args:
        supervisor: what watches the stack's processes.
        child: the process as it was started first.
    """

    supervisor: Supervisor
    child: Child

    @property
    def has_fallen(self) -> bool:
        """Whether it has ended."""
        return self.child.process.poll() is not None

    def kill(self) -> bool:
        """Kill it."""
        if self.has_fallen:
            return False
        self.child.process.kill()
        self.child.process.wait()
        return True

    def revive(self) -> None:
        """Start it and wait for its first sign of life; whether it serves shows by itself."""
        self.child = self.supervisor.restart(self.child)


@dataclass
class Runs:
    """The run workers of a stack; the sensor starts new ones.

    Args:
        state: state folder of the stack.
        rng: decides whom it hits.
    """

    state: Path
    rng: Random

    def kill(self) -> bool:
        """Kill one of the living, or the next one if that comes soon."""
        ends = time.monotonic() + AWAIT_SECONDS
        while not (living := self._living()):
            if time.monotonic() > ends:
                return False
            time.sleep(LOOK_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.rng.choice(living), signal.SIGKILL)
        return True

    def revive(self) -> None:
        """Leave that to Dagster."""

    def _living(self) -> list[int]:
        # the stock launcher spawns them from the code server
        return [pid for pid, words in processes(self.state) if "--multiprocessing-fork" in words]


@dataclass
class Workers:
    """Workers without Dagster: one at a time does what is due, as a run of the sensor would.

    Args:
        job: what a worker does.
    """

    job: Job
    _stop: threading.Event = field(default_factory=threading.Event)
    _process: ForkServerProcess | None = None

    def kill(self) -> bool:
        """Kill the worker that is at work, or the next one if that comes soon."""
        ends = time.monotonic() + AWAIT_SECONDS
        while (process := self._process) is None or not process.is_alive():
            if time.monotonic() > ends:
                return False
            time.sleep(LOOK_SECONDS)
        process.kill()
        process.join()
        return True

    def revive(self) -> None:
        """Leave that to who keeps them at work."""

    @contextmanager
    def kept_at_work(self) -> Iterator[None]:
        """Start workers for the block, whenever something is due."""
        thread = threading.Thread(target=self._keep, name="workers")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
            if self._process is not None:
                self._process.kill()
                self._process.join()

    def do_once(self) -> None:
        """Let one worker do its work to the end.

        Raises:
            RuntimeError: it failed.
        """
        process = worker.start(self.job)
        process.join()
        if process.exitcode != 0:
            raise RuntimeError(f"the worker ended with {process.exitcode}")

    def _keep(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            if (self._process is None or not self._process.is_alive()) and self._is_due():
                self._process = worker.start(self.job)

    def _is_due(self) -> bool:
        try:
            with psycopg.connect(self.job.url, connect_timeout=1) as conn:
                row = conn.execute(_DUE).fetchone()
        except psycopg.OperationalError:
            return False
        return bool(row and row[0])


def _children(pid: int) -> list[int]:
    path = Path("/proc") / str(pid) / "task" / str(pid) / "children"
    return [int(child) for child in path.read_text().split()]
