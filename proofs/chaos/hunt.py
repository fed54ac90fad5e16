"""Hunt: start a worker, wait until it is surely inside a phase, kill it, start the next one."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.context import ForkServerProcess
from random import Random
from typing import Any, Final, LiteralString

from psycopg import Connection

from proofs.chaos import gates, worker
from proofs.chaos.phases import SYSTEMS, Phase, Slow
from proofs.chaos.traffic import Gateway
from proofs.chaos.worker import Job, Kind
from sandbox.faults import Fault
from sandbox.runner import Sandbox
from schemabase_dagster.settings import ROOT

POLL_SECONDS: Final = 0.01
LONGEST_SECONDS: Final = 120.0
LONGEST_DELAY: Final = 0.2
"""A victim is killed up to so long after it was seen inside its phase."""

SLOW_SECONDS: Final = 5.0
RECOVER_EVERY: Final = 4
SHARE_BESIDE: Final = 0.3

_DUE: Final = """
SELECT count(*) FROM platform.webhook_inbox
WHERE provider = ANY(%s)
    AND (status IN ('received', 'failed') AND next_attempt_at <= now()
        OR status = 'claimed' AND claimed_until <= now())
"""

_UNSETTLED: Final = """
SELECT count(*) FROM platform.webhook_inbox WHERE status IN ('received', 'claimed', 'failed')
"""

_AT_WORK: Final = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'schemabase'
"""

_GATEWAY_WAITS: Final = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'webhook_gateway'
    AND wait_event_type = 'Lock'
