"""Pulls: which records are asked for, when the cursor moves, and where a broken run goes on."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from psycopg import Connection

from assets import registry
from assets.orders.saleor import SALEOR_ORDERS
from assets.orders.zoho import ZOHO_SALES_ORDERS
from assets.taxes.zoho import ZOHO_TAXES
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine import batches
from schemabase_dagster.engine.pull import Pace, PullOptions, sync_stream
from schemabase_dagster.errors import ProviderUnavailable, QuotaExhausted
from schemabase_dagster.tenancy import App
from tests.factories import NOON, at, saleor_order, zoho_order
from tests.schemabase_dagster.engine.conftest import sync
from tests.support.rows import count, one, value
from tests.support.source import Source
from tests.support.wait import wait_until

ZOHO = "zoho_sales_orders"
SALEOR = "saleor_orders"
LATER = at(10_000)
"""The server's clock: long after every record was modified."""

NO_TIME = Pace(budget_seconds=-1)
RESTLESS = Pace(head_seconds=-1)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_RECORDS", 2)


def zoho(number: int, **fields: Any) -> Source:
    source = Source(ZOHO_SALES_ORDERS, *(zoho_order(str(n), modified=at(n)) for n in range(number)))
    source.listed_at = LATER
    for name, given in fields.items():
        setattr(source, name, given)
    return source


def saleor(number: int, **fields: Any) -> Source:
    source = Source(SALEOR_ORDERS, *(saleor_order(str(n), modified=at(n)) for n in range(number)))
    source.listed_at = LATER
    for name, given in fields.items():
        setattr(source, name, given)
    return source


def watermark(conn: Connection[Any]) -> datetime | None:
    found: datetime | None = value(conn, "SELECT watermark FROM platform.sync_state")
    return found


def scan(conn: Connection[Any]) -> dict[str, Any] | None:
    cursor = value(conn, "SELECT cursor FROM platform.sync_state")
    found: dict[str, Any] | None = cursor.get("scan")
    return found


def test_a_first_pull_reads_everything_and_knows_from_when_on(conn: Connection[Any], books: App):
    source = zoho(5)

    result = sync(source, books, ZOHO)

    assert (result.read, result.changed, result.partial) == (5, 5, False)
    assert source.asked == [(None, None)]
    assert (result.cursor_from, result.cursor_to) == (None, LATER)
    assert 0 < result.seconds < 180
    assert watermark(conn) == LATER, "the start of the listing by the server's clock"
    assert scan(conn) is None
    assert set(source.lanes) == {"backfill"}


def test_the_next_pull_asks_for_changes_with_an_overlap(conn: Connection[Any], books: App):
    source = zoho(3)
    sync(source, books, ZOHO)
    source.put(zoho_order("1", total=5, modified=LATER + timedelta(seconds=1)))
    source.listed_at = LATER + timedelta(hours=1)
    source.asked.clear()
    source.lanes.clear()

    result = sync(source, books, ZOHO)

    assert source.asked == [(LATER - ZOHO_SALES_ORDERS.overlap, None)]
    assert (result.read, result.changed) == (1, 1)
    assert result.cursor_from == LATER
    assert result.cursor_to == watermark(conn) == LATER + timedelta(seconds=1)
    assert set(source.lanes) == {"head"}


def test_an_apps_own_overlap_counts(conn: Connection[Any], books: App):
    source = zoho(1)
    sync(source, books, ZOHO)
    conn.execute("UPDATE platform.app_entity SET overlap = '3 days'")

    sync(source, books, ZOHO)

    assert source.asked[-1] == (LATER - timedelta(days=3), None)


def test_the_watermark_never_passes_the_start_of_the_listing(conn: Connection[Any], books: App):
    source = zoho(1)
    sync(source, books, ZOHO)
    source.put(zoho_order("9", modified=LATER + timedelta(days=1)))
    source.listed_at = LATER + timedelta(seconds=5)

    sync(source, books, ZOHO)

    assert watermark(conn) == LATER + timedelta(seconds=5)


