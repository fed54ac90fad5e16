"""The phases: idle, loaded by full syncs of ten tenants, with Dagster's defaults, and warm runs."""

import random
import shutil
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

from assets.deliveries import LINGER_SECONDS
from proofs.latency.events import SYSTEM, Event, change_and_send
from proofs.latency.load import SYSTEMS, FullSyncs, Seen
from schemabase_dagster import operations
from schemabase_dagster.settings import ROOT, get_settings
from schemabase_dagster.stack import services
from schemabase_dagster.stack.home import Home
from schemabase_dagster.stack.run import Options, Running, running
from schemabase_dagster.stack.screen import Screen
from schemabase_dagster.stack.standins import connect_tenants, control

TENANT: Final = "acme"
COLD_SHARE: Final = 0.3
"""Share of the events that come after every lingering run has ended."""

SEED: Final = 7

Order = tuple[str, str]
"""Tenant, and id of its order in the shop."""


@dataclass(frozen=True, slots=True)
class Phase:
    """How a phase is measured.

    Attributes:
        name: name for people and of its file of results.
        tenants: how many are connected.
        senders: how many of them get webhooks, in turn; the first ones.
        cold_share: share of the events that come when no run lingers for their tenant.
        size: orders of each stand-in merchant.
        changes: orders that change before each full sync; None = no full syncs.
        definitions: what Dagster loads.
        is_default: whether the Dagster instance has no settings.
        is_warm: whether runs are forked from the warm process.
    """

    name: str
    tenants: int = 1
    senders: int = 1
    cold_share: float = COLD_SHARE
    size: int = 200
    changes: int | None = None
    definitions: str = services.DEFINITIONS
    is_default: bool = False
    is_warm: bool = False


_COLD: Final = Phase("cold", tenants=3, senders=3, cold_share=1.0, size=60)
_LOADED: Final = Phase("loaded", tenants=10, size=2000, changes=500)

PHASES: Final = {
    phase.name: phase
    for phase in (
        Phase("idle"),
        _LOADED,
        Phase("defaults", definitions="proofs.latency.defaults", is_default=True),
        _COLD,
        replace(_COLD, name="warm", is_warm=True),
        replace(_LOADED, name="warm-loaded", is_warm=True),
    )
}

USUAL: Final = ("idle", "loaded", "defaults")
WARM: Final = ("cold", "warm", "warm-loaded")
"""What the warm launcher is for: events that need a run, with the stock launcher and with it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a phase gave.

    Attributes:
        phase: its name.
        at: when it ended, seconds since 1970.
        events: one per webhook.
        load: what ran beside them.
    """

    phase: str
    at: float
    events: Sequence[Event]
    load: Seen | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        return asdict(self)


def measured_from(document: Mapping[str, Any]) -> Measured:
    """Read what ``as_json`` wrote."""
    load = document["load"]
    events = [Event(**each) for each in document["events"]]
    return Measured(document["phase"], document["at"], events, Seen(**load) if load else None)


def measure(phase: Phase, count: int, screen: Screen) -> Measured:
    """Start a stack for a phase, send its events and stop the stack."""
    names = _tenant_names(phase.tenants)

    def prepare(stand_ins: Mapping[str, Any]) -> None:
        # the first pulls of all other systems would be a load that nobody asked for
        connect_tenants(stand_ins, {name: name.capitalize() for name in names}, SYSTEMS)
        for name in names[: phase.senders]:
            with screen.step(f"First sync of {name}"):
                operations.sync_one(name)

    home = Home(ROOT, _fresh_folder(phase.name))
    options = Options(
        size=phase.size,
        merchants=names,
        own_database=True,
        definitions=phase.definitions,
        instance=_empty_file(home.state) if phase.is_default else None,
        is_warm=phase.is_warm,
        prepare=prepare,
    )
    with running(home, options, screen.step) as stack, ExitStack() as closing:
        syncs = None
        if phase.changes is not None:
            syncs = closing.enter_context(FullSyncs(stack, names, changes=phase.changes))
            with screen.step("Full syncs begin"):
                syncs.await_start()
        sender = _Sender(stack, screen, syncs)
        orders = _some_orders(stack, names[: phase.senders], count)
        # With the defaults nothing lingers, so nothing is gained by waiting for each row.
        if phase.is_default:
            events = sender.at_random(orders)
        else:
            events = sender.one_by_one(orders, plan_gaps(phase, count, random.Random(SEED)))
        return Measured(phase.name, time.time(), events, syncs.seen if syncs else None)


