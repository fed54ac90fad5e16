"""Measure the gateway under the load of a busy day: its times at a steady rate, and its memory."""

from typing import Any, Final

from benchmarks import report
from benchmarks.gateway import CONNECTIONS, WARM_SECONDS, Say, empty, load, prepare, serving
from tests.support.memory import resident_bytes

PER_SECOND: Final = 200
SECONDS: Final = 60.0
P99_MS: Final = 50.0
AIM_MS: Final = 25.0

REQUESTS: Final = (20_000, 200_000)
FLAT: Final = 1.15
"""The memory after the larger number may be so many times that after the smaller one."""

MIB: Final = 1024 * 1024


def measure(url: str, *, seconds: float = SECONDS, say: Say) -> list[report.Row]:
    """Measure on a migrated database.

    Args:
        url: the database; ``DATABASE_URL`` names it.
        seconds: length of the steady load.
        say: takes a line about the progress.
    """
    plan = prepare()
    empty(url)
    with serving("gateway", plan):
        load(plan, seconds=WARM_SECONDS, connections=CONNECTIONS)
        steady = load(plan, seconds=seconds, per_second=PER_SECOND)
    say(
        f"load: {steady['requests']:,} requests at {PER_SECOND}/s, p50 {steady['p50_ms']:.1f} ms, "
        f"p99 {steady['p99_ms']:.1f} ms, most {steady['most_ms']:.0f} ms; "
        f"the generator was late by {steady['late_ms']:.0f} ms at most"
    )
    empty(url)
    found = []
    with serving("gateway", plan) as pid:
        sent = 0
        for wanted in REQUESTS:
            load(plan, requests=wanted - sent, connections=CONNECTIONS)
            sent = wanted
            found.append(resident_bytes(pid) / MIB)
            say(f"load: {found[-1]:.1f} MiB after {wanted:,} requests")
    return [_times(steady), _memory(found[0], found[1])]


def _times(steady: dict[str, Any]) -> report.Row:
    p99 = steady["p99_ms"]
    return report.Row(
        f"gateway, {steady['requests']:,} requests at {PER_SECOND}/s: p99 from the planned time",
        "an open loop",
        f"{p99:.1f} ms",
        f"< {P99_MS:.0f} ms",
        f"< {AIM_MS:.0f} ms",
        "aim" if p99 < AIM_MS else "must" if p99 < P99_MS else "missed",
    )


def _memory(less: float, more: float) -> report.Row:
    small, large = REQUESTS
    ratio = more / less
    return report.Row(
        f"gateway: memory after {large:,} requests",
        f"after {small:,}",
        f"{ratio:.2f} x ({more:.0f} MiB)",
        f"< {FLAT:g} x",
        "flat",
        "missed" if ratio > FLAT else "aim" if ratio < (1 + FLAT) / 2 else "must",
    )