def test_an_idle_listing_moves_nothing_back(conn: Connection[Any], books: App):
    source = zoho(1)
    sync(source, books, ZOHO)
    source.records.clear()
    source.listed_at = at(5)

    result = sync(source, books, ZOHO)

    assert watermark(conn) == result.cursor_to == LATER


def test_an_ascending_listing_moves_with_every_batch(conn: Connection[Any], shop: App):
    source = saleor(0)
    sync(source, shop, SALEOR)
    conn.execute("UPDATE platform.sync_state SET watermark = %s", (at(-100),))
    source.put(*(saleor_order(str(n), modified=at(n)) for n in range(6)))
    source.fails_on = 3

    with pytest.raises(RuntimeError):
        sync(source, shop, SALEOR)

    assert count(conn, "raw.saleor_orders") == 4
    assert watermark(conn) == at(3)


def test_a_descending_listing_moves_only_at_its_end(conn: Connection[Any], books: App):
    source = zoho(0)
    sync(source, books, ZOHO)
    conn.execute("UPDATE platform.sync_state SET watermark = %s", (at(-100),))
    source.put(*(zoho_order(str(n), modified=at(n)) for n in range(6)))
    source.fails_on = 3

    with pytest.raises(RuntimeError):
        sync(source, books, ZOHO)
    broken = watermark(conn)
    source.fails_on = None
    source.fetched.clear()
    result = sync(source, books, ZOHO)

    assert broken == at(-100)
    assert source.fetched == ["1", "0"], "details that were landed are not fetched again"
    assert (result.read, result.changed, result.unchanged) == (6, 2, 4)
    assert watermark(conn) == at(5)


def test_a_failure_is_recorded_and_what_was_landed_stays(conn: Connection[Any], books: App):
    source = zoho(6, fails_on=2, error=ProviderUnavailable("zoho", "list", status=500))

    with pytest.raises(ProviderUnavailable):
        sync(source, books, ZOHO, run_id="run", trigger="schedule")

    row = one(conn, "SELECT * FROM platform.sync_state")
    assert (row["last_status"], row["consecutive_errors"]) == ("failure", 1)
    assert "HTTP 500" in row["last_error"]
    assert row["last_started_at"] is not None
    assert row["last_success_at"] is None
    assert count(conn, "raw.zoho_sales_orders") == 2
    run = one(conn, "SELECT run_id, trigger, status FROM platform.sync_run")
    assert run == {"run_id": "run", "trigger": "schedule", "status": "failure"}


def test_of_an_unexpected_error_only_the_class_is_kept(conn: Connection[Any], books: App):
    source = zoho(1, fails_on=1, error=ValueError("the payload"))

    with pytest.raises(ValueError, match="payload"):
        sync(source, books, ZOHO)

    assert value(conn, "SELECT last_error FROM platform.sync_state") == "ValueError"


def test_a_broken_first_listing_goes_on_behind_the_landed_page(conn: Connection[Any], shop: App):
    source = saleor(6, fails_on=3)
    with pytest.raises(RuntimeError):
        sync(source, shop, SALEOR)
    left = scan(conn)
    source.fails_on = None

    result = sync(source, shop, SALEOR)

    assert left is not None
    assert (left["resume"], left["done"]) == ({"position": 4}, 4)
    assert [resume for _, resume in source.asked] == [None, None, {"position": 4}]
    assert source.asked[1][0] == LATER - SALEOR_ORDERS.overlap, "first what changed meanwhile"
    assert (result.read, result.changed, result.partial) == (2, 2, False)
    assert count(conn, "raw.saleor_orders") == 6
    assert scan(conn) is None


