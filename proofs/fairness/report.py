"""What is claimed of a story, and the closing tables."""

from statistics import mean, median
from typing import Final

from rich.console import Console
from rich.table import Table

from proofs.claims import WIDTH, Claim
from proofs.fairness.play import Story
from proofs.fairness.tenants import DRAINED, GIANT, LOCKED, STREAMS, TIMES
from proofs.fairness.watch import Ran, Seen, p95

MOST: Final = 1.2


def judge(story: Story) -> list[Claim]:
    """Return the claims in the order in which they are shown."""
    plan, alone, beside = story.plan, story.alone, story.beside
    of_ages = p95(beside.ages) / p95(alone.ages)
    of_data = p95(beside.ages_of_data) / p95(alone.ages_of_data)
    return [
        Claim(
            f"freshness p95 of the ordinary tenants stays within {MOST} x of a run without the "
            "three in trouble",
            f"{p95(beside.ages):.0f} s / {p95(alone.ages):.0f} s = {of_ages:.2f}",
            of_ages <= MOST,
        ),
        Claim(
            "so does the age of what they read: since the latest complete sync began",
            f"{p95(beside.ages_of_data):.0f} s / {p95(alone.ages_of_data):.0f} s = {of_data:.2f}",
            of_data <= MOST,
        ),
        Claim(
            "the machine has room: alone, every stream is synced at every time of the cron",
            f"at least {alone.fewest} of {plan.rounds} (beside the three: {beside.fewest})",
            alone.fewest >= plan.rounds,
        ),
        Claim(
            "no sync of an ordinary tenant fails",
            f"{alone.failed} alone, {beside.failed} beside the three",
            alone.failed + beside.failed == 0,
        ),
        Claim(
            f"{DRAINED} was at its quota, of the minute and of the day",
            f"{story.over_the_minute} and {story.over_the_day} of its calls answered 429",
            min(story.over_the_minute, story.over_the_day) > 0,
        ),
        Claim(
            f"{GIANT} brought more than {TIMES // 10} times the records of an ordinary tenant",
            f"{story.landed} / {story.landed_ordinary}",
            story.landed > TIMES / 10 * story.landed_ordinary,
        ),
        Claim(
            f"{LOCKED} was tried once and then left alone",
            f"{_count(beside, LOCKED)} runs, {story.refused} apps left alone",
            story.refused == _count(beside, LOCKED) == len(STREAMS),
        ),
    ]


def show(story: Story) -> None:
    """Print what was seen."""
    console = Console(width=WIDTH)
    console.print(_ages(story))
    console.print(_work(story))


def _ages(story: Story) -> Table:
    table = Table(title="Age of the ordinary tenants' streams, seconds", title_justify="left")
    for column in ("phase", "looks", "median", "p95", "oldest", "p95 of what was read"):
        table.add_column(column, justify="left" if column == "phase" else "right")
    for seen in (story.alone, story.beside):
        numbers = (median(seen.ages), p95(seen.ages), max(seen.ages), p95(seen.ages_of_data))
        table.add_row(seen.name, str(len(seen.ages)), *(f"{each:.0f}" for each in numbers))
    return table


def _work(story: Story) -> Table:
    """Tell what the runs of whom took; those under way at the end count as they are."""
    table = Table(title="Pulls, seconds", title_justify="left")
    for column in (
        "phase",
        "tenant",
        "runs",
        "in queue",
        "longest",
        "at work",
        "longest",
        "in all",
    ):
        table.add_column(column, justify="left" if column in {"phase", "tenant"} else "right")
    for seen in (story.alone, story.beside):
        for name, runs in _by_kind(seen).items():
            waited, took = [run.waited for run in runs], [run.took for run in runs]
            numbers = (mean(waited), max(waited), mean(took), max(took), sum(took))
            table.add_row(seen.name, name, str(len(runs)), *(f"{each:.0f}" for each in numbers))
    return table


def _by_kind(seen: Seen) -> dict[str, list[Ran]]:
    kinds: dict[str, list[Ran]] = {}
    for run in sorted(seen.runs, key=lambda each: (each.tenant, each.system)):
        kind = (
            f"{run.tenant} {run.system}" if run.tenant in {DRAINED, GIANT, LOCKED} else "ordinary"
        )
        kinds.setdefault(kind, []).append(run)
    return kinds


def _count(seen: Seen, tenant: str) -> int:
    return sum(run.tenant == tenant for run in seen.runs)
