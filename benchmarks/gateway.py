"""Measure the gateway: verified, deduplicated and committed, against its rivals in one run.

Every measurement has one server process and one process that makes the load. Rounds alternate the
order of the servers, so that noise of the machine hits all; the median round counts.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, Final

import httpx
import psycopg

from benchmarks import report
from resources.saleor import SALEOR
from schemabase_dagster import database, tenancy, webhooks
from schemabase_dagster.settings import ROOT
from schemabase_dagster.webhooks import Created

CONNECTIONS: Final = 64
BODY_BYTES: Final = 1024
WARM_SECONDS: Final = 1.0
PORT: Final = 18480
SERVERS: Final = ("no_store", "gateway", "one_insert")

Say = Callable[[str], None]


def measure(url: str, *, rounds: int, seconds: float, say: Say) -> list[report.Row]:
    """Measure on a migrated database.

    Args:
        url: the database; ``DATABASE_URL`` names it.
        rounds: how often every server is measured.
        seconds: length of the load in a round.
        say: takes a line about the progress.
    """
    created = prepare()
    results: dict[str, list[float]] = {name: [] for name in SERVERS}
    for number in range(rounds):
        for name in SERVERS[:: 1 if number % 2 == 0 else -1]:
            empty(url)
            with serving(name, created):
                load(created, seconds=WARM_SECONDS, connections=CONNECTIONS)
                found = load(created, seconds=seconds, connections=CONNECTIONS)
            results[name].append(found["per_second"])
            say(
                f"gateway, round {number + 1}: {name} {found['per_second']:,.0f} requests/s, "
                f"p99 {found['p99_ms']:.0f} ms"
            )
    rate = {name: median(found) for name, found in results.items()}
    work = f"gateway, verified + deduplicated + committed, {CONNECTIONS} connections"
    return [
        report.ratio(
            work,
            "the same app without storing",
            rate["gateway"] / rate["no_store"],
            must=0.45,
            aim=0.65,
            cost="the insert and its commit share two cores with the server and the load.",
        ),
        report.ratio(
            work,
            "one INSERT + COMMIT per request",
            rate["gateway"] / rate["one_insert"],
            must=2.5,
            aim=4,
            cost="most of a request is HTTP and its signature, which the rival pays, too.",
        ),
    ]


def prepare() -> Created:
    """Make a tenant with an endpoint whose rate is not limited."""
    with database.transaction() as conn:
        tenant = tenancy.add_tenant(conn, "bench", "Bench")
        config = {"api_url": "http://localhost:9/graphql/"}
        app = tenancy.add_app(conn, tenant, SALEOR, "shop", config, {"token": "t" * 30})
        created = webhooks.create_endpoint(conn, app, {"scheme": "hmac", "header": "X-Signature"})
        conn.execute("UPDATE platform.webhook_endpoint SET rate_per_minute = 1000000000")
    return created


def empty(url: str) -> None:
    """Remove all deliveries."""
    with psycopg.connect(database.conninfo(url), autocommit=True) as conn:
        conn.execute("TRUNCATE platform.webhook_inbox, platform.webhook_dedupe")


@contextmanager
def serving(name: str, created: Created) -> Iterator[int]:
    """Run a server of ``SERVERS`` for the block and yield its process id."""
    module = ["webhook_gateway", "--port"] if name == "gateway" else _rival(name)
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *module, str(PORT)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=log,
        )
        try:
            if process.stdin is not None:
                process.stdin.write(f"{created.secret}\n".encode())
                process.stdin.close()
            _await_answer(process)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _rival(name: str) -> list[str]:
    return ["benchmarks.gateway_rivals", name]


def _await_answer(process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < end:
        try:
            httpx.get(f"http://127.0.0.1:{PORT}/healthz", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server did not start")


def load(created: Created, **plan: float) -> Any:
    """Load an endpoint from a process of its own, see ``benchmarks.http_load``.

    Raises:
        RuntimeError: an answer was not 200.
    """
    address = {
        "host": "127.0.0.1",
        "port": PORT,
        "path": f"/v1/webhooks/{created.provider}/{created.endpoint_id}",
        "secret": created.secret,
        "body_bytes": BODY_BYTES,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_load"],
        cwd=ROOT,
        input=json.dumps(address | plan),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    if result["statuses"].keys() != {"200"}:
        raise RuntimeError(f"not all answers were 200: {result['statuses']}")
    return result
