"""Pulls give way: a run's process works at the lowest priority, any other process keeps its own."""

import multiprocessing
import os
from unittest import mock

from psycopg import Connection

from assets.priority import NICENESS, give_way
from schemabase_dagster import operations
from schemabase_dagster.tenancy import Tenant


def priorities_of_a_run() -> list[tuple[int, int, int]]:
    """Run an asset and return the priorities it asks for; given one, it would starve here."""
    with mock.patch.object(os, "setpriority") as asked:
        operations.sync_one("acme", assets=["analytics/fct_order"])
    return [call.args for call in asked.call_args_list]


def test_a_run_in_a_process_of_its_own_gives_way(conn: Connection, tenant: Tenant):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        asked = pool.apply(priorities_of_a_run)

    assert asked == [(os.PRIO_PROCESS, 0, NICENESS)]


def test_a_process_that_is_no_run_keeps_its_priority():
    before = os.getpriority(os.PRIO_PROCESS, 0)

    give_way()

    assert os.getpriority(os.PRIO_PROCESS, 0) == before
