"""Measure how a pull grows with its source: its peak memory stays flat, its time is linear."""

from collections.abc import Sequence
from typing import Final

from benchmarks import pull, report, source

SIZES: Final = (50_000, 200_000)
LINEAR: Final = 1.15
"""The time of one order at the larger size may be so many times that at the smaller one."""


def measure(url: str, *, sizes: Sequence[int] = SIZES, say: pull.Say) -> list[report.Row]:
    """Pull sources of two sizes into copies of a migrated database.

    Args:
        url: the migrated database.
        sizes: sales orders of the smaller and of the larger source.
        say: takes a line about the progress.
    """
    found: list[dict[str, float]] = []
    for size in sizes:
        with source.serving(size) as merchant:
            found.append(dict(pull.ours(url, merchant, size)))
        for name, value in found[-1].items():
            say(f"growth, {size:,} orders: {name} {pull.said(name, value, size)}")
    small, large = sizes
    times = found[1]["raw and core"] / large / (found[0]["raw and core"] / small)
    memory = found[1]["memory"]
    title = f"pull of {large:,} orders"
    return [
        report.Row(
            f"{title}: time of one order",
            f"{small:,} orders",
            f"{times:.2f} x",
            f"{LINEAR:.2f} x",
            "linear",
            "missed" if times > LINEAR else "must" if times > 1 else "aim",
        ),
        report.Row(
            f"{title}: peak memory",
            f"{small:,} orders",
            f"{memory:.0f} MiB, {found[0]['memory']:.0f} MiB at {small:,}",
            f"< {pull.MOST_MIB} MiB",
            "flat",
            "missed" if memory >= pull.MOST_MIB else "must",
        ),
    ]