def test_a_resumed_listing_suspects_nothing_that_its_first_part_saw(
    conn: Connection[Any], shop: App
):
    source = saleor(6)
    sync(source, shop, SALEOR, full=True)
    source.fails_on = 3
    with pytest.raises(RuntimeError):
        sync(source, shop, SALEOR, full=True)
    source.fails_on = None
    source.remove("5")

    result = sync(source, shop, SALEOR, full=True)

    assert result.deleted == 1
    assert source.looked_up == ["5"]


def test_a_full_listing_starts_over_only_when_none_is_unfinished(conn: Connection[Any], books: App):
    source = zoho(4)
    sync(source, books, ZOHO)
    source.asked.clear()

    result = sync(source, books, ZOHO, full=True)

    assert source.asked == [(None, None)]
    assert (result.read, result.unchanged) == (4, 4)


def test_a_full_listing_keeps_the_watermark(conn: Connection[Any], books: App):
    source = zoho(4)
    sync(source, books, ZOHO)
    source.listed_at = LATER + timedelta(days=1)

    result = sync(source, books, ZOHO, full=True)

    assert watermark(conn) == result.cursor_to == LATER


def test_a_first_pull_may_look_back_only_so_far(conn: Connection[Any], books: App):
    conn.execute("UPDATE platform.app_entity SET initial_lookback = '30 days'")
    source = zoho(1)
    began = utc_now()

    sync(source, books, ZOHO)

    ((since, _),) = source.asked
    assert since is not None
    assert timedelta(0) <= since - (began - timedelta(days=30)) < timedelta(minutes=1)


def test_a_full_first_pull_looks_back_to_the_beginning(conn: Connection[Any], books: App):
    conn.execute("UPDATE platform.app_entity SET initial_lookback = '30 days'")
    source = zoho(1)

    sync(source, books, ZOHO, full=True)

    assert source.asked == [(None, None)]


def test_a_listing_out_of_budget_ends_as_partial_and_goes_on(conn: Connection[Any], shop: App):
    source = saleor(6, total=6)

    first = sync(source, shop, SALEOR, pace=NO_TIME)
    left = scan(conn)
    second = sync(source, shop, SALEOR)

    assert (first.partial, first.read) == (True, 2)
    assert first.estimate_seconds is not None
    assert left is not None
    assert (left["total"], left["done"], left["resume"]) == (6, 2, {"position": 2})
    assert 0 <= left["seconds"] < 180
    assert left["calls"] == 1
    assert (second.partial, second.read) == (False, 4)
    assert second.estimate_seconds is None
    assert source.counted == 1, "the estimate costs its calls once"


def test_a_listing_of_one_piece_is_not_counted(shop: App):
    source = saleor(2, total=2)

    sync(source, shop, SALEOR)

    assert source.counted == 0


def test_a_faster_clock_shortens_every_pause_alike():
    pace = Pace(budget_seconds=60, head_seconds=20, flush_seconds=10)

    assert pace.faster(10) == Pace(budget_seconds=6, head_seconds=2, flush_seconds=1)


def test_the_last_batch_is_finished_though_the_budget_is_used(shop: App):
    assert not sync(saleor(2), shop, SALEOR, pace=NO_TIME).partial


def test_the_end_of_the_quota_is_no_failure_and_keeps_what_the_calls_brought(
    conn: Connection[Any], books: App
):
    error = QuotaExhausted("zoho", "get", code="1070", retry_after=100)
    source = zoho(6, fails_on="2", error=error, total=6, seconds_per_call=10.0)

    result = sync(source, books, ZOHO)

    assert (result.partial, result.out_of_quota) == (True, True)
    assert (result.read, result.changed) == (3, 3), "of a batch that was not full yet, too"
    assert value(conn, "SELECT last_status FROM platform.sync_state") == "partial"
    left = scan(conn)
    assert left is not None
    assert (left["done"], left["waits"]) == (3, True)
    assert result.estimate_seconds is not None
    assert result.estimate_seconds >= 100 + 3 / 3 * left["calls"] * 10


