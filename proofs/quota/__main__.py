"""Fill a large Zoho account within its quota and prove what people may expect meanwhile.

``python -m proofs.quota`` starts a PostgreSQL and a stand-in of their own and plays the days of an
account of 20,000 orders at 100 calls a minute and 2,000 a day, with the real sensor, job, assets
and client, on a simulated clock (``proofs/quota/clock.py``).
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from assets import registry
from proofs.claims import show_claims
from proofs.quota.claims import judge
from proofs.quota.play import MERCHANT, Plan, Play, connect
from proofs.quota.show import Minutes, show_orders
from schemabase_dagster import database
from schemabase_dagster.embedded import EmbeddedServer
from schemabase_dagster.settings import ROOT, forget_settings
from schemabase_dagster.stack.standins import control
from schemabase_dagster.vault import generate_key

START_SECONDS = 60.0


def main() -> int:
    """Play, print, and return 1 when a claim does not hold."""
    plan = Plan()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=plan.size, help="sales orders")
    parser.add_argument("--days", type=int, default=plan.days, help="most days to play")
    options = parser.parse_args()
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="schemabase-quota-") as name:
        folder = Path(name)
        plan = replace(plan, size=options.size, days=options.days)
        with _database(folder), _stand_in(folder, plan) as info:
            ask = partial(control, info)
            connect(ask, info, plan)
            minutes = Minutes()
            play = Play(ask, plan, minutes.add, minutes.tell)
            story = play.run()
    minutes.flush()
    show_orders(story)
    claims = judge(story)
    show_claims(claims)
    print(f"{time.monotonic() - began:.0f} s in all")
    return int(not all(claim.holds for claim in claims))


@contextmanager
def _database(folder: Path) -> Iterator[None]:
    # Disk waits would be shown as many times as long; a lost commit is not what is proved here.
    server = EmbeddedServer(folder, {"synchronous_commit": "off"})
    os.environ["DATABASE_URL"] = server.start()
    os.environ["SCHEMABASE_KEYS"] = generate_key()
    os.environ["SCHEMABASE_STATE_DIR"] = str(folder / "state")
    forget_settings()
    try:
        database.migrate(streams=list(registry.streams().values()))
        yield
    finally:
        database.close_pools()
        server.stop()


@contextmanager
def _stand_in(folder: Path, plan: Plan) -> Iterator[dict[str, Any]]:
    info = folder / "stand-in.json"
    command = [sys.executable, "-m", "sandbox", "--merchants", MERCHANT, "--info", str(info),
               "--size", str(plan.size), "--clock-scale", str(plan.scale)]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + START_SECONDS
        while not info.exists():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the stand-in did not start")
            time.sleep(0.05)
        yield json.loads(info.read_text(encoding="utf-8"))
    finally:
        process.terminate()
        process.wait(20)


if __name__ == "__main__":
    sys.exit(main())
