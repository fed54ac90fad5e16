"""The collector's thresholds during a sync, and that they come back."""

import gc
import threading

from schemabase_dagster.engine.memory import YOUNG_OBJECTS, rare_collection


def test_the_collector_is_as_before_after_the_last_user():
    before = gc.get_threshold()

    inside, second_may_end = threading.Event(), threading.Event()

    def sync_beside() -> None:
        with rare_collection():
            inside.set()
            second_may_end.wait(5)

    beside = threading.Thread(target=sync_beside)
    with rare_collection():
        beside.start()
        assert inside.wait(5)

    assert gc.get_threshold()[0] == YOUNG_OBJECTS
    second_may_end.set()
    beside.join()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
