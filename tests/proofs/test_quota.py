"""The short form of ``make quota``: a small account, a small quota, a few days."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from proofs.quota.claims import judge
from proofs.quota.play import MERCHANT, Plan, Play, connect
from sandbox.runner import Sandbox
from schemabase_dagster.stack.standins import control

PLAN = Plan(
    size=400,
    per_day=500,
    scale=60.0,
    fast_scale=60.0,
    watched_hours=0.15,
    order_every_seconds=180.0,
    days=4,
    deleted_share=0.04,
)


@pytest.fixture
def stand_in() -> Iterator[dict[str, Any]]:
    """Stand-in of one merchant with a clock of its own."""
    with Sandbox(size=PLAN.size, merchants=(MERCHANT,), clock_scale=PLAN.scale) as running:
        yield running.info


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("postgres")
def test_a_back_fill_over_days_keeps_every_promise(stand_in: dict[str, Any]):
    ask = partial(control, stand_in)
    connect(ask, stand_in, PLAN)

    story = Play(ask, PLAN, lambda _minute: None, lambda _line: None).run()

    assert story.finished_at is not None
    broken = [claim for claim in judge(story) if not claim.holds and not claim.is_timed]
    assert [f"{claim.claim}: {claim.measured}" for claim in broken] == []
