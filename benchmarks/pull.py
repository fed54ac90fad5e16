"""Measure the pull: raw and core, raw alone, nothing changed, memory; against dlt and plain COPY.

Every side runs in a process of its own, on a database of its own, and reads the same rendered
pages over HTTP. Rounds alternate the order of the sides; the median round counts.
"""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from statistics import median
from typing import Any, Final

from benchmarks import databases, report, source
from resources.zoho import ZOHO
from schemabase_dagster import database, tenancy
from schemabase_dagster.settings import ROOT
from schemabase_dagster.stack.standins import app_settings

SMALL_SHARE: Final = 5
"""The memory of a pull is compared with one of a fifth of the size."""
FLAT: Final = 1.15
MOST_MIB: Final = 300

WHOLE_COST: Final = (
    "an order becomes about eight rows with some twenty index entries and ten foreign-key checks; "
    "mapping and deciding its fields in Python is about a third of the time."
)
RAW_COST: Final = (
    "Postgres parses the payload to jsonb, and one Python process parses, sorts and hashes it; "
    "with the source, the two cores are busy."
)
READ_COST: Final = (
    "every payload of 4.4 kB is parsed, sorted and hashed in one Python process; Postgres is idle."
)

Seconds = dict[str, list[float]]
Say = Callable[[str], None]


def measure(url: str, *, size: int, rounds: int, say: Say) -> list[report.Row]:
    """Measure on copies of a migrated database.

    Args:
        url: the migrated database.
        size: sales orders of the source, with three lines each.
        rounds: how often every side is measured; dlt's defaults once.
        say: takes a line about the progress.
    """
    results: Seconds = defaultdict(list)
    with source.serving(size) as merchant:
        for number in range(rounds):
            sides = [ours, _fast_dlt, _copy][:: 1 if number % 2 == 0 else -1]
            for side in [*sides, *([_default_dlt] if number == 0 else [])]:
                for name, value in side(url, merchant, size):
                    results[name].append(value)
                    say(f"pull, round {number + 1}: {name} {said(name, value, size)}")
    small = size // SMALL_SHARE
    with source.serving(small) as merchant:
        for name, value in ours(url, merchant, small):
            results[f"small {name}"].append(value)
    found = {name: median(values) for name, values in results.items()}
    return [*_speed_rows(found, size), _memory_row(found, size, small)]


def said(name: str, value: float, size: int) -> str:
    """Return a measured value for people."""
    return f"{value:.0f} MiB" if name == "memory" else f"{value:.1f} s, {size / value:,.0f}/s"


def ours(url: str, merchant: Mapping[str, Any], size: int) -> Iterator[tuple[str, float]]:
    """Pull everything twice on a fresh database; yield seconds, and MiB as ``memory``."""
    with databases.fresh(url):
        plan = {"merchant": merchant, "tenant": _connect(merchant)}
        first = _run("ours", plan)
        _expect(first, {"read": size, "landed": size, "merged": size})
        again = _run("ours", plan)
        _expect(again, {"read": size, "landed": 0, "merged": 0})
    yield "raw and core", first["seconds"]
    yield "raw", first["landing"]
    yield "unchanged", again["seconds"]
    yield "memory", max(first["peak_mib"], again["peak_mib"])


def _fast_dlt(url: str, merchant: Mapping[str, Any], size: int) -> Iterator[tuple[str, float]]:
    return _dlt(url, merchant, size, fast=True)


def _default_dlt(url: str, merchant: Mapping[str, Any], size: int) -> Iterator[tuple[str, float]]:
    return _dlt(url, merchant, size, fast=False)


def _dlt(
    url: str, merchant: Mapping[str, Any], size: int, *, fast: bool
) -> Iterator[tuple[str, float]]:
    kind = "dlt" if fast else "dlt by default"
    with databases.fresh(url), tempfile.TemporaryDirectory() as folder:
        plan = {"merchant": merchant, "folder": folder, "fast": fast}
        for name in (kind, f"{kind}, unchanged"):
            result = _run("dlt", plan)
            _expect(result, {"read": size})
            yield name, result["seconds"]


def _copy(url: str, merchant: Mapping[str, Any], size: int) -> Iterator[tuple[str, float]]:
    for kind, fast in (("plain COPY", True), ("plain COPY, compressed", False)):
        with databases.fresh(url):
            result = _run("copy", {"merchant": merchant, "fast": fast})
        _expect(result, {"read": size})
        yield kind, result["seconds"]


def _connect(merchant: Mapping[str, Any]) -> str:
    """Make the tenant and its app; return the tenant's slug."""
    config, credentials = app_settings(source.MERCHANT, merchant)["zoho"]
    with database.transaction() as conn:
        tenant = tenancy.add_tenant(conn, source.MERCHANT, "Bench")
        streams = ["zoho_sales_orders"]
        tenancy.add_app(conn, tenant, ZOHO, "books", config, credentials, streams)
    return tenant.slug


def _run(side: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pull_sides", side],
        cwd=ROOT,
        input=json.dumps(plan),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _expect(result: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to compare the times of sides that did not do the same work."""
    got = {name: result[name] for name in wanted}
    if got != wanted:
        raise RuntimeError(f"the side did {got} instead of {wanted}")


def _speed_rows(found: Mapping[str, float], size: int) -> list[report.Row]:
    first = f"first pull of {size:,} orders, raw and core"
    rows = []
    for rival in ("dlt", "dlt by default"):
        whole = found[rival] / found["raw and core"]
        landing = found[rival] / found["raw"]
        again = found[f"{rival}, unchanged"] / found["unchanged"]
        rows += [
            report.ratio(first, rival, whole, must=1.5, aim=2, cost=WHOLE_COST),
            report.ratio("landing in raw alone", rival, landing, must=4, aim=6, cost=RAW_COST),
            report.ratio("the same again, unchanged", rival, again, must=6, aim=10, cost=READ_COST),
        ]
    for rival in ("plain COPY", "plain COPY, compressed"):
        share = found[rival] / found["raw"]
        rows.append(report.ratio("landing in raw", rival, share, must=0.35, aim=0.6, cost=RAW_COST))
    return rows


def _memory_row(found: Mapping[str, float], size: int, small: int) -> report.Row:
    large, less = found["memory"], found["small memory"]
    reached = "missed" if large > FLAT * less else "aim" if large < MOST_MIB else "must"
    return report.Row(
        "peak memory of a pull",
        f"{small:,} orders",
        f"{large:.0f} MiB at {size:,}, {less:.0f} MiB at {small:,}",
        "flat",
        f"< {MOST_MIB} MiB",
        reached,
    )
