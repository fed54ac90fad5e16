"""What ``make fairness`` claims of a story, and what changes meanwhile."""

from collections import Counter

import pytest

from proofs.fairness.play import Plan, Story
from proofs.fairness.report import judge
from proofs.fairness.tenants import GIANT, LOCKED, STREAMS, TIMES
from proofs.fairness.traffic import planned
from proofs.fairness.watch import Ran, Seen

PLAN = Plan()


def _seen(name: str, p95: float, *, fewest: int = PLAN.rounds) -> Seen:
    runs = [Ran(LOCKED, system, "FAILURE", 1.0, 1.0) for system in STREAMS]
    return Seen(name, ages=[p95] * 40, ages_of_data=[p95] * 40, fewest=fewest, runs=runs)


def _broken(alone: Seen, beside: Seen) -> list[str]:
    quota = {"over_the_minute": 3, "over_the_day": 1}
    story = Story(PLAN, alone, beside, **quota, landed=9000, landed_ordinary=100, refused=2)
    return [each.claim.partition(" ")[0] for each in judge(story) if not each.holds]


@pytest.mark.parametrize(
    ("beside", "broken"), [(300.0, []), (360.0, []), (361.0, ["freshness", "so"])]
)
def test_freshness_may_grow_by_a_fifth(beside: float, broken: list[str]):
    assert _broken(_seen("alone", 300.0), _seen("beside", beside)) == broken


def test_a_machine_without_room_proves_nothing():
    full = _seen("alone", 300.0, fewest=PLAN.rounds - 1)

    assert _broken(full, _seen("beside", 300.0)) == ["the"]


def test_a_hundred_times_as_much_changes_at_the_giant():
    changes = planned(["one", "two"], with_giant=True, seconds=60, rounds=2)

    changed = Counter[str]()
    for each in changes:
        changed[each.merchant] += each.orders
    assert changed[GIANT] == TIMES * changed["one"] == TIMES * changed["two"]
    assert [each.second for each in changes] == sorted(each.second for each in changes)
    assert max(each.second for each in changes) < 120
