"""A storm, short: 200 deliveries a second while gateway, workers and Postgres are killed.

``make chaos`` is the long form, with Dagster's daemon and real runs.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from proofs.chaos import grounds, storm
from sandbox.runner import Sandbox
from sandbox.webhooks import RETRY_SECONDS
from tests.support import server

PLAN = storm.Plan(
    seconds=8, pauses=RETRY_SECONDS, between=(0.2, 0.8), down=(0, 0.5), drain_seconds=150
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for a server that may be killed."""
    with tempfile.TemporaryDirectory(prefix="schemabase-storm-", dir=server.place()) as made:
        yield Path(made)


@pytest.mark.timeout(400)
def test_what_is_acknowledged_in_a_storm_is_stored_and_applied_once(folder: Path, sandbox: Sandbox):
    with grounds.bare(folder, sandbox) as (ground, orders):
        outcome = storm.rage(ground, orders, PLAN)

    assert outcome.faults == []
    assert outcome.kills.keys() == {"gateway", "worker", "Postgres"}
    book = outcome.book
    assert book.refused == {}
    assert book.acknowledged.total() + len(book.given_up) == PLAN.seconds * PLAN.per_second
    assert outcome.stored.keys() == {"dpd", "saleor"}
    assert outcome.repeats
