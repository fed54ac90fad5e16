"""``make bench``: pull and gateway against their rivals, and every view, with a closing table.

Exits 1 when a row misses what it must reach. The table of ``docs/performance.md`` is one such run.
"""

import argparse
import sys
import time
from typing import Final

from benchmarks import databases, gateway, gateway_load, growth, pull, report, views

PARTS: Final = ("pull", "gateway", "load", "growth", "views")
USUAL: Final = ("pull", "gateway", "load")


def main() -> int:
    """Measure and print; return the exit status."""
    options = _parser().parse_args()
    started = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {line}", flush=True)

    rows: list[report.Row] = []
    with databases.running() as url:
        print(", ".join(f"{name}={value}" for name, value in databases.durability(url).items()))
        if "pull" in options.only:
            rows += pull.measure(url, size=options.size, rounds=options.rounds, say=say)
        if "growth" in options.only:
            rows += growth.measure(url, say=say)
        if "gateway" in options.only:
            with databases.fresh(url) as copied:
                rows += gateway.measure(
                    copied, rounds=options.rounds + 1, seconds=options.seconds, say=say
                )
        if "load" in options.only:
            with databases.fresh(url) as copied:
                rows += gateway_load.measure(copied, say=say)
        if "views" in options.only:
            with databases.fresh(url) as copied:
                rows += views.measure(copied, orders=options.orders, say=say)
    report.show(rows)
    return int(any(row.reached == "missed" for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=USUAL, help="parts to measure")
    parser.add_argument("--size", type=int, default=50_000, help="sales orders of the source")
    parser.add_argument("--orders", type=int, default=200_000, help="orders behind the views")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of every pull")
    parser.add_argument("--seconds", type=float, default=5, help="load on a gateway per round")
    return parser


if __name__ == "__main__":
    sys.exit(main())
