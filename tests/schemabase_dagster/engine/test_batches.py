"""Batches: what one transaction holds, where a listing goes on after it, what is fetched at all."""

import dataclasses
from typing import Any

import pytest
from psycopg import Connection

from assets.orders.zoho import ZOHO_SALES_ORDERS
from assets.taxes.zoho import ZOHO_TAXES
from schemabase_dagster import database
from schemabase_dagster.engine import batches
from schemabase_dagster.engine.batches import Batch, iter_batches
from schemabase_dagster.engine.incoming import Incoming, Refused
from schemabase_dagster.engine.land import mark_deleted
from schemabase_dagster.streams import Watch
from schemabase_dagster.tenancy import App
from tests.factories import NOON, at, zoho_order
from tests.support.source import Source

ORDERS = "zoho_sales_orders"
LISTED = dataclasses.replace(ZOHO_SALES_ORDERS, detail=False)


def cut(source: Source, app: App) -> list[Batch]:
    pages = source.iter_pages(source.stream, since=None)
    return list(iter_batches(source, source.stream, app, pages))


def ids(batch: Batch) -> list[str | None]:
    return [record.external_id for record in batch.records]


def test_pages_are_gathered_until_a_batch_is_full(books: App, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "BATCH_RECORDS", 4)
    source = Source(LISTED, *(zoho_order(str(n), modified=at(-n)) for n in range(9)))
    source.listed_at = at(100)

    made = cut(source, books)

    assert [ids(batch) for batch in made] == [
        ["0", "1", "2", "3"], ["4", "5", "6", "7"], ["8"]
    ]  # fmt: skip
    assert [batch.position for batch in made] == [{"position": 4}, {"position": 8}, None]
    assert [batch.ends for batch in made] == [False, False, True]
    assert {batch.listed_at for batch in made} == {at(100)}
    assert {batch.newest for batch in made} == {NOON}


def test_an_empty_listing_is_one_empty_batch_that_ends_it(books: App):
    (batch,) = cut(Source(LISTED), books)

    assert (batch.size, batch.ends, batch.newest) == (0, True, None)


def test_many_bytes_fill_a_batch(books: App, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "BATCH_BYTES", 1000)
    big = [zoho_order(str(n), notes="x" * 600) for n in range(4)]

    made = cut(Source(LISTED, *big, page_size=1), books)

    assert [batch.size for batch in made] == [1, 1, 1, 1]


def test_a_slow_source_is_committed_soon(books: App):
    source = Source(LISTED, *(zoho_order(str(n)) for n in range(3)), page_size=1)
    pages = source.iter_pages(LISTED, since=None)

    made = list(iter_batches(source, LISTED, books, pages, flush_seconds=-1.0))

    assert [batch.size for batch in made] == [1, 1, 1]


def test_the_clock_of_the_first_page_counts_for_the_whole_listing(books: App):
    source = Source(LISTED, *(zoho_order(str(n)) for n in range(4)))
    pages = [
        dataclasses.replace(page, listed_at=at(number))
        for number, page in enumerate(source.iter_pages(LISTED, since=None))
    ]

    (batch,) = iter_batches(source, LISTED, books, pages)

    assert batch.listed_at == at(0)


def test_a_total_once_told_is_kept(books: App):
    source = Source(LISTED, *(zoho_order(str(n)) for n in range(4)))
    pages = list(source.iter_pages(LISTED, since=None))
    pages[0] = dataclasses.replace(pages[0], total=4)

    (batch,) = iter_batches(source, LISTED, books, pages)

    assert batch.total == 4


def test_a_refused_record_is_in_its_batch_and_no_newest_one(books: App):
    source = Source(LISTED, zoho_order("1", notes="\0", modified=at(9)), zoho_order("2"))

    (batch,) = cut(source, books)

    assert [type(record) for record in batch.records] == [Refused, Incoming]
    assert batch.newest == NOON


