"""Measure the gateway: verified, deduplicated and committed, against its rivals in one run.

``python -m benchmarks.gateway`` starts a PostgreSQL of its own with full durability, and per
measurement one server process and one process that makes the load. Rounds alternate between the
servers, so that noise of the machine hits all; the median round counts.
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
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
import psycopg

from resources.saleor import SALEOR
from schemabase_dagster import database, tenancy, webhooks
from schemabase_dagster.embedded import EmbeddedServer
from schemabase_dagster.settings import ROOT, forget_settings
from schemabase_dagster.vault import generate_key
from schemabase_dagster.webhooks import Created

CONNECTIONS: Final = 64
BODY_BYTES: Final = 1024
WARM_SECONDS: Final = 1.0
PORT: Final = 18480
SERVERS: Final = ("plain", "no_store", "gateway", "one_insert")
DURABILITY: Final = ("fsync", "synchronous_commit", "full_page_writes", "wal_sync_method")


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: our rate and the rival's, requests per second, and the ratios wanted."""

    work: str
    rival: str
    ours: float
    theirs: float
    must: float
    aim: float

    @property
    def ratio(self) -> float:
        """Our rate in units of the rival's."""
        return self.ours / self.theirs


def measure(url: str, *, rounds: int, seconds: float) -> tuple[list[Row], dict[str, list[Any]]]:
    """Measure on a migrated database; returns the rows and all rounds by server."""
    created = _prepare(url)
    results: dict[str, list[Any]] = {name: [] for name in SERVERS}
    for _ in range(rounds):
        for name in SERVERS:
            with psycopg.connect(database.conninfo(url), autocommit=True) as conn:
                conn.execute("TRUNCATE platform.webhook_inbox, platform.webhook_dedupe")
            with _serving(name, created):
                _load(created, WARM_SECONDS)
                results[name].append(_load(created, seconds))
    rate = {name: median(each["per_second"] for each in found) for name, found in results.items()}
    work = f"gateway, verified + deduplicated + committed, {CONNECTIONS} connections"
    rows = [
        Row(work, "the same app without storing", rate["gateway"], rate["no_store"], 0.45, 0.65),
        Row(work, "one INSERT + COMMIT per request", rate["gateway"], rate["one_insert"], 2.5, 4),
        Row(work, "barest verifying Starlette app", rate["gateway"], rate["plain"], 0.45, 0.65),
    ]
    return rows, results


def main() -> int:
    """Print the comparisons; return 1 when one misses what it must reach."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    with _database() as url:
        print(", ".join(f"{name}={value}" for name, value in _durability(url).items()))
        rows, results = measure(url, rounds=options.rounds, seconds=options.seconds)
    for name, found in results.items():
        rates = " ".join(f"{each['per_second']:7,.0f}" for each in found)
        slowest = median(each["p99_ms"] for each in found)
        print(f"{name:<11} {rates} requests/s, p99 {slowest:5.1f} ms")
    for row in rows:
        verdict = "ok" if row.ratio >= row.must else "MISSED"
        print(f"{row.ratio:5.2f} x {row.rival} (must {row.must}, aim {row.aim}): {verdict}")
    return int(any(row.ratio < row.must for row in rows))


def _prepare(url: str) -> Created:
    os.environ["DATABASE_URL"] = url
    os.environ["SCHEMABASE_KEYS"] = generate_key()
    forget_settings()
    database.migrate(url)
    with psycopg.connect(database.conninfo(url)) as conn:
        tenant = tenancy.add_tenant(conn, "bench", "Bench")
        config = {"api_url": "http://localhost:9/graphql/"}
        app = tenancy.add_app(conn, tenant, SALEOR, "shop", config, {"token": "t" * 30})
        created = webhooks.create_endpoint(conn, app, {"scheme": "hmac", "header": "X-Signature"})
        conn.execute("UPDATE platform.webhook_endpoint SET rate_per_minute = 1000000000")
    return created


@contextmanager
def _serving(name: str, created: Created) -> Iterator[None]:
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
            yield
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


def _load(created: Created, seconds: float) -> Any:
    plan = {
        "host": "127.0.0.1",
        "port": PORT,
        "path": f"/v1/webhooks/{created.provider}/{created.endpoint_id}",
        "secret": created.secret,
        "body_bytes": BODY_BYTES,
        "seconds": seconds,
        "connections": CONNECTIONS,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.http_load"],
        cwd=ROOT,
        input=json.dumps(plan),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    if result["statuses"].keys() != {"200"}:
        raise RuntimeError(f"not all answers were 200: {result['statuses']}")
    return result


@contextmanager
def _database() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="schemabase-bench-") as folder:
        server = EmbeddedServer(Path(folder))
        url = server.start()
        try:
            yield url
        finally:
            database.close_pools()
            server.stop()


def _durability(url: str) -> dict[str, str]:
    with psycopg.connect(database.conninfo(url)) as conn:
        rows = conn.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", (list(DURABILITY),)
        )
        return dict(rows.fetchall())


if __name__ == "__main__":
    sys.exit(main())
