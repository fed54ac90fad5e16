"""Work that runs one piece behind its caller: in order, errors told, nothing left running."""

import threading
from functools import partial

import pytest

from schemabase_dagster.engine.behind import Behind


def test_the_caller_goes_on_while_a_piece_runs():
    is_prepared = threading.Event()

    with Behind() as behind:
        behind.do(lambda: _expect(is_prepared))
        is_prepared.set()

        assert behind.wait()


def test_a_piece_begins_after_the_one_before_it():
    done: list[int] = []

    with Behind() as behind:
        for number in range(20):
            behind.do(partial(done.append, number))

    assert done == list(range(20))


def test_an_error_is_raised_to_the_caller_once():
    with Behind() as behind:
        behind.do(_fail)
        with pytest.raises(ValueError, match="written"):
            behind.wait()

        assert not behind.wait()


def test_the_last_piece_is_done_when_the_block_fails():
    may_end, done = threading.Event(), threading.Event()

    def work() -> None:
        _expect(may_end)
        done.set()

    with pytest.raises(KeyError), Behind() as behind:  # noqa: PT012 - the block is what fails
        behind.do(work)
        may_end.set()
        raise KeyError

    assert done.is_set()


def _expect(event: threading.Event) -> None:
    assert event.wait(60)


def _fail() -> None:
    raise ValueError("not written")
