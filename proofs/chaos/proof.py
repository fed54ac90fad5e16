"""Proof: a tenant whose workers are killed all the time, beside one that is left alone."""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any, Final

import psycopg
from psycopg import Connection

from assets import registry
from proofs.chaos import compare, gates
from proofs.chaos.compare import Inbox
from proofs.chaos.hunt import RECOVER_EVERY, SHARE_BESIDE, Hunter
from proofs.chaos.phases import PHASES, Phase
from proofs.chaos.traffic import Address, Gateway, Traffic
from proofs.chaos.worker import Job, Kind
from resources.registry import system_of
from sandbox.runner import Sandbox
from schemabase_dagster import tenancy, webhooks
from schemabase_dagster.database import conninfo
from schemabase_dagster.tenancy import App
from tests.support import shops

MERCHANT: Final = "acme"
MISSES_AT_MOST: Final = 40
"""Of one stage; more mean that the proof does not hit what it says."""

PAGE_SIZE: Final = 25
"""Orders of the shop in a page, so that a first pull has many."""

FIRST_PULL: Final = {
    "COPY": 250,
    "merge into raw": 250,
    "merge into core": 250,
    "state commit": 6,
}
"""Phases of a first pull, and at which of the first rows it is killed: in one of many batches.

A late answer of Zoho would let the shop's orders land before.
"""

# The shipped overlaps of minutes would read again what a wrong cursor had left out.
_SHORT_OVERLAP: Final = "UPDATE platform.app_entity SET overlap = interval '2 seconds'"

FULL_REFRESH: Final = ("fetch", "merge into raw", "merge into core", "state commit")
DELETED: Final = 5
"""Orders of each system; fewer than a wave, which would wait for a person."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is killed.

    Attributes:
        kills: in each phase at least.
        extra: on top in each phase of a first pull and of a full refresh; 0 = without these.
        commands: real Dagster runs.
        seed: decides everything but the speed of the machine.
    """

    kills: int = 5
    extra: int = 2
    commands: int = 5
    seed: int = 7


@dataclass
class Outcome:
    """What happened, and what must not have happened.

    Attributes:
        kills: by phase.
        places: by phase and place.
        missed: by phase.
        whole: workers that ended by themselves.
        changes: records changed at the source meanwhile.
        deliveries: webhooks sent, repeats included.
        rows: rows compared, by table.
        inbox: the deliveries at the end.
        faults: one line each; empty = it holds.
        seconds: by stage.
    """

    kills: Counter[str]
    places: Counter[tuple[str, str]]
    missed: Counter[str]
    whole: int = 0
    changes: int = 0
    deliveries: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    inbox: Inbox | None = None
    faults: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def prove(
    databases: tuple[str, str],
    sandbox: Sandbox,
    plan: Plan,
    say: Callable[[str], None] = lambda _line: None,
) -> Outcome:
    """Kill, recover, compare.

    The vault's keys are those of ``SCHEMABASE_KEYS``.

    Args:
        databases: URLs of two migrated, empty databases, of a superuser.
        sandbox: stand-ins, in this process.
        plan: how much.
        say: takes a line about the progress.
    """
    _spoil(sandbox)
    (disturbed, calm), keys = databases, os.environ["SCHEMABASE_KEYS"]
    job = Job("pull", MERCHANT, disturbed, keys, "run-0")
    with (
        psycopg.connect(conninfo(disturbed), autocommit=True) as conn,
        psycopg.connect(conninfo(calm), autocommit=True) as calm_conn,
    ):
        for each in (conn, calm_conn):
            gates.set_up(each)
        gateway = Gateway(disturbed, keys)
        connect(calm_conn, sandbox, gateway)
        addresses = connect(conn, sandbox, gateway)
        traffic = Traffic(sandbox, MERCHANT, addresses, Random(plan.seed))
        hunter, witness = (
            Hunter(sandbox, MERCHANT, each, replace(job, url=url), Random(plan.seed), traffic.stir)
            for each, url in ((conn, disturbed), (calm_conn, calm))
        )
        return _Proof(plan, hunter, witness, gateway, traffic, say).run()


def _spoil(sandbox: Sandbox) -> None:
    """Give both sides records that are rejected and records that contradict one another."""
    control = sandbox.control
    control.set_tokens(MERCHANT, throttled=False)
    odd = control.planted(MERCHANT)["totals_differ"]
    (contact, *_) = control.ids(MERCHANT, "zoho", "contacts")
    control.add_fault("mistyped_field", MERCHANT, "zoho", match="/salesorders", where="detail",
                      times=None, record=odd["zoho"])  # fmt: skip
    control.add_fault("nul_text", MERCHANT, "zoho", match="/contacts", where="list",
                      times=None, record=contact)  # fmt: skip
    truth = control.truth(MERCHANT)
    typed = next(row for row in truth if "saleor_id" not in row)
    pushed = next(row for row in truth if row.get("zoho_number") == row["number"]
                  and "saleor_id" in row and row["zoho_id"] != odd["zoho"])  # fmt: skip
    control.set_reference(MERCHANT, typed["zoho_id"], pushed["number"])


def connect(conn: Connection[Any], sandbox: Sandbox, gateway: Gateway) -> dict[str, Address]:
    """Make the tenant, its apps and their webhook endpoints."""
    tenant = tenancy.add_tenant(conn, MERCHANT, "Acme", timezone="Europe/Berlin")
    streams = {name: list(registry.streams_of(name)) for name in ("zoho", "saleor")}
    apps = (
        shops.add_zoho(conn, tenant, sandbox, streams=streams["zoho"]),
        shops.add_saleor(conn, tenant, sandbox, streams=streams["saleor"], page_size=PAGE_SIZE),
    )
    conn.execute(_SHORT_OVERLAP)
    return {app.type: _endpoint(conn, app, gateway) for app in apps}


