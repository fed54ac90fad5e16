"""Pulls give way, long ones most of all; a process that is no run keeps its priority."""

import multiprocessing
import os
from collections.abc import Mapping
from multiprocessing.connection import Connection as SendConnection
from unittest import mock

import pytest
from psycopg import Connection

from assets.priority import LONG_NICENESS, NICENESS, SHARED, give_way
from schemabase_dagster import operations, tags
from schemabase_dagster.tenancy import Tenant


def tell_priorities_of_a_run(told: SendConnection) -> None:
    """Run an asset and tell the priorities it asks for; given one, it would starve here."""
    with mock.patch.object(os, "setpriority") as asked:
        operations.sync_one("acme", assets=["analytics/fct_order"])
    told.send([call.args for call in asked.call_args_list])


def priorities_by(run_tags: Mapping[str, str]) -> list[tuple[int, int, int]]:
    """Return what a run with these tags asks for."""
    with mock.patch.object(os, "setpriority") as asked:
        give_way(run_tags)
    return [call.args for call in asked.call_args_list]


def test_a_run_in_a_process_of_its_own_gives_way(conn: Connection, tenant: Tenant):
    context = multiprocessing.get_context("spawn")
    telling, told = context.Pipe(duplex=False)
    process = context.Process(target=tell_priorities_of_a_run, args=(told,))
    process.start()
    told.close()
    try:
        asked = telling.recv()
    finally:
        # asked to end, it may wait for ever: Dagster has taken the signal
        process.kill()
        process.join()

    assert asked == [(os.PRIO_PROCESS, 0, NICENESS)]


@pytest.mark.parametrize(
    ("run_tags", "niceness"),
    [
        ({tags.TRIGGER: tags.TRIGGER_SCHEDULE}, NICENESS),
        ({tags.TRIGGER: tags.TRIGGER_SCHEDULE, tags.FILL: "true"}, LONG_NICENESS),
        ({tags.TRIGGER: tags.TRIGGER_FULL}, LONG_NICENESS),
    ],
    ids=["short", "back-fill", "full"],
)
def test_a_long_pull_gives_way_to_short_ones(
    monkeypatch: pytest.MonkeyPatch, run_tags: Mapping[str, str], niceness: int
):
    monkeypatch.setattr(multiprocessing, "parent_process", object)

    assert priorities_by(run_tags) == [(os.PRIO_PROCESS, 0, niceness)]


def test_a_forked_run_gives_way(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SHARED, "1")

    assert priorities_by({}) == [(os.PRIO_PROCESS, 0, NICENESS)]


def test_a_process_that_is_no_run_keeps_its_priority():
    before = os.getpriority(os.PRIO_PROCESS, 0)

    give_way({})

    assert os.getpriority(os.PRIO_PROCESS, 0) == before