"""


@dataclass
class Hunter:
    """Kills workers of one tenant and counts the kills by phase.

    Attributes:
        sandbox: stand-ins.
        merchant: whose data; also the tenant's slug.
        conn: own connection to the victims' database, autocommit; it holds the gates.
        job: what all workers share.
        rng: decides points and instants.
        stir: called at every attempt; makes data change meanwhile.
        recover_every: after so many kills one worker of each kind may do its work to the end.
        share_beside: share of the victims at gates beside which another worker runs.
        kills: by phase.
        places: by phase and place inside of it.
        missed: attempts whose worker ended before it was seen inside the phase, by phase.
        whole: workers that did their work to the end.
    """

    sandbox: Sandbox
    merchant: str
    conn: Connection[Any]
    job: Job
    rng: Random
    stir: Callable[[], None]
    recover_every: int = RECOVER_EVERY
    share_beside: float = SHARE_BESIDE
    kills: Counter[str] = field(default_factory=Counter)
    places: Counter[tuple[str, str]] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    whole: int = 0
    _turns: Counter[str] = field(default_factory=Counter)
    _attempt: int = 0
    _in_a_row: int = 0
    _late: int | None = None

    def hunt(self, phase: Phase) -> bool:
        """Try to kill one worker inside a phase."""
        self._begin()
        if phase.expires_token:
            self.sandbox.control.expire_tokens(self.merchant)
        choices: list[str | Slow] = [*phase.points, *phase.slow]
        choice = choices[self._turns[phase.name] % len(choices)]
        self._turns[phase.name] += 1
        if isinstance(choice, Slow):
            return self._kill_in_call(phase, choice)
        return self._kill_at_gate(phase, choice)

    def hunt_anywhere(self, kinds: Sequence[Kind] = ("pull", "deliver")) -> bool:
        """Kill a worker at an instant that nothing but chance decides."""
        self._begin()
        kind = self.rng.choice(list(kinds))
        process = self._start(kind)
        process.join(self.rng.uniform(0, 1.0))
        return self._count("any instant", kind, done=self._shoot(process))

    def hunt_command(self) -> bool:
        """Kill ``schemabase sync``, a real Dagster run, at any instant after its first query."""
        self._begin()
        self._attempt += 1
        environment = {
            **os.environ,
            "DATABASE_URL": self.job.url,
            "SCHEMABASE_KEYS": self.job.keys,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "schemabase_dagster", "sync", self.merchant],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._let_late_go()
        self._await(lambda: self.conn.execute(_AT_WORK).fetchall() or process.poll() is not None)
        time.sleep(self.rng.uniform(0, 1.5))
        process.kill()
        return self._count("Dagster run", "", done=process.wait() == -signal.SIGKILL)

    def hunt_gateway(self, gateway: Gateway) -> bool:
        """Kill the gateway while it commits deliveries, and start it again."""
        with self.conn.transaction():
            self.conn.execute("LOCK TABLE platform.webhook_dedupe IN EXCLUSIVE MODE")
            self.stir()
            waiting = self._await(lambda: self.conn.execute(_GATEWAY_WAITS).fetchall(), 10.0)
            self._wait_a_little()
            gateway.kill()
            # A session that lives on commits what it was told, although nobody hears the answer.
            is_rolled_back = self.rng.random() < 0.5
            for (pid,) in waiting if is_rolled_back else ():
                self.conn.execute("SELECT pg_terminate_backend(%s)", (pid,))
        gateway.start()
        place = "rolled back" if is_rolled_back else "committed, not answered"
        return self._count("gateway", place, done=bool(waiting))

    def run(self, kind: Kind) -> None:
        """Let a worker do its work to the end."""
        process = self._start(kind)
        process.join(LONGEST_SECONDS)
        self._must_have_ended_well(process, kind)

    def drain(self) -> None:
        """Let workers run until nothing waits any more, the leases of the killed included."""
        end = time.monotonic() + LONGEST_SECONDS
        self.run("deliver")
        while self._number(_UNSETTLED):
            if time.monotonic() > end:
                raise AssertionError("deliveries are left in the inbox")
            time.sleep(worker.LEASE_SECONDS / 10)
            if self._number(_DUE, list(SYSTEMS)):
                self.run("deliver")
        self.run("pull")

    def _kill_at_gate(self, phase: Phase, point: str) -> bool:
        kind, rows = self.rng.choice(phase.kinds), phase.rows
        if kind == "deliver":
            rows = min(rows, self._await_due(SYSTEMS))
        attempt = self._attempt + 1
        gates.close(self.conn, attempt)
        settings = gates.options(point, self.rng.randint(1, rows), attempt)
        process = self._start(kind, settings)
        beside = self._start_beside(kind)
        held = self._await(lambda: gates.waiting(self.conn, attempt) or not process.is_alive())
        done = isinstance(held, gates.Waiting)
        if isinstance(held, gates.Waiting):
            self._wait_a_little()
            done = self._shoot(process)
            if self.rng.random() < 0.5:
                self.conn.execute("SELECT pg_terminate_backend(%s)", (held.pid,))
        if done and beside is None and self.rng.random() < 0.5:
            self._late = attempt
        else:
            gates.open_again(self.conn, attempt)
        if not done:
            self._must_have_ended_well(process, kind)
        if beside is not None:
            self._must_have_ended_well(beside, "another")
        return self._count(phase.name, f"{point} ({kind})", done=done)

    def _kill_in_call(self, phase: Phase, slow: Slow) -> bool:
        kind = self.rng.choice(slow.kinds)
        if kind == "deliver":
            self._await_due((slow.system,))
        fault = Fault("slow", self.merchant, slow.system, match=slow.match, where=slow.where,
                      after=slow.after, seconds=SLOW_SECONDS)  # fmt: skip
        with self.sandbox.state.lock:
            self.sandbox.state.faults.add(fault)
        process = self._start(kind)
        self._await(lambda: fault.hits or not process.is_alive())
        done = bool(fault.hits)
        if done:
            self._wait_a_little()
            done = self._shoot(process)
        fault.times = 0
        if not done:
            self._must_have_ended_well(process, kind)
        return self._count(phase.name, f"{slow.where} {slow.match} ({kind})", done=done)

    def _start(self, kind: Kind, settings: str = "") -> ForkServerProcess:
        self._attempt += 1
        run_id = f"run-{self._attempt}"
        process = worker.start(replace(self.job, kind=kind, run_id=run_id, pg_options=settings))
        self._let_late_go()
        return process

    def _start_beside(self, kind: Kind) -> ForkServerProcess | None:
        """Start a worker of the other kind now and then, which nobody kills."""
        if self.rng.random() < self.share_beside:
            return self._start("pull" if kind == "deliver" else "deliver")
        return None

    def _must_have_ended_well(self, process: ForkServerProcess, kind: str) -> None:
        """Count a worker that ended by itself; whatever it had to take over, it must not fail."""
        process.join(LONGEST_SECONDS)
        if process.exitcode != 0:
            process.kill()
            raise AssertionError(f"a {kind} worker ended with {process.exitcode}")
        self.whole += 1

    def _begin(self) -> None:
        """Let the work be done to its end now and then, and the data change."""
        if self._in_a_row >= self.recover_every:
            self.run("pull")
            self.run("deliver")
            self._in_a_row = 0
        self.stir()

    def _count(self, phase: str, place: str, *, done: bool) -> bool:
        if done:
            self.kills[phase] += 1
            self.places[phase, place] += 1
            self._in_a_row += 1
        else:
            self.missed[phase] += 1
        return done

    @staticmethod
    def _shoot(process: ForkServerProcess) -> bool:
        """Send SIGKILL; tell whether it is what ended the process."""
        process.kill()
        process.join()
        return process.exitcode == -signal.SIGKILL

    def _let_late_go(self) -> None:
        """Let the session of the last victim go on while the next worker has begun already."""
        if self._late is not None:
            self._wait_a_little()
            gates.open_again(self.conn, self._late)
            self._late = None

    def _await_due(self, systems: Sequence[str]) -> int:
        """Return how many deliveries are due as soon as there is one."""
        end = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < end:
            if due := self._await(lambda: self._number(_DUE, list(systems)), 2.0):
                return int(due)
            self.stir()
        raise AssertionError("no webhook arrives")

    def _number(self, query: LiteralString, *values: Any) -> int:
        row = self.conn.execute(query, values).fetchone()
        return int(row[0]) if row else 0

    @staticmethod
    def _await(condition: Callable[[], Any], seconds: float = LONGEST_SECONDS) -> Any:
        end = time.monotonic() + seconds
        while not (value := condition()) and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        return value

    def _wait_a_little(self) -> None:
        time.sleep(self.rng.uniform(0, LONGEST_DELAY))
