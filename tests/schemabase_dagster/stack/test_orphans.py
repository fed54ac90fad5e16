"""Without these, a run whose worker was killed holds its tenant back for hours."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from psycopg import sql

from schemabase_dagster import database
from schemabase_dagster.settings import ROOT, forget_settings
from schemabase_dagster.stack.home import Home
from schemabase_dagster.stack.orphans import close_runs


@dg.job
def nothing() -> None:
    """Do nothing."""


@pytest.fixture
def instance(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """The instance of a stack, in a database of its own."""
    name = f"dagster_{os.getpid()}"
    monkeypatch.setenv("SCHEMABASE_DAGSTER_DATABASE", name)
    forget_settings()
    home = Home(ROOT, tmp_path / "state")
    home.prepare(code_port=1)
    for variable, value in home.exports(postgres, database.ensure_dagster_database()).items():
        monkeypatch.setenv(variable, value)
    assert close_runs() == 0
    with dg.DagsterInstance.get() as found:
        yield found
    with database.connect(autocommit=True) as connection:
        query = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
        connection.execute(query)


def test_unfinished_run_of_a_killed_stack_is_closed_as_failed(instance: dg.DagsterInstance):
    run = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)

    assert close_runs() == 1

    closed = instance.get_run_by_id(run.run_id)
    assert closed is not None
    assert closed.status == dg.DagsterRunStatus.FAILURE
    assert close_runs() == 0


def test_run_that_no_worker_has_begun_is_left_to_the_next_stack(instance: dg.DagsterInstance):
    instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.NOT_STARTED)

    assert close_runs() == 0