def plan_gaps(phase: Phase, count: int, rng: random.Random) -> list[float]:
    """Return the idle seconds before each event, long enough for a fixed share to be cold.

    The first event finds no run in any case; the others of the share come when the run that served
    the tenant's one before has ended.
    """
    cold = round(count * phase.cold_share) - 1
    gaps = [
        (LINGER_SECONDS + rng.uniform(3, 10)) / phase.senders
        if number < cold
        else rng.uniform(0.5, 8)
        for number in range(count - 1)
    ]
    rng.shuffle(gaps)
    return [rng.uniform(1, 5), *gaps]


@dataclass(frozen=True, slots=True)
class _Sender:
    """Sends events to a stack and prints each."""

    stack: Running
    screen: Screen
    syncs: FullSyncs | None

    def one_by_one(self, orders: Sequence[Order], gaps: Sequence[float]) -> list[Event]:
        """Send each event an idle gap after the row of the one before has changed."""
        events = []
        for number, (order, gap) in enumerate(zip(orders, gaps, strict=True), start=1):
            self._pause(gap)
            event = change_and_send(self.stack, *order)
            self._tell(number, gap, event)
            events.append(event)
        return events

    def at_random(self, orders: Sequence[Order]) -> list[Event]:
        """Send events at random times, whatever became of those before."""
        rng = random.Random(SEED)
        with ThreadPoolExecutor(len(orders)) as pool:
            sent = []
            for number, order in enumerate(orders, start=1):
                gap = rng.uniform(1, 16)
                self._pause(gap)
                sent.append(pool.submit(self._send, number, gap, order))
            return [each.result() for each in sent]

    def _send(self, number: int, gap: float, order: Order) -> Event:
        event = change_and_send(self.stack, *order)
        self._tell(number, gap, event)
        return event

    def _pause(self, seconds: float) -> None:
        self.stack.supervisor.check()
        if self.syncs is not None:
            self.syncs.check()
        self.stack.supervisor.pause(seconds)

    def _tell(self, number: int, gap: float, event: Event) -> None:
        stages = ", ".join(f"{name} {took:.2f}" for name, took in event.stages().items())
        how = "" if event.is_cold else " (a run was there)"
        how += " (brought by a pull)" if event.by_pull else ""
        self.screen.console.print(
            f"  event {number:2d} after {gap:4.1f} s: [bold]{event.seconds:5.2f} s[/]{how}"
            f" [dim]{stages}[/]"
        )


def _tenant_names(count: int) -> tuple[str, ...]:
    return (TENANT, *(f"tenant-{number:02d}" for number in range(2, count + 1)))


def _some_orders(stack: Running, tenants: Sequence[str], count: int) -> list[Order]:
    """Choose orders that raw has, each for one event, of the tenants in turn."""
    rng = random.Random(SEED)
    known = {
        tenant: control(stack.stand_ins, "ids", merchant=tenant, system=SYSTEM)
        for tenant in tenants
    }
    chosen = {tenant: iter(rng.sample(ids, count)) for tenant, ids in known.items()}
    return [(tenant, next(chosen[tenant])) for tenant in islice(cycle(tenants), count)]


def _fresh_folder(name: str) -> Path:
    folder = results_folder() / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def results_folder() -> Path:
    """Return where stacks live and results are kept."""
    return get_settings().state_dir.resolve() / "latency"


def _empty_file(folder: Path) -> Path:
    path = folder / "empty.yaml"
    path.touch()
    return path
