"""The shared budget: never over the provider's limit, never a pull in the webhooks' share."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.budget import DAY_SECONDS, PERIOD_SECONDS, Admitted, Denied, Limits, Window, decide
from schemabase_dagster.streams import Lane

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LIMITS = Limits(calls_per_minute=90, calls_per_day=2000, concurrency=4)


class Account:
    """Windows of one account under a clock that only moves when told to."""

    def __init__(self, limits: Limits = LIMITS, scale: float = 1.0) -> None:
        self.limits, self.scale = limits, scale
        self.minute, self.day = Window(START, {}), Window(START, {})
        self.now = START

    def ask(self, lane: Lane) -> Admitted | Denied:
        verdict = decide(self.limits, self.minute, self.day, lane, now=self.now, scale=self.scale)
        if isinstance(verdict, Admitted):
            self.minute, self.day = verdict.minute, verdict.day
        return verdict

    def drain(self, lane: Lane) -> int:
        """Call until refused; return how often."""
        count = 0
        while isinstance(self.ask(lane), Admitted):
            count += 1
        return count

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@given(st.lists(st.tuples(st.sampled_from(["webhook", "head", "backfill"]), st.floats(0, 20))))
def test_no_sixty_seconds_see_more_than_a_hundred_calls(steps: list[tuple[Lane, float]]):
    account, made = Account(), []

    for lane, pause in steps:
        made += [account.now] * account.drain(lane)
        account.wait(pause)

    window = timedelta(seconds=60)
    assert all(sum(start <= at < start + window for at in made) <= 100 for start in made)


def test_a_rested_account_calls_at_the_steady_rate():
    account = Account()

    made = 0
    for _ in range(600):
        made += account.drain("head")
        account.wait(1)

    assert 890 <= made <= 908


def test_a_webhook_is_admitted_at_once_while_pulls_take_all_they_get():
    account = Account()
    account.drain("backfill")
    account.drain("head")

    assert isinstance(account.ask("webhook"), Admitted)


def test_new_records_are_admitted_at_once_while_the_back_fill_takes_all_it_gets():
    account = Account()
    account.drain("backfill")

    assert isinstance(account.ask("head"), Admitted)


@given(
    st.lists(st.tuples(st.sampled_from(["webhook", "head", "backfill"]), st.floats(0, DAY_SECONDS)))
)
def test_no_twenty_four_hours_see_more_calls_than_the_day_has(steps: list[tuple[Lane, float]]):
    account = Account(Limits(calls_per_minute=6000, calls_per_day=100, concurrency=4, burst=500))
    made: list[datetime] = []

    for lane, pause in steps:
        made += [account.now] * account.drain(lane)
        account.wait(pause)

    day = timedelta(days=1)
    assert all(sum(start <= at < start + day for at in made) <= 100 for start in made)


@pytest.mark.parametrize(("lane", "share"), [("backfill", 1200), ("head", 1800), ("webhook", 2000)])
def test_each_lane_stops_at_its_share_of_the_day(lane: Lane, share: int):
    account = Account()

    made = 0
    for _ in range(2500):
        made += account.drain(lane)
        account.wait(2)

    assert made == share


def test_the_reserve_shrinks_by_what_webhooks_used_of_it():
    account = Account()
    used: Counter[Lane] = Counter()
    for _ in range(100):
        used["webhook"] += isinstance(account.ask("webhook"), Admitted)
        account.wait(2)

    for _ in range(2500):
        used["backfill"] += account.drain("backfill")
        account.wait(2)

    assert used == {"webhook": 100, "backfill": 1200}


def test_a_used_up_day_names_the_seconds_until_calls_are_a_day_ago():
    account = Account(Limits(calls_per_minute=6000, calls_per_day=100, concurrency=4, burst=500))
    account.drain("webhook")
    account.wait(3600)

    verdict = account.ask("webhook")

    assert verdict == Denied(DAY_SECONDS + PERIOD_SECONDS - 3600, day_is_used_up=True)
    account.wait(DAY_SECONDS + PERIOD_SECONDS - 3600)
    assert account.drain("webhook") == 100


def test_calls_leave_the_day_in_the_order_in_which_they_were_made():
    account = Account(Limits(calls_per_minute=6000, calls_per_day=100, concurrency=4, burst=50))
    account.drain("webhook")
    account.wait(DAY_SECONDS / 2)
    account.drain("webhook")

    account.wait(DAY_SECONDS / 2 + PERIOD_SECONDS)

    assert account.drain("webhook") == 50


def test_days_without_a_call_are_forgotten():
    account = Account()
    account.ask("head")
    account.wait(3 * DAY_SECONDS + 500)

    account.ask("head")

    assert account.day == Window(account.now, {"0": {"head": 1}})


@pytest.mark.parametrize(
    ("calls", "seconds"),
    [(0, 0), (90, 60), (1200, 800), (1290, DAY_SECONDS + PERIOD_SECONDS + 60)],
)
def test_a_back_fill_that_fits_no_day_takes_several(calls: int, seconds: float):
    assert LIMITS.seconds_for(calls) == pytest.approx(seconds)


def test_a_scaled_clock_shortens_both_windows():
    account = Account(scale=60.0)
    account.drain("webhook")
    account.wait(1)

    assert account.drain("webhook") == 8
    account.wait(2 * DAY_SECONDS / 60)
    account.ask("head")
    assert account.day.used == {"0": {"head": 1}}


def test_a_blocked_minute_holds_every_lane_back():
    account = Account()
    account.minute = Window(START, {}, START + timedelta(seconds=60))

    assert {account.ask(lane) for lane in ("webhook", "head", "backfill")} == {Denied(60.0)}


def test_after_the_provider_said_the_day_is_over_the_first_call_begins_a_day():
    account = Account()
    until = START + timedelta(hours=1)
    account.day = Window(START - timedelta(hours=20), {"40": {"head": 9}, "exhausted": 1}, until)

    before = account.ask("webhook")
    account.wait(3601)
    after = account.ask("webhook")

    assert before == Denied(3600.0, day_is_used_up=True)
    assert isinstance(after, Admitted)
    assert account.day == Window(account.now, {"0": {"webhook": 1}})
