"""Without the upkeep the inbox grows for ever, and its days run out."""

from datetime import timedelta
from typing import Any

from psycopg import Connection

from schemabase_dagster.clock import utc_now
from schemabase_dagster.definitions import defs
from schemabase_dagster.migrations import inbox_days


def test_upkeep_makes_the_days_to_come(conn: Connection[Any]):
    before = inbox_days.list_days(conn)

    done = defs.resolve_job_def("inbox_upkeep").execute_in_process()

    assert done.success
    assert before[-1] < inbox_days.list_days(conn)[-1] >= utc_now().date() + timedelta(days=7)
