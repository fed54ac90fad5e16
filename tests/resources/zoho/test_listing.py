"""Zoho's numbered pages: nothing missed and nothing doubled while rows move between page reads."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.zoho.listing import PAGE_SIZE, Listing, page_at, search_last_row
from schemabase_dagster.errors import ProviderUnavailable

Rows = list[dict[str, Any]]


def _identify(row: dict[str, Any]) -> str | None:
    return row.get("id")


def _rows(*numbers: int) -> Rows:
    return [{"id": str(number)} for number in numbers]


def read_all(rows: Rows, moves: dict[int, list[tuple[str, int]]]) -> list[str]:
    """List the rows; before request ``n`` the moves ``moves[n]`` happen to them."""
    listing, seen, request, more = Listing(_identify), [], 0, True
    while more:
        for kind, index in moves.get(request, []):
            _move(rows, kind, index)
        request += 1
        page, size = listing.next_page()
        start = (page - 1) * size
        fresh = listing.accept(rows[start : start + size], page=page, asked=size, served=size)
        if fresh is None:
            continue
        seen += [row["id"] for row in fresh]
        more = start + size < len(rows)
    return seen


def _move(rows: Rows, kind: str, index: int) -> None:
    if kind == "insert":
        rows.insert(0, {"id": f"new-{index}-{len(rows)}"})
    elif rows and kind == "delete":
        del rows[index % len(rows)]
    elif rows and kind == "touch":
        rows.insert(0, rows.pop(index % len(rows)))


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 400, 1000, 5000])
def test_a_list_at_rest_is_read_once(count: int):
    assert read_all(_rows(*range(count)), {}) == [str(n) for n in range(count)]


moves_between_pages = st.dictionaries(
    st.integers(1, 8),
    st.lists(
        st.tuples(st.sampled_from(["insert", "delete", "touch"]), st.integers(0, 1200)),
        max_size=60,
    ),
    max_size=6,
)


@settings(max_examples=150)
@given(moves_between_pages)
def test_rows_that_stay_are_read_exactly_once_while_others_move(
    moves: dict[int, list[tuple[str, int]]],
):
    rows = _rows(*range(1200))
    before = [row["id"] for row in rows]

    seen = read_all(rows, moves)

    # A touched row jumps to the front and is found by the next listing, by its modified time.
    touched = _touched(before, moves)
    stayed = [row["id"] for row in rows if row["id"] in before and row["id"] not in touched]
    assert [row for row in stayed if row not in seen] == []
    assert len(seen) == len(set(seen))


def _touched(before: list[str], moves: dict[int, list[tuple[str, int]]]) -> set[str]:
    rows = [{"id": row} for row in before]
    touched = set()
    for request in sorted(moves):
        for kind, index in moves[request]:
            if kind == "touch" and rows:
                touched.add(rows[index % len(rows)]["id"])
            _move(rows, kind, index)
    return touched


def test_a_deleted_row_makes_no_other_one_disappear():
    seen = read_all(_rows(*range(600)), {1: [("delete", 0)]})

    assert seen == [str(n) for n in range(600)]


def test_rows_that_are_lost_between_two_pages_are_read_again():
    listing, rows = Listing(_identify), _rows(*range(600))
    listing.accept(rows[:200], page=1, asked=200, served=200)

    refused = listing.accept(rows[210:409], page=2, asked=199, served=199)
    page, size = listing.next_page()

    assert refused is None
    assert (page - 1) * size <= 150


def test_a_list_that_never_stands_still_is_given_up():
    listing = Listing(_identify)
    listing.accept(_rows(*range(200)), page=1, asked=200, served=200)

    for attempt in range(4):
        listing.accept(_rows(1000 + attempt), page=2, asked=199, served=199)

    with pytest.raises(ProviderUnavailable, match="rows move faster"):
        listing.accept(_rows(2000), page=2, asked=199, served=199)


def test_a_list_that_repeats_itself_for_ever_is_given_up():
    listing, rows = Listing(_identify), _rows(*range(200))

    for page in range(1, 12):
        listing.accept(rows, page=page, asked=200, served=200)

    with pytest.raises(ProviderUnavailable, match="again and again"):
        listing.accept(rows, page=12, asked=200, served=200)


def test_rows_without_id_are_always_handed_on():
    listing = Listing(_identify)
    listing.accept(_rows(1, 2), page=1, asked=200, served=200)

    fresh = listing.accept([{"id": "2"}, {}, {"id": "3"}], page=1, asked=200, served=200)

    assert fresh == [{}, {"id": "3"}]


def test_a_server_with_a_fixed_page_size_is_read_page_by_page():
    listing = Listing(_identify)
    for number in (1, 2, 3):
        page, size = listing.next_page()
        rows = _rows(*range((number - 1) * 200, number * 200))
        listing.accept(rows, page=page, asked=size, served=200)

    assert listing.next_page() == (4, 200)


@given(st.integers(1, 100_000))
def test_the_row_is_on_the_page(row: int):
    page, size = page_at(row)

    start = (page - 1) * size
    assert start <= row < start + size


def test_the_overlap_costs_few_calls():
    calls, row = 0, 0
    while row < 20_000:
        page, size = page_at(max(0, row - 1))
        row = (page - 1) * size + size
        calls += 1

    assert calls <= 20_000 / PAGE_SIZE * 1.12


@given(st.integers(0, 60_000))
def test_the_number_of_rows_is_found_within_some_per_cent_by_few_calls(count: int):
    calls = 0

    def read(page: int) -> tuple[int, bool]:
        nonlocal calls
        calls += 1
        rows = max(0, min(PAGE_SIZE, count - (page - 1) * PAGE_SIZE))
        return rows, count > page * PAGE_SIZE

    found = search_last_row(read)

    assert abs(found - count) <= max(PAGE_SIZE, 0.06 * count)
    assert calls <= 11
