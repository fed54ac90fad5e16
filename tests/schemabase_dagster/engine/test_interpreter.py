"""The interpreter during a sync, and that it is as before afterwards."""

import gc
import sys
import threading

import pytest

from schemabase_dagster.engine.interpreter import TURN_SECONDS, YOUNG_OBJECTS, busy_interpreter


def test_the_interpreter_is_as_before_after_the_last_user():
    before = (gc.get_threshold(), sys.getswitchinterval())

    inside, second_may_end = threading.Event(), threading.Event()

    def sync_beside() -> None:
        with busy_interpreter():
            inside.set()
            second_may_end.wait(60)

    beside = threading.Thread(target=sync_beside)
    with busy_interpreter():
        beside.start()
        assert inside.wait(60)

    assert gc.get_threshold()[0] == YOUNG_OBJECTS
    assert sys.getswitchinterval() == pytest.approx(TURN_SECONDS)
    second_may_end.set()
    beside.join()
    assert (gc.get_threshold(), sys.getswitchinterval()) == before
    assert gc.get_freeze_count() == 0