def test_out_of_quota_while_looking_for_changes_leaves_no_scan(conn: Connection[Any], books: App):
    source = zoho(1)
    sync(source, books, ZOHO)
    source.fails_on, source.error = 1, QuotaExhausted("zoho", "list")

    result = sync(source, books, ZOHO)

    assert (result.partial, result.out_of_quota, result.estimate_seconds) == (True, True, None)
    assert scan(conn) is None
    assert watermark(conn) == LATER


def test_what_vanished_is_kept_though_the_quota_ends_while_it_is_proved(
    conn: Connection[Any], books: App
):
    source = zoho(6)
    sync(source, books, ZOHO, full=True)
    source.remove("1", "3")
    source.fails_on, source.error = "3", QuotaExhausted("zoho", "get")

    result = sync(source, books, ZOHO, full=True)

    assert (result.deleted, result.partial) == (1, True)
    assert scan(conn) is not None


def test_a_long_listing_looks_for_new_records_in_between(conn: Connection[Any], shop: App):
    source = saleor(6)

    published = []

    result = sync(
        source, shop, SALEOR, pace=RESTLESS, publish=lambda: published.append(watermark(conn))
    )

    changed_since = LATER - SALEOR_ORDERS.overlap
    assert [since for since, _ in source.asked] == [None, changed_since, changed_since]
    assert source.lanes == ["backfill", "head", "backfill", "head", "backfill"]
    assert result.changed == 6
    assert count(conn, "raw.saleor_orders") == 6
    assert published == [LATER, LATER], "what landed so far may be merged"


def test_a_batch_is_written_while_the_next_one_is_read(conn: Connection[Any], shop: App):
    source = saleor(6)

    with ThreadPoolExecutor() as pool, conn.transaction():
        conn.execute("LOCK TABLE raw.saleor_orders IN EXCLUSIVE MODE")
        pulled = pool.submit(sync, source, shop, SALEOR)
        wait_until(lambda: len(source.lanes) > 1, what="the second page")

    assert pulled.result().changed == 6


def test_a_stream_without_times_is_listed_whole_every_time(conn: Connection[Any], books: App):
    source = Source(ZOHO_TAXES, {"tax_id": "1"})

    results = [sync(source, books, "zoho_taxes") for _ in range(2)]

    assert source.asked == [(None, None)] * 2
    assert watermark(conn) is None
    assert [(each.changed, each.unchanged) for each in results] == [(1, 0), (0, 1)]


def test_a_list_with_a_filter_of_its_own_is_read_again_as_far_as_its_overlap(
    conn: Connection[Any], books: App
):
    dated = dataclasses.replace(ZOHO_TAXES, order="descending", overlap=timedelta(days=14))
    source = Source(dated, {"tax_id": "1"})
    source.listed_at = LATER

    results = [sync_stream(source, dated, books, PullOptions()) for _ in range(2)]

    assert source.asked == [(None, None), (LATER - timedelta(days=14), None)]
    assert watermark(conn) == LATER
    assert [(each.changed, each.unchanged) for each in results] == [(1, 0), (0, 1)]


def test_kept_rejects_are_tried_before_the_listing(conn: Connection[Any], books: App, put):
    put(books, ZOHO, zoho_order("1", notes="\0"))
    mended = orjson.dumps(zoho_order("1", modified=at(1)))
    conn.execute("UPDATE platform.rejects SET payload = %s", (mended,))
    source = zoho(2)
    source.remove("0")

    result = sync(source, books, ZOHO)

    assert source.fetched == []
    assert (result.read, result.changed, result.unchanged, result.api_calls) == (2, 1, 1, 1)


def test_calls_and_progress_are_told(books: App):
    told: list[tuple[int, int | None]] = []
    source = zoho(4, total=4)

    result = sync(source, books, ZOHO, progress=lambda *args: told.append(args))

    assert result.api_calls == source.calls == 6
    assert told[-1] == (4, 4)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize("stream", [ZOHO, SALEOR])
