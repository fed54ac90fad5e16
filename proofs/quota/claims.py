"""What is claimed about a story, what was measured, and whether it holds."""

from collections.abc import Iterator
from typing import Final

from proofs.claims import Claim
from proofs.quota.play import DAY, STREAM, WEBHOOK_CALLS, Story
from resources.zoho.client import IDS_IN_FILTER, PROOF_SAMPLE
from resources.zoho.listing import SMALLEST_PAGE

TEN_MINUTES: Final = 600.0
FIVE_MINUTES: Final = 300.0
IN_FLIGHT: Final = 6
"""Detail calls that may be ahead of an older one when the calls of the day run out."""

CALLS_PER_CHANGE: Final = 1.1
ESTIMATE_ERROR: Final = 0.15
WEBHOOK_SHARE: Final = 0.1


def judge(story: Story) -> list[Claim]:
    """Return the claims in the order in which they are shown."""
    return [
        *_coverage(story),
        _new_orders(story),
        *_estimate(story),
        *_calls(story),
        *_reserve(story),
        *_deletes(story),
    ]


def _coverage(story: Story) -> Iterator[Claim]:
    budget = TEN_MINUTES / 60 * story.plan.per_minute
    done = story.week_at is not None
    yield Claim(
        "newest first: orders landed out of turn when the first day's calls are used up",
        f"{story.out_of_order} (at most {IN_FLIGHT}, the calls in flight)",
        story.out_of_order <= IN_FLIGHT,
    )
    yield Claim(
        f"the last 7 days ({story.week_size} orders) are in analytics within 10 minutes' budget",
        f"{(story.week_at or 0) / 60:.1f} min, {story.week_calls} of {budget:.0f} calls",
        done and (story.week_at or 0) <= TEN_MINUTES and story.week_calls <= budget,
        is_timed=True,
    )
    red = [run for run in story.runs if not run.is_green]
    partial = [run for run in story.runs if run.metadata.get(f"raw/{STREAM}", {}).get("partial")]
    yield Claim(
        "a run that ends for time or quota is green and partial",
        f"{len(story.runs)} runs, {len(partial)} partial, {len(red)} red, "
        f"{sum(len(run.retries) for run in story.runs)} steps tried again",
        bool(partial) and not red,
    )


def _new_orders(story: Story) -> Claim:
    waits = [(each.arrived_at or float("inf")) - each.placed_at for each in story.placed]
    waits.sort()
    middle = waits[len(waits) // 2] if waits else 0.0
    return Claim(
        "new orders are in analytics within 5 minutes while the back-fill lasts",
        f"{len(waits)} orders, median {middle:.0f} s, longest {max(waits, default=0):.0f} s",
        bool(waits) and waits[-1] < FIVE_MINUTES,
        is_timed=True,
    )


def _estimate(story: Story) -> Iterator[Claim]:
    yield Claim(
        "an estimate is in `schemabase status` and in the UI",
        f"UI {(story.ui_estimate_minutes or 0) / 1440:.1f} days; status: {story.status_line!r}",
        story.ui_estimate_minutes is not None and "left" in story.status_line,
    )
    if story.ui_estimate_minutes is None:
        return
    took = (story.ended_at - story.estimated_at) / DAY
    told = story.ui_estimate_minutes / 1440
    rest = "nothing" if story.finished_at is not None else f"{story.left_days:.1f} days"
    yield Claim(
        "the estimate of the first day is right within 15 %",
        f"told {told:.1f} days; after {took:.1f} days {rest} was left",
        abs(told - took - story.left_days) <= ESTIMATE_ERROR * told,
        is_timed=True,
    )


def _calls(story: Story) -> Iterator[Claim]:
    told = [run.metadata.get(f"raw/{STREAM}", {}) for run in story.runs]
    busy = [each for each in told if each.get("changed")]
    calls = sum(int(each["api_calls"]) for each in busy)
    changed = sum(int(each["changed"]) for each in busy)
    yield Claim(
        "at most 1.1 calls per changed sales order",
        f"{calls} calls for {changed} orders = {calls / max(changed, 1):.3f}",
        bool(changed) and calls <= CALLS_PER_CHANGE * changed,
    )
    idle = [run for run in story.runs if run.is_idle]
    most = max((run.calls / len(run.streams) for run in idle), default=0.0)
    yield Claim(
        "at most 1 call per idle stream and run",
        f"{len(idle)} idle runs, at most {most:.2f}",
        bool(idle) and most <= 1,
    )


def _reserve(story: Story) -> Iterator[Claim]:
    lanes = story.lanes
    yield Claim(
        "the reserve for webhooks is untouched by pulls",
        f"webhook lane {lanes.get('webhook', 0)} calls, all our {WEBHOOK_CALLS} at the end of the "
        f"first day's calls, answered in {story.webhook_seconds:.0f} s",
        lanes.get("webhook", 0) == WEBHOOK_CALLS,
    )
    yield Claim(
        "the stand-in refused nothing, wherever its midnight lies",
        f"{story.standin_calls} calls, {story.standin_refused} answers 429",
        story.standin_refused == 0 and story.standin_calls > 0,
    )


def _deletes(story: Story) -> Iterator[Claim]:
    if story.finished_at is None:
        return
    pages = story.plan.size / SMALLEST_PAGE + 10
    proofs = PROOF_SAMPLE + story.vanished / (IDS_IN_FILTER - 1) + 2
    yield Claim(
        f"{story.vanished} deleted orders are proved by lists of 199 and a sample of 20",
        f"{story.deleted} found with {story.delete_calls} calls, the whole listing among them",
        story.deleted == story.vanished and story.delete_calls <= pages + proofs,
    )
