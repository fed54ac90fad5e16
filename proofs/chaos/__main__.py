"""``python -m proofs.chaos``: kill what handles webhooks and pulls, and look what came of it.

``runs``: workers are killed in every phase while data changes, and the tables are compared with
those of a tenant that was left alone. ``gateway``: 200 deliveries a second while gateway, run
workers, daemon and Postgres are killed at random; acknowledged = stored = applied once.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from assets import registry
from proofs.chaos import grounds, storm, storm_report
from proofs.chaos.phases import PHASES
from proofs.chaos.proof import Outcome, Plan, prove
from sandbox.runner import Sandbox
from schemabase_dagster import database
from schemabase_dagster.embedded import EmbeddedServer
from schemabase_dagster.settings import forget_settings
from schemabase_dagster.stack.process import interruptible
from schemabase_dagster.stack.screen import Screen
from schemabase_dagster.vault import generate_key
from tests.support.server import beside

SHOWN: Final = 20
AMONG: Final = (
    "core.orders",
    "core.order_lines",
    "core.contacts",
    "core.invoices",
    "core.packages",
    "platform.rejects",
    "platform.match_conflict",
)


def main() -> int:
    """Do the chosen proofs; return 1 when one does not hold."""
    parser = argparse.ArgumentParser(prog="python -m proofs.chaos", description=__doc__)
    parser.add_argument("--only", choices=list(PROOFS), help="one of the proofs")
    parser.add_argument("--kills", type=int, default=5, help="runs: in each phase")
    parser.add_argument("--size", type=int, default=300, help="runs: Zoho orders at the start")
    parser.add_argument("--minutes", type=float, default=10, help="gateway: how long")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    chosen = [options.only] if options.only else list(PROOFS)
    with interruptible():
        return max([PROOFS[name](options) for name in chosen])


def runs(options: argparse.Namespace) -> int:
    """Print the table; return 1 when something differs or a phase got too few kills."""
    began = time.monotonic()
    plan = Plan(kills=options.kills, commands=options.kills, seed=options.seed)
    with tempfile.TemporaryDirectory(prefix="schemabase-chaos-") as folder:
        server = EmbeddedServer(Path(folder))
        url = server.start()
        try:
            outcome = _prove(url, plan, options.size)
        finally:
            database.close_pools()
            server.stop()
    print(f"\n{table(outcome)}\n")
    print(summary(outcome, time.monotonic() - began))
    for line in outcome.faults[:SHOWN]:
        print(f"  {line[:300]}")
    few = [name for name in wanted() if outcome.kills[name] < plan.kills]
    if few:
        print(f"Fewer than {plan.kills} kills: {', '.join(few)}")
    return int(bool(outcome.faults or few))


def gateway(options: argparse.Namespace) -> int:
    """Print the table; return 1 when a delivery was lost or doubled, or nobody was killed."""
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {line}", flush=True)

    plan = storm.Plan(seconds=60 * options.minutes, seed=options.seed)
    with (
        tempfile.TemporaryDirectory(prefix="schemabase-storm-") as folder,
        grounds.stack(Path(folder), options.seed, Screen().step) as (ground, orders),
    ):
        outcome = storm.rage(ground, orders, plan, say)
        few = [name for name in ground.victims if not outcome.kills[name]]
    print(f"\n{storm_report.table(outcome, plan)}\n")
    for line in outcome.faults[:SHOWN]:
        print(f"  {line[:300]}")
    if few:
        print(f"Never killed: {', '.join(few)}")
    print("It holds." if not outcome.faults else f"{len(outcome.faults)} FAULTS.")
    return int(bool(outcome.faults or few))


PROOFS: Final = {"runs": runs, "gateway": gateway}


def wanted() -> list[str]:
    """Return the names of the phases that must have been hit."""
    return [*(phase.name for phase in PHASES), "gateway", "any instant", "Dagster run"]


def table(outcome: Outcome) -> str:
    """Return kills by phase as a Markdown table."""
    lines = ["| killed inside | kills | where |", "|---|---:|---|"]
    for name in wanted():
        places = sorted((place, n) for (phase, place), n in outcome.places.items() if phase == name)
        where = ", ".join(f"{place} {n}" for place, n in places if place)
        lines.append(f"| {name} | {outcome.kills[name]} | {where} |")
    lines.append(f"| **all** | **{outcome.kills.total()}** | |")
    return "\n".join(lines)


def summary(outcome: Outcome, seconds: float) -> str:
    """Return what else happened, and the verdict."""
    inbox = outcome.inbox
    assert inbox is not None  # noqa: S101 - a finished proof has one
    stages = ", ".join(f"{name} {took:.0f} s" for name, took in outcome.seconds.items())
    statuses = ", ".join(f"{n} {status}" for status, n in sorted(inbox.outcomes.items()))
    among = ", ".join(f"{outcome.rows[table]} in {table}" for table in AMONG)
    verdict = "It holds." if not outcome.faults else f"{len(outcome.faults)} FAULTS."
    return (
        f"{outcome.changes} records changed at the source. {outcome.deliveries} webhooks sent, "
        f"{inbox.acknowledged} different ones acknowledged, {inbox.stored} stored: {statuses}.\n"
        f"{outcome.whole} workers ended by themselves, {outcome.missed.total()} of them before "
        f"they were seen in their phase.\n"
        f"{sum(outcome.rows.values())} rows compared by natural keys after each stage ({stages}; "
        f"{seconds:.0f} s in all), among them {among}.\n{verdict}"
    )


def _prove(url: str, plan: Plan, size: int) -> Outcome:
    os.environ["SCHEMABASE_KEYS"] = generate_key()
    forget_settings()
    disturbed, calm = beside(url, "disturbed"), beside(url, "calm")
    with database.connect(autocommit=True, url=url) as conn:
        for name in ("disturbed", "calm"):
            conn.execute(f"CREATE DATABASE {name}")
    for each in (disturbed, calm):
        database.migrate(each, streams=list(registry.streams().values()))
    with Sandbox(seed=plan.seed, size=size, merchants=("acme",)) as sandbox:
        return prove((disturbed, calm), sandbox, plan, print)


if __name__ == "__main__":
    sys.exit(main())
