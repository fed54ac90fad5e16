"""Reading ahead and in parallel: bounded, in threads that end, errors where they belong."""

import gc
import threading
from collections.abc import Iterator

import pytest

from resources.paging import STEPS_BACK, NumberedPages, chunked, map_unordered, read_ahead
from schemabase_dagster.errors import ProviderUnavailable


def test_the_next_item_is_made_while_the_consumer_works():
    second_is_made = threading.Event()

    def pages() -> Iterator[int]:
        yield 1
        second_is_made.set()
        yield 2

    for page in read_ahead(pages()):
        if page == 1:
            assert second_is_made.wait(60)


def test_only_one_item_is_read_ahead():
    made: list[int] = []

    def pages() -> Iterator[int]:
        for number in range(10):
            made.append(number)
            yield number

    items = read_ahead(pages())
    for _ in range(3):
        next(items)
    items.close()  # type: ignore[attr-defined] # it is a generator

    assert len(made) <= 4


def test_a_reader_forgotten_in_a_cycle_is_collected():
    closed: list[bool] = []

    def pages() -> Iterator[int]:
        try:
            yield from range(9)
        finally:
            closed.append(True)

    items = read_ahead(pages())
    next(items)
    cycle: list[object] = [items]
    cycle.append(cycle)
    del items, cycle
    gc.collect()

    assert closed == [True]


def test_items_keep_their_order():
    assert list(read_ahead(iter(range(50)))) == list(range(50))


def test_an_error_is_raised_after_the_items_before_it():
    def pages() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("third")

    items = read_ahead(pages())

    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="third"):
        next(items)


def test_a_consumer_that_stops_closes_the_iterator_and_ends_the_thread():
    closed = threading.Event()

    def pages() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    before = threading.active_count()
    for _ in read_ahead(pages()):
        break

    assert closed.is_set()
    assert threading.active_count() == before


def test_all_items_are_mapped():
    assert sorted(map_unordered(lambda n: n * n, range(100), workers=3)) == [
        n * n for n in range(100)
    ]


def test_no_more_calls_run_than_there_are_workers():
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3)

    def call(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(60)
        with lock:
            running -= 1
        return number

    list(map_unordered(call, range(9), workers=3))

    assert most == 3


def test_items_are_drawn_only_as_there_is_room():
    drawn = 0

    def source() -> Iterator[int]:
        nonlocal drawn
        for number in range(1000):
            drawn += 1
            yield number

    results = map_unordered(lambda n: n, source(), workers=2)
    next(results)
    results.close()  # type: ignore[attr-defined] # it is a generator

    assert drawn <= 8


def test_the_first_error_ends_the_iteration_and_the_threads():
    before = threading.active_count()

    def call(number: int) -> int:
        if number == 5:
            raise ValueError("five")
        return number

    with pytest.raises(ValueError, match="five"):
        list(map_unordered(call, range(1000), workers=3))

    assert threading.active_count() == before


def test_chunks_are_full_but_for_the_last():
    assert list(chunked(range(5), 2)) == [[0, 1], [2, 3], [4]]


def pages(page: int, *totals: int | None) -> NumberedPages:
    place = NumberedPages("etsy", "list shops", page, 10)
    for total in totals:
        place.goes_back(total)
    return place


@pytest.mark.parametrize(
    ("page", "before", "now", "read_next"),
    [
        (4, 100, 100, 4),
        (4, 100, 110, 4),
        (4, None, 100, 4),
        (4, 100, None, 4),
        (4, 100, 99, 3),
        (4, 100, 90, 3),
        (4, 100, 89, 2),
        (4, 100, 20, 1),
        (1, 100, 90, 1),
    ],
)
def test_rows_that_went_make_a_listing_go_back(
    page: int, before: int | None, now: int | None, read_next: int
):
    place = pages(page, before)

    assert place.goes_back(now) is (read_next < page)
    assert place.page == read_next


def test_a_listing_whose_rows_go_all_the_time_is_given_up():
    place = pages(100, 1000)
    for step in range(1, STEPS_BACK + 1):
        place.page = 100
        assert place.goes_back(1000 - step)

    place.page = 100
    with pytest.raises(ProviderUnavailable, match=r"etsy.*list shops: rows move too fast"):
        place.goes_back(900)
