"""The shared budget in Postgres: one account, several processes."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from psycopg import Connection

from resources.limits import Limits, SharedLimiter
from schemabase_dagster.errors import QuotaExhausted, RateLimited
from schemabase_dagster.streams import Lane

ACCOUNT = "zoho:org:20011122233@eu"
LIMITS = Limits(calls_per_minute=90, calls_per_day=2000, concurrency=4)

Make = Callable[..., SharedLimiter]


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Make limiters of one account, each as a process of its own would have it."""
    request.getfixturevalue("postgres")
    made: list[SharedLimiter] = []

    def make_limiter(
        limits: Limits = LIMITS,
        *,
        scale: float = 1.0,
        max_wait_seconds: float = 0.2,
        stopping: threading.Event | None = None,
    ) -> SharedLimiter:
        limiter = SharedLimiter(
            "zoho",
            ACCOUNT,
            limits,
            max_wait_seconds=max_wait_seconds,
            clock_scale=scale,
            stopping=stopping or threading.Event(),
        )
        made.append(limiter)
        return limiter

    yield make_limiter
    for limiter in made:
        limiter.close()


def call(limiter: SharedLimiter, lane: Lane) -> None:
    with limiter.admit(lane, "get"):
        pass


def used_today(conn: Connection[Any]) -> list[dict[str, int]]:
    """Return the calls by lane of every period."""
    row = conn.execute(
        "SELECT used FROM platform.rate_window WHERE account = %s AND window_name = 'day'",
        (ACCOUNT,),
    ).fetchone()
    assert row is not None
    return list(row[0].values())


def test_calls_of_all_processes_are_counted_by_lane(make: Make, conn: Connection[Any]):
    first, second = make(), make()

    with first.admit("head", "list"), second.admit("webhook", "get"):
        pass
    with second.admit("head", "list"):
        pass

    assert used_today(conn) == [{"head": 2, "webhook": 1}]


def test_two_processes_together_stay_within_one_budget(make: Make):
    # by this clock no call comes back before the last is made, however slow the machine is
    first, second = make(scale=0.001), make(scale=0.001)

    for _ in range(4):
        call(first, "webhook")
        call(second, "webhook")

    with pytest.raises(RateLimited):
        call(first, "webhook")
    with pytest.raises(RateLimited):
        call(second, "webhook")


def test_a_short_wait_is_waited(make: Make):
    limiter = make(scale=60.0, max_wait_seconds=5)

    started = time.monotonic()
    for _ in range(30):
        with limiter.admit("head", "list"):
            pass

    # six tokens at once, then 90 a second
    assert time.monotonic() - started >= 24 / 90


def test_a_used_up_day_is_told_apart_from_a_used_up_minute(make: Make):
    limits = Limits(calls_per_minute=6000, calls_per_day=100, concurrency=4, burst=500)
    limiter = make(limits)

    for _ in range(60):
        call(limiter, "backfill")
    with pytest.raises(QuotaExhausted) as caught:
        call(limiter, "backfill")

    assert caught.value.retry_after is not None
    assert 86_000 < caught.value.retry_after <= 86_400 + 1800


def test_a_block_holds_every_process_back(make: Make):
    first, second = make(), make()
    first.block(60)

    with pytest.raises(RateLimited) as caught, second.admit("webhook", "get"):
        pass

    assert caught.value.retry_after is not None
    assert 30 < caught.value.retry_after <= 60


def test_a_shorter_block_does_not_end_a_longer_one(make: Make):
    limiter = make()
    limiter.block(600)
    limiter.block(1)

    with pytest.raises(RateLimited) as caught, limiter.admit("head", "list"):
        pass

    assert (caught.value.retry_after or 0) > 500


def test_an_exhausted_day_holds_every_process_back_for_an_hour(make: Make):
    first, second = make(), make()
    first.exhaust()

    with pytest.raises(QuotaExhausted) as caught, second.admit("webhook", "get"):
        pass

    assert caught.value.retry_after is not None
    assert 3500 < caught.value.retry_after <= 3600


def test_after_an_exhausted_day_a_new_one_is_begun(make: Make, conn: Connection[Any]):
    limiter = make(scale=36_000.0, max_wait_seconds=5)
    limiter.exhaust()
    until = time.monotonic() + 60

    while True:
        try:
            with limiter.admit("head", "list"):
                break
        except QuotaExhausted:
            assert time.monotonic() < until

    assert used_today(conn) == [{"head": 1}]


def test_pulls_of_all_processes_leave_one_slot_to_webhooks(make: Make):
    pulls = [make() for _ in range(4)]

    with ExitStack() as running:
        for limiter in pulls[:3]:
            running.enter_context(limiter.admit("head", "list"))
        with pytest.raises(RateLimited, match="in flight"), pulls[3].admit("head", "list"):
            pass
        with pulls[3].admit("webhook", "get"):
            pass


def test_a_slot_is_free_again_after_the_call(make: Make):
    limiter = make(Limits(calls_per_minute=6000, calls_per_day=2000, concurrency=2, burst=50))

    for _ in range(10):
        with limiter.admit("head", "list"):
            pass


def test_threads_of_one_process_do_not_share_a_slot(make: Make):
    limiter = make()

    with ExitStack() as running:
        for _ in range(3):
            running.enter_context(limiter.admit("head", "list"))
        with pytest.raises(RateLimited, match="in flight"), limiter.admit("head", "list"):
            pass


def test_stopping_ends_the_wait(make: Make):
    stopping = threading.Event()
    limiter = make(max_wait_seconds=6000, stopping=stopping)
    limiter.block(3000)
    stopper = threading.Timer(0.2, stopping.set)
    stopper.start()

    with pytest.raises(RateLimited), limiter.admit("head", "list"):
        pass
    stopper.join()


HOLD_SLOTS = """
import sys, threading
from contextlib import ExitStack
from resources.limits import Limits, SharedLimiter
limits = Limits(calls_per_minute=90, calls_per_day=2000, concurrency=4)
limiter = SharedLimiter("zoho", sys.argv[1], limits, max_wait_seconds=60, clock_scale=1,
                        stopping=threading.Event())
with ExitStack() as running:
    for _ in range(3):
        running.enter_context(limiter.admit("head", "list"))
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_slots_of_a_killed_process_are_free_again(make: Make):
    limiter = make(max_wait_seconds=60)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_SLOTS, ACCOUNT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(RateLimited, match="in flight"), make().admit("head", "list"):
            pass

        holder.kill()
        with limiter.admit("head", "list"):
            pass


SPEND = """
import sys, threading, time
from resources.limits import Limits, SharedLimiter
limits = Limits(calls_per_minute=90, calls_per_day=20000, concurrency=4)
limiter = SharedLimiter("zoho", sys.argv[1], limits, max_wait_seconds=60, clock_scale=60,
                        stopping=threading.Event())
for _ in range(150):
    with limiter.admit("backfill", "get"):
        print(time.monotonic(), flush=True)
"""


@pytest.mark.usefixtures("postgres")
def test_greedy_processes_together_keep_to_a_hundred_calls_a_minute():
    command = [sys.executable, "-c", SPEND, ACCOUNT]
    spenders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    output = "".join(spender.communicate()[0] for spender in spenders)

    made = sorted(float(line) for line in output.split())
    assert len(made) == 300
    # a minute of the scaled clock is a second; each process tells of one call when it is over
    assert max(sum(at <= other < at + 1.0 for other in made) for at in made) <= 102