def _endpoint(conn: Connection[Any], app: App, gateway: Gateway) -> Address:
    system = system_of(app.type)
    verification = system.verification(system.config.model_validate(app.config))
    made = webhooks.create_endpoint(conn, app, verification)
    url = webhooks.endpoint_url(gateway.root, app.type, made.endpoint_id)
    return Address(url, made.secret or "")


class _Proof:
    """The stages; each ends when its kills are done."""

    def __init__(  # noqa: PLR0917 - its parts
        self,
        plan: Plan,
        hunter: Hunter,
        witness: Hunter,
        gateway: Gateway,
        traffic: Traffic,
        say: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._hunter = hunter
        self._witness = witness
        self._gateway = gateway
        self._traffic = traffic
        self._say = say
        self._tasks: list[Callable[[], bool]] = []
        # Neither the oldest orders, which contradict one another, nor the newest, which are odd.
        truth = hunter.sandbox.control.truth(MERCHANT)
        self._old = [row for row in truth[20 : len(truth) // 2]
                     if "zoho_id" in row and "saleor_id" in row]  # fmt: skip
        self._out = Outcome(hunter.kills, hunter.places, hunter.missed)

    def run(self) -> Outcome:
        """Go through the stages."""
        self._witness.run("pull")
        self._gateway.start()
        stages = {"every day": self._every_day}
        if self._plan.extra:
            stages = {"first pull": self._first_pull, **stages, "full refresh": self._full_refresh}
        try:
            for name, stage in stages.items():
                began = time.monotonic()
                with self._traffic.flowing():
                    stage()
                self._hunter.drain()
                self._witness.run("pull")
                self._compare(name)
                self._out.seconds[name] = time.monotonic() - began
        finally:
            self._gateway.stop()
        return self._finished()

    def _first_pull(self) -> None:
        """Kill a tenant's first pull, which is never let through before the end."""
        hunter = self._hunter
        hunter.recover_every, hunter.share_beside = 1_000, 0.0
        for phase in PHASES:
            if phase.name in FIRST_PULL:
                deeper = replace(phase, kinds=("pull",), rows=FIRST_PULL[phase.name])
                self._tasks += [partial(hunter.hunt, deeper)] * self._plan.extra
        self._do()
        hunter.recover_every, hunter.share_beside = RECOVER_EVERY, SHARE_BESIDE

    def _every_day(self) -> None:
        """Kill incremental pulls, webhook runs, Dagster runs and the gateway."""
        hunter, kills = self._hunter, self._plan.kills
        for phase in PHASES:
            self._tasks += [partial(hunter.hunt, phase)] * kills
        self._tasks += [hunter.hunt_anywhere, partial(hunter.hunt_gateway, self._gateway)] * kills
        self._tasks += [hunter.hunt_command] * self._plan.commands
        self._do()

    def _full_refresh(self) -> None:
        """Delete records at the source and kill the whole listings that have to find out."""
        hunter, control = self._hunter, self._hunter.sandbox.control
        # One side of an order only: what is left of one that is gone everywhere depends on which
        # side went first.
        rows = hunter.rng.sample(self._old, 2 * DELETED)
        for system, gone in (("zoho", rows[:DELETED]), ("saleor", rows[DELETED:])):
            for row in gone:
                control.delete_order(MERCHANT, system, row[f"{system}_id"])
        for phase in PHASES:
            if phase.name in FULL_REFRESH:
                self._tasks += [partial(hunter.hunt, _as_full(phase))] * self._plan.extra
        self._tasks += [partial(hunter.hunt_anywhere, ("full",))] * self._plan.extra
        self._do()
        hunter.run("full")
        self._witness.run("full")

    def _do(self) -> None:
        """Do each task until it has succeeded, in a mixed order."""
        hunter, tasks, misses = self._hunter, self._tasks, 0
        hunter.rng.shuffle(tasks)
        while tasks:
            task = tasks.pop(0)
            if task():
                if hunter.kills.total() % 10 == 0:
                    self._say(f"{hunter.kills.total()} kills, {self._traffic.sent} webhooks sent")
                continue
            tasks.append(task)
            misses += 1
            if misses > MISSES_AT_MOST:
                raise AssertionError(f"too many misses: {dict(hunter.missed)}")

    def _compare(self, stage: str) -> None:
        disturbed = compare.read_tables(self._hunter.conn)
        calm = compare.read_tables(self._witness.conn)
        found = compare.differences(disturbed, calm)
        self._out.rows = {table: rows.total() for table, rows in disturbed.items()}
        self._out.faults += [f"after {stage}: {line}" for line in found]
        self._say(f"{stage}: {sum(self._out.rows.values())} rows compared, {len(found)} differ")

    def _finished(self) -> Outcome:
        out = self._out
        out.inbox = compare.read_inbox(self._hunter.conn, self._traffic.acknowledged)
        out.faults += out.inbox.faults
        out.whole = self._hunter.whole
        out.changes, out.deliveries = self._traffic.changes, self._traffic.sent
        return out


def _as_full(phase: Phase) -> Phase:
    kinds: tuple[Kind, ...] = ("full",)
    return replace(phase, kinds=kinds, slow=tuple(replace(s, kinds=kinds) for s in phase.slow))
