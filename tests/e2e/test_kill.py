"""Kill test, short: one SIGKILL in every phase; ``make chaos`` is the long form."""

from collections.abc import Iterator

import pytest

from proofs.chaos.phases import PHASES
from proofs.chaos.proof import Plan, prove
from sandbox.runner import Sandbox
from tests.support import server


@pytest.fixture
def databases(postgres_server: str) -> Iterator[tuple[str, str]]:
    """Two migrated, empty databases."""
    pair = (server.clone(postgres_server), server.clone(postgres_server))
    yield pair
    for url in pair:
        server.drop(postgres_server, url)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_runs_give_the_tables_of_an_undisturbed_one(
    databases: tuple[str, str], sandbox: Sandbox
):
    plan = Plan(kills=1, extra=0, commands=0)

    outcome = prove(databases, sandbox, plan)

    assert outcome.faults == []
    assert {phase.name for phase in PHASES} <= set(outcome.kills)
    assert outcome.inbox is not None
    assert outcome.inbox.acknowledged
