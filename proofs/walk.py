"""``make walk``: a newcomer connects a third tenant to ``make up``, and nobody clicks anything.

The first pull, a signed webhook and the nightly sync come by themselves; wrong input on the way is
answered by one line. The clock of the nightly schedule is moved by data: the tenant's night is set
to the minute before the next tick of the real daemon, so the walk takes up to twenty minutes.
"""

import argparse
import json
import os
import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, LiteralString
from zoneinfo import ZoneInfo

import httpx
import psycopg

from proofs.shell import Shell
from proofs.steps import StepFailed, Steps, expect, wait_for
from schemabase_dagster import tags
from schemabase_dagster.errors import SchemabaseError
from schemabase_dagster.ports import answers
from schemabase_dagster.settings import ROOT
from schemabase_dagster.stack import home
from schemabase_dagster.stack.dagster_api import ASSET_JOB, DagsterApi, Run
from schemabase_dagster.stack.process import interruptible
from schemabase_dagster.stack.standins import control
from tests.support.up import Up, processes

TENANT: Final = "initech"
STATE: Final = ROOT / ".schemabase" / "walk"
PULL_SECONDS: Final = 300
WEBHOOK_SECONDS: Final = 60
TICK: Final = timedelta(minutes=15)
SPARE: Final = timedelta(minutes=5)
"""What comes before the night: connecting the tenant and its first pull."""

TICK_SECONDS: Final = (TICK + SPARE).total_seconds() + 60
STOP_SECONDS: Final = 15
SYSTEMS: Final = ("saleor", "zoho")

_RAW: Final[Mapping[str, LiteralString]] = {
    "saleor": "SELECT count(*) FROM raw.saleor_orders AS r "
    "JOIN platform.tenant AS t ON t.id = r.tenant_id WHERE t.slug = %s",
    "zoho": "SELECT count(*) FROM raw.zoho_sales_orders AS r "
    "JOIN platform.tenant AS t ON t.id = r.tenant_id WHERE t.slug = %s",
}

_TOTAL: Final = """
SELECT o.total_gross
FROM core.orders AS o
JOIN core.external_ref AS x ON x.core_id = o.id AND x.entity = 'order'
WHERE x.external_id = %s
"""

_ORDERS: Final = "SELECT count(*) FROM analytics.fct_order WHERE tenant = %s"

_DRY_RUN: Final = """
mutation Evaluate($schedule: ScheduleSelector!, $timestamp: Float) {
  scheduleDryRun(selectorData: $schedule, timestamp: $timestamp) {
    __typename
    ... on DryRunInstigationTick {
      evaluationResult { error { message } runRequests { tags { key value } } }
    }
  }
}
"""


def main() -> int:
    """Walk; return 1 when a step fails."""
    argparse.ArgumentParser(prog="python -m proofs.walk", description=__doc__).parse_args()
    steps = Steps()
    home.fresh(ROOT, STATE)
    up = Up(STATE)
    try:
        with interruptible():
            Walk(steps, up).all()
    except (StepFailed, AssertionError, SchemabaseError):
        print(f"The walk ends here. The stack printed {up.output}, its logs are in {STATE}/logs.")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if up.process.poll() is None:
            up.process.terminate()
            up.process.wait(STOP_SECONDS)
    print("Every step passed.")
    return 0