def test_records_of_one_instant_on_a_page_border_are_neither_missed_nor_doubled(
    conn: Connection[Any], books: App, shop: App, stream: str
):
    make, app = (zoho_order, books) if stream == ZOHO else (saleor_order, shop)
    source = Source(registry.streams()[stream], *(make(str(n)) for n in range(7)), page_size=3)
    source.listed_at = NOON + timedelta(seconds=1)
    sync(source, app, stream)
    source.put(*(make(str(n)) for n in range(7, 12)))

    result = sync(source, app, stream)

    assert result.changed == 5
    assert count(conn, f"raw.{stream}") == 12
    assert count(conn, "platform.todo") == 12


def test_shifted_and_repeated_pages_land_every_record_once(conn: Connection[Any], shop: App):
    source = saleor(6)
    honest = source.iter_pages

    def shifted(*args: Any, **options: Any) -> Iterator[Any]:
        before: list[Any] = []
        for page in honest(*args, **options):
            yield dataclasses.replace(page, records=before[-1:] + page.records)
            yield page
            before = page.records

    source.iter_pages = shifted  # type: ignore[method-assign]  # rows move while they are read

    result = sync(source, shop, SALEOR)

    assert (result.changed, result.rejected) == (6, 0)
    assert result.read == result.changed + result.unchanged
    assert count(conn, "raw.saleor_orders") == count(conn, "platform.todo") == 6


def shipped(order_id: str, days: float, **fields: Any) -> dict[str, Any]:
    modified = utc_now() - timedelta(days=days)
    return saleor_order(order_id, modified=modified, **{"status": "FULFILLED", **fields})


def test_what_the_source_does_not_date_is_read_again_by_id(conn: Connection[Any], shop: App):
    old = [shipped("old", 61), shipped("open", 1, status="UNFULFILLED")]
    source = Source(SALEOR_ORDERS, shipped("new", 1), shipped("newer", 0.5), *old)
    sync(source, shop, SALEOR)
    for each in source.records:
        each["customerNote"] = "changed without a date"

    result = sync(source, shop, SALEOR)

    assert source.fetched == ["newer", "new"]
    assert (result.changed, set(source.lanes)) == (2, {"backfill", "head"})


def test_a_full_sync_reads_nothing_by_id_twice(conn: Connection[Any], shop: App):
    source = Source(SALEOR_ORDERS, shipped("new", 1))

    for _ in range(2):
        sync(source, shop, SALEOR, full=True)

    assert source.fetched == []


def test_an_undated_record_that_vanished_is_deleted(conn: Connection[Any], shop: App):
    source = Source(SALEOR_ORDERS, shipped("new", 1))
    sync(source, shop, SALEOR)
    source.remove("new")

    assert sync(source, shop, SALEOR).deleted == 1
    assert value(conn, "SELECT deleted_at IS NOT NULL FROM raw.saleor_orders") is True


def test_only_the_newest_undated_records_are_read_again(
    conn: Connection[Any], shop: App, monkeypatch: pytest.MonkeyPatch
):
    undated = dataclasses.replace(SALEOR_ORDERS.undated, most=1)  # type: ignore[type-var]  # set
    stream = dataclasses.replace(SALEOR_ORDERS, undated=undated)
    monkeypatch.setattr(registry, "streams", lambda: {SALEOR: stream})
    source = Source(stream, shipped("new", 1), shipped("newer", 0.5))

    for _ in range(2):
        sync(source, shop, SALEOR)

    assert source.fetched == ["newer"]


def test_what_the_listing_showed_is_not_read_by_id_as_well(conn: Connection[Any], shop: App):
    source = Source(SALEOR_ORDERS, shipped("1", 1), shipped("2", 0))
    sync(source, shop, SALEOR)

    result = sync(source, shop, SALEOR)

    assert source.fetched == ["1"], "the other one lies within the overlap"
    assert result.read == result.unchanged == 2