def test_details_are_fetched_of_new_and_changed_rows_only(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order("1"), zoho_order("2"), zoho_order("3"))
    with database.transaction() as connection:
        mark_deleted(connection, ZOHO_SALES_ORDERS, books, ["3"], via="pull", run_id=None)
    source = Source(
        ZOHO_SALES_ORDERS,
        zoho_order("1"),
        zoho_order("2", modified=at(5)),
        zoho_order("3"),
        zoho_order("4"),
        page_size=10,
    )

    (batch,) = cut(source, books)

    assert sorted(source.fetched) == ["2", "3", "4"]
    assert batch.known == ["1"]
    assert sorted(filter(None, ids(batch))) == ["2", "3", "4"]
    assert batch.size == 4
    assert batch.newest == at(5)


def test_a_known_row_counts_for_the_newest_time(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order("1"))

    (batch,) = cut(Source(ZOHO_SALES_ORDERS, zoho_order("1")), books)

    assert (batch.newest, batch.known) == (NOON, ["1"])


def test_a_row_that_vanished_before_its_detail_is_gone(books: App):
    source = Source(ZOHO_SALES_ORDERS, zoho_order("1"), zoho_order("2"))
    pages = list(source.iter_pages(source.stream, since=None))
    source.remove("1")

    (batch,) = iter_batches(source, source.stream, books, pages)

    assert (batch.gone, ids(batch)) == (["1"], ["2"])
    assert batch.ids() == ["2"]


def test_a_list_row_without_id_is_refused_and_not_fetched(books: App):
    source = Source(ZOHO_SALES_ORDERS, zoho_order("1"), zoho_order(salesorder_id=None))

    (batch,) = cut(source, books)

    assert source.fetched == ["1"]
    assert [type(record) for record in batch.records] == [Refused, Incoming]


def test_details_are_committed_in_the_midst_of_a_page(books: App, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(batches, "BATCH_RECORDS", 2)
    rows = [zoho_order(str(n), modified=at(-n)) for n in range(5)]

    made = cut(Source(ZOHO_SALES_ORDERS, *rows, page_size=5), books)

    assert [ids(batch) for batch in made] == [["0", "1"], ["2", "3"], ["4"]]
    assert [batch.position for batch in made] == [None, None, None]
    assert [batch.ends for batch in made] == [False, False, True]


def test_the_listing_goes_on_after_the_page_whose_details_are_fetched(
    books: App, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(batches, "BATCH_RECORDS", 3)
    rows = [zoho_order(str(n), modified=at(-n)) for n in range(8)]

    made = cut(Source(ZOHO_SALES_ORDERS, *rows, page_size=4), books)

    assert [ids(batch) for batch in made] == [["0", "1", "2"], ["3", "4", "5"], ["6", "7"]]
    assert [batch.position for batch in made] == [None, {"position": 4}, None]


def test_ids_of_refused_records_were_seen_too(books: App):
    source = Source(LISTED, zoho_order("1", notes="\0"), zoho_order("2"))

    (batch,) = cut(source, books)

    assert batch.ids() == ["1", "2"]


def test_a_stream_without_times_has_no_newest(books: App):
    (batch,) = cut(Source(ZOHO_TAXES, {"tax_id": "1"}), books)

    assert (batch.newest, ids(batch)) == (None, ["1"])


@pytest.mark.parametrize(
    ("changes", "fetched"),
    [({}, []), ({"balance": 3.5}, ["1"]), ({"balance": None}, ["1"]), ({"notes": "x"}, [])],
)
def test_a_watched_field_tells_of_a_change_that_the_modified_time_does_not_show(
    books: App, put, changes: dict[str, Any], fetched: list[str]
):
    stream = dataclasses.replace(ZOHO_SALES_ORDERS, watch=Watch(("balance",)))
    put(books, ORDERS, zoho_order("1", balance=0.0))
    source = Source(stream, zoho_order("1", **{"balance": 0, **changes}))

    cut(source, books)

    assert source.fetched == fetched


def test_without_a_modified_time_only_watched_rows_that_are_equal_and_closed_are_known(
    books: App, put
):
    watch = Watch(("status",), always=lambda row: row.get("status") != "closed")
    stream = dataclasses.replace(ZOHO_TAXES, detail=True, watch=watch)
    held = [{"tax_id": str(n), "status": status} for n, status in enumerate(("closed", "open"))]
    put(books, "zoho_taxes", *held)
    source = Source(stream, *held, {"tax_id": "2", "status": "closed"}, page_size=5)

    (batch,) = cut(source, books)

    assert batch.known == ["0"]
    assert source.fetched == ["1", "2"]