class Walk:
    """What a newcomer does, in order.

    Args:
        steps: prints what is done.
        up: the stack that starts.
    """

    def __init__(self, steps: Steps, up: Up) -> None:
        self._steps = steps
        self._up = up
        self._shell = Shell(steps, STATE / "env")

    def all(self) -> None:
        """Do every step."""
        step = self._steps.step
        with step("schemabase up serves"):
            self._up.await_start()
            self._look_around()
        with step("What cannot work is one line that says what to do"):
            self._stumble()
        with step(f"tenant add {TENANT}"):
            self._add_tenant()
        with step("app add, with wrong and with right credentials"):
            self._add_apps()
        with step("webhook create"):
            endpoints = self._create_webhooks()
        with step("due_syncs starts the first pulls, and the rows are there"):
            self._await_first_pulls()
        for system in SYSTEMS:
            with step(f"A signed webhook of {system} changes its row"):
                self._change_by_webhook(system)
        with step("A webhook that was changed on its way is refused"):
            self._send_forged(endpoints["saleor"])
        with step("The night has not come: the schedule asks for nothing"):
            self._see_no_night_yet()
        with step(f"The nightly sync runs once, at {self._night:%H:%M} {self._zone}"):
            self._await_night()
        with step("Later on the same date it asks for nothing, on the next for one run a system"):
            self._see_next_night()
        with step("Nobody clicked: every run was started by a sensor or a schedule"):
            self._see_no_clicks()
        with step("Ctrl-C stops everything and leaves nothing behind"):
            self._stop()

    def _look_around(self) -> None:
        self._api = DagsterApi(self._up.address("Dagster UI"))
        self._url = self._up.address("Dagster UI")
        self._info = httpx.get(f"{self._up.address('Stand-ins')}/info", trust_env=False).json()
        self._merchant = self._info["merchants"][TENANT]
        self._database = self._shell.variable("DATABASE_URL")
        told = self._shell.run("tenant list")
        expect("acme" in told and "globex" in told, "the demo tenants are not listed")

    def _stumble(self) -> None:
        refused = self._shell.refused
        refused("up", 2, f"process {self._up.process.pid}", "Stop it with Ctrl-C")
        refused("sync nobody", 2, "no tenant 'nobody'", "schemabase tenant add")
        refused("app add nobody saleor", 2, "no tenant 'nobody'", "schemabase tenant list")
        refused("status nobody", 2, "no tenant 'nobody'")
        refused("webhook create acme shopp", 2, "no app 'shopp'", "schemabase app list acme")
        refused("tenant add acme", 2, "already", "schemabase tenant list")

    def _add_tenant(self) -> None:
        """Set the night to the minute before the next tick that leaves time for the first pull."""
        ready = datetime.now(UTC) + SPARE
        self._tick = (
            datetime.fromtimestamp(
                ready.timestamp() // TICK.total_seconds() * TICK.total_seconds(), UTC
            )
            + TICK
        )
        self._zone = _zone_by_day(self._tick)
        self._night = self._tick.astimezone(ZoneInfo(self._zone)) - timedelta(minutes=1)
        self._shell.run(
            f"tenant add {TENANT} --name 'Initech Trading' --timezone {self._zone} "
            f"--nightly-at {self._night:%H:%M} --currency {self._merchant['currency']}"
        )
        self._shell.refused(f"sync {TENANT}", 2, "no enabled app", f"app add {TENANT} TYPE")

    def _add_apps(self) -> None:
        run, zoho, saleor = self._shell.run, self._merchant["zoho"], self._merchant["saleor"]
        prefix = self._merchant["prefix"]
        names = ("client_id", "client_secret", "refresh_token")
        secrets = {name: zoho[name] for name in names}
        addresses = " ".join(
            f"--set {name}={zoho[name]}"
            for name in ("organization_id", "accounts_url", "books_url", "inventory_url")
        )
        run(
            f"app add {TENANT} zoho --key books {addresses} --set order_prefixes={prefix} "
            "--set calls_per_minute=1000000 --set calls_per_day=1000000 --credentials-stdin",
            stdin=json.dumps(secrets | {"client_secret": "typed-wrong"}),
        )
        self._shell.refused(
            f"app check {TENANT} books", 3, TENANT, f"app set-credentials {TENANT} books"
        )
        run(
            f"app set-credentials {TENANT} books --credentials-env ZOHO",
            secrets={f"ZOHO_{name.upper()}": value for name, value in secrets.items()},
        )
        run(f"app check {TENANT} books")
        run(
            f"app add {TENANT} saleor --key shop --set api_url={saleor['api_url']} "
            f"--set domain={TENANT}.sandbox --set order_prefix={prefix} --credentials-stdin",
            stdin=json.dumps({"token": saleor["token"]}),
        )
        run(f"app check {TENANT} shop")

    def _create_webhooks(self) -> Mapping[str, str]:
        """Make both endpoints and enter them at the senders; return the addresses."""
        found = {}
        for system, app in (("saleor", "shop"), ("zoho", "books")):
            told = self._shell.run(f"webhook create {TENANT} {app}")
            found[system] = _told(told, "URL")
            secret = "" if "none needed" in told else _told(told, "Secret")
            self._control("subscribe", system=system, url=found[system], secret=secret)
        return found

    def _await_first_pulls(self) -> None:
        def pulled() -> bool:
            runs = [run for run in self._runs() if run.status == "SUCCESS"]
            return {run.system for run in runs if _started_by(run) == "due_syncs"} >= set(SYSTEMS)

        wait_for(pulled, PULL_SECONDS, "a successful pull of each system")
        for system in SYSTEMS:
            wanted, found = len(self._ids(system)), self._value(_RAW[system], TENANT)
            expect(wanted == found, f"{found} of {wanted} orders of {system} are in raw")
        self._steps.note(f"{self._value(_ORDERS, TENANT)} rows in analytics.fct_order")

    def _change_by_webhook(self, system: str) -> None:
        order = self._order_of(system)
        before = self._value(_TOTAL, order)
        self._control("change_orders", system=system, n=1, kind="quantity", ids=[order])
        wanted = self._total(system, order)
        expect(before != wanted, f"{order} costs {wanted} already")
        begin = time.monotonic()
        outcomes = self._control("notify", system=system, ids=[order], kind="quantity")
        expect(all(each["is_delivered"] for each in outcomes), "the gateway refused it")
        wait_for(lambda: self._value(_TOTAL, order) == wanted, WEBHOOK_SECONDS, "the changed row")
        took = time.monotonic() - begin
        self._steps.note(f"total {before} -> {wanted} in core.orders after {took:.1f} s")

    def _order_of(self, system: str) -> str:
        """Return an order whose amounts the system decides: of the shop, or of Zoho alone."""
        for order in self._control("truth"):
            if (system == "saleor") == ("saleor_id" in order):
                external_id: str = order[f"{system}_id"]
                if self._value(_TOTAL, external_id) is not None:
                    return external_id
        raise StepFailed(f"no order of {system} became a row")

    def _total(self, system: str, order: str) -> Decimal:
        """Return what an order costs by the stand-in."""
        document = self._control("document", system=system, record_id=order)
        total = document["total"]
        return Decimal(str(total if system == "zoho" else total["gross"]["amount"]))

    def _send_forged(self, url: str) -> None:
        (order, *_) = self._ids("saleor")
        (outcome,) = self._control("send_saleor_webhook", url=url, ids=[order], corrupt=True)
        expect(outcome["statuses"] == [401], f"it was answered with {outcome['statuses']}")

    def _see_no_night_yet(self) -> None:
        expect(datetime.now(UTC) < self._tick, "the first pull took longer than expected")
        asked = self._evaluate(self._tick - TICK)
        expect(not asked, f"it asks for {asked}")

    def _await_night(self) -> None:
        def nights() -> Sequence[Run]:
            found = [run for run in self._runs() if run.trigger == tags.TRIGGER_FULL]
            done = len(found) >= len(SYSTEMS) and all(run.is_finished for run in found)
            return found if done else ()

        found = wait_for(nights, TICK_SECONDS, "the nightly runs")
        told = [(run.system, run.status, _started_by(run)) for run in found]
        wanted = [(system, "SUCCESS", "nightly_sync") for system in SYSTEMS]
        expect(sorted(told) == wanted, f"there are {told}")
        expect(min(run.created for run in found) >= self._tick.timestamp(), "it ran too early")

    def _see_next_night(self) -> None:
        for later in (timedelta(minutes=5), timedelta(hours=1)):
            asked = self._evaluate(self._tick + later)
            expect(not asked, f"{later} later it asks for {asked}")
        asked = self._evaluate(self._tick + timedelta(days=1))
        expect(sorted(asked) == list(SYSTEMS), f"the next night it asks for {asked}")

    def _see_no_clicks(self) -> None:
        for run in self._api.runs():
            expect(_started_by(run), f"run {run.run_id} was started by hand")

    def _stop(self) -> None:
        addresses = [self._up.address("Webhook gateway") + "/healthz", f"{self._url}/server_info"]
        # the whole foreground group gets it, as from a terminal
        os.killpg(self._up.process.pid, signal.SIGINT)
        expect(self._up.process.wait(STOP_SECONDS) == 0, "up ended with an error")
        wait_for(lambda: not processes(STATE), 5, "the end of every process")
        expect(not any(answers(url) for url in addresses), "something still serves")
        left = [path for path in STATE.rglob("*") if path.is_socket()]
        expect(not left, f"sockets are left: {left}")
        expect(not (STATE / "postgres" / "postmaster.pid").exists(), "PostgreSQL was not stopped")
        with home.owned(STATE):
            self._shell.refused("status", 2, "does not answer")

    def _runs(self) -> Sequence[Run]:
        return self._api.runs(tenant=TENANT)

    def _evaluate(self, then: datetime) -> list[str]:
        """Let the code server evaluate the schedule's first tick from then on.

        Returns:
            The systems of the tenant that it asks for.
        """
        selector = {name: ASSET_JOB[name] for name in ("repositoryName", "repositoryLocationName")}
        variables = {
            "schedule": selector | {"scheduleName": "nightly_sync"},
            "timestamp": then.timestamp(),
        }
        answer = httpx.post(
            f"{self._url}/graphql",
            json={"query": _DRY_RUN, "variables": variables},
            timeout=60,
            trust_env=False,
        ).json()["data"]["scheduleDryRun"]
        result = answer["evaluationResult"]
        expect(result["error"] is None, f"the schedule fails: {result['error']}")
        asked = [
            {tag["key"]: tag["value"] for tag in request["tags"]}
            for request in result["runRequests"] or []
        ]
        return [each[tags.SYSTEM] for each in asked if each[tags.TENANT] == TENANT]

    def _control(self, action: str, **arguments: Any) -> Any:
        return control(self._info, action, merchant=TENANT, **arguments)

    def _ids(self, system: str) -> Sequence[str]:
        found: Sequence[str] = self._control("ids", system=system)
        return found

    def _value(self, query: LiteralString, *values: str) -> Any:
        with psycopg.connect(self._database) as conn:
            row = conn.execute(query, values).fetchone()
        return row[0] if row else None


def _zone_by_day(tick: datetime) -> str:
    """Return a zone in which a tick is far from midnight, so that the local date stays the same."""
    zones = ("Europe/Berlin", "America/New_York", "Asia/Tokyo")
    return next(zone for zone in zones if 2 <= tick.astimezone(ZoneInfo(zone)).hour < 22)


def _told(text: str, name: str) -> str:
    """Return what a line that begins with a name says."""
    found = re.search(rf"^{name}\s+(\S+)$", text, re.MULTILINE)
    if found is None:
        raise StepFailed(f"no {name} in: {text}")
    return found.group(1)


def _started_by(run: Run) -> str:
    """Return the sensor or schedule that started a run; empty = a person."""
    return run.tags.get("dagster/sensor_name") or run.tags.get("dagster/schedule_name") or ""


if __name__ == "__main__":
    sys.exit(main())
