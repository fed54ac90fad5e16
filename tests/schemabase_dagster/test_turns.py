"""A thread computes ahead only while the other one waits for Postgres."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from schemabase_dagster import database
from schemabase_dagster.turns import Turns


@pytest.mark.usefixtures("postgres")
def test_a_wait_for_postgres_is_the_turn_of_the_other_thread():
    turns = Turns()

    with database.connect() as other, ThreadPoolExecutor(1) as pool:
        database.advisory_lock(other, "held")

        def unlock_at_its_turn() -> None:
            turns.wait()
            database.advisory_unlock(other, "held")

        unlocked = pool.submit(unlock_at_its_turn)
        with turns.given(), database.transaction() as conn:
            conn.execute("SET LOCAL statement_timeout = '30s'")
            # Postgres answers only when the other thread had its turn
            database.advisory_xact_lock(conn, "held")

        assert unlocked.exception(timeout=30) is None


def test_the_other_thread_is_never_left_waiting():
    turns = Turns()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(turns.wait)
        with pytest.raises(ZeroDivisionError), turns.given():
            raise ZeroDivisionError

        assert waiting.exception(timeout=30) is None
