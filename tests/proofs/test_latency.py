"""Without these, ``make latency`` calls events cold that a lingering run has served."""

import random

from assets.deliveries import LINGER_SECONDS
from proofs.latency.phases import PHASES, WARM, plan_gaps

EVENTS = 12


def gaps(phase: str) -> list[float]:
    return plan_gaps(PHASES[phase], EVENTS, random.Random(7))  # noqa: S311 - a seed, no secret


def test_cold_events_come_when_no_run_lingers_for_their_tenant():
    planned, senders = gaps("cold"), PHASES["cold"].senders

    between = [sum(planned[at : at + senders]) for at in range(1, EVENTS - senders + 1)]
    assert min(between) > LINGER_SECONDS + 2


def test_stock_and_warm_launcher_are_measured_alike():
    stock, warm, _ = (PHASES[name] for name in WARM)

    assert (stock.is_warm, warm.is_warm) == (False, True)
    assert gaps(stock.name) == gaps(warm.name)
