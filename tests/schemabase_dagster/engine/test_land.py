"""Landing: which version of a record raw holds, what is written, queued, kept and counted."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from assets import registry
from assets.orders.zoho import ZOHO_SALES_ORDERS
from schemabase_dagster import database
from schemabase_dagster.engine.incoming import prepare
from schemabase_dagster.engine.land import (
    Known,
    Landed,
    find_known,
    is_settled,
    land,
    mark_deleted,
)
from schemabase_dagster.tenancy import App
from tests.factories import NOON, at, saleor_order, zoho_order
from tests.support import shops
from tests.support.rows import count, one, rows, value, versions, waiters
from tests.support.wait import wait_until

ORDERS = "zoho_sales_orders"
READ = at(3600)


def raw(conn: Connection[Any], external_id: str = "1") -> dict[str, Any]:
    return one(conn, "SELECT * FROM raw.zoho_sales_orders WHERE external_id = %s", (external_id,))


def delete(app: App, *ids: str, stream: str = ORDERS) -> int:
    with database.transaction() as conn:
        return mark_deleted(conn, registry.streams()[stream], app, ids, via="pull", run_id="gone")


def test_a_new_record_is_stored_as_it_came(conn: Connection[Any], books: App, put):
    landed = put(books, ORDERS, zoho_order(notes='\\ \t ä "\n'), via="webhook", run_id="run")

    row = raw(conn)
    assert landed == Landed(changed=1)
    assert row["payload"] == zoho_order(notes='\\ \t ä "\n')
    assert (row["tenant_id"], row["app_id"]) == (books.tenant_id, books.id)
    assert (row["source_updated_at"], row["read_at"]) == (NOON, READ)
    assert (row["via"], row["run_id"], row["change_count"]) == ("webhook", "run", 0)
    assert row["deleted_at"] is None


def test_an_id_may_hold_a_backslash(conn: Connection[Any], shop: App, put):
    put(shop, "saleor_orders", saleor_order("a\\b"))

    assert value(conn, "SELECT external_id FROM raw.saleor_orders") == "a\\b"


def test_an_equal_record_writes_nothing(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order())
    before = versions(conn, "raw.zoho_sales_orders")
    queued = count(conn, "platform.todo")

    again = put(books, ORDERS, zoho_order(), read_at=at(7200))

    assert again == Landed(unchanged=1)
    assert versions(conn, "raw.zoho_sales_orders") == before
    assert count(conn, "platform.todo") == queued
    assert count(conn, "raw.record_history") == 0


def test_a_changed_record_is_written_counted_and_its_former_version_kept(
    conn: Connection[Any], books: App, put
):
    put(books, ORDERS, zoho_order(), run_id="first")
    before = raw(conn)

    landed = put(books, ORDERS, zoho_order(total=5, modified=at(9)), run_id="second", via="webhook")

    row = raw(conn)
    kept = one(conn, "SELECT * FROM raw.record_history")
    assert landed == Landed(changed=1)
    assert row["payload"]["total"] == 5
    assert (row["via"], row["run_id"], row["change_count"]) == ("webhook", "second", 1)
    assert row["first_seen_at"] == before["first_seen_at"]
    assert row["changed_at"] > before["changed_at"]
    assert kept["payload"] == zoho_order()
    assert (kept["app_id"], kept["stream"], kept["external_id"]) == (books.id, ORDERS, "1")
    assert (kept["payload_hash"], kept["run_id"]) == (before["payload_hash"], "second")


def test_only_the_changed_records_of_a_batch_leave_history(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order("1"), zoho_order("2"))

    landed = put(books, ORDERS, zoho_order("1"), zoho_order("2", total=5, modified=at(1)),
                 zoho_order("3"))  # fmt: skip

    assert landed == Landed(changed=2, unchanged=1)
    assert [row["external_id"] for row in rows(conn, "SELECT * FROM raw.record_history")] == ["2"]


@pytest.mark.parametrize(
    ("modified", "read_at", "wins"),
    [
        pytest.param(at(1), at(10), True, id="newer, read later"),
        pytest.param(at(1), at(1), True, id="newer, read before"),
        pytest.param(at(-1), at(10), False, id="older, read later"),
        pytest.param(at(-1), at(1), False, id="older, read before"),
        pytest.param(at(0), at(6), True, id="same time, read later"),
        pytest.param(at(0), at(4), False, id="same time, read before"),
        pytest.param(at(0), at(5), True, id="same time, read at once"),
    ],
)
def test_a_version_never_replaces_a_newer_one(
    conn: Connection[Any], books: App, put, modified: datetime, read_at: datetime, wins: bool
):
    put(books, ORDERS, zoho_order(total=1, modified=NOON), read_at=at(5))

    landed = put(books, ORDERS, zoho_order(total=2, modified=modified), read_at=read_at)

    assert landed == (Landed(changed=1) if wins else Landed(unchanged=1))
    assert raw(conn)["payload"]["total"] == (2 if wins else 1)


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["as is", "reversed"])
def test_of_repeats_in_a_batch_the_newest_counts(
    conn: Connection[Any], books: App, put, order: slice
):
    repeats = [zoho_order(total=n, modified=at(n)) for n in (1, 2, 3)]

    landed = put(books, ORDERS, *repeats[order])

    assert landed == Landed(changed=1, unchanged=2)
    assert raw(conn)["payload"]["total"] == 3


VERSIONS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=6
)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(versions_=VERSIONS.flatmap(lambda v: st.tuples(st.just(v), st.permutations(v))))
def test_any_order_of_arrival_gives_the_same_row(
    conn: Connection[Any], books: App, put, versions_: tuple[Sequence[Any], Sequence[Any]]
):
    # The content follows from the two times: a source does not show two contents at one instant.
    results = []
    for arrivals in versions_:
        conn.execute("TRUNCATE raw.zoho_sales_orders, platform.todo")
        for minute, second, read in arrivals:
            record = zoho_order(total=f"{minute}{second}{read}", modified=at(60 * minute + second))
            put(books, ORDERS, record, read_at=at(200 + read))
        results.append(raw(conn)["payload"])

    assert results[0] == results[1]


def test_only_changed_records_are_queued_once_each(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order("1"), zoho_order("2"))
    conn.execute("TRUNCATE platform.todo")

    put(books, ORDERS, zoho_order("1"), zoho_order("2", total=5, modified=at(1)))

    queued = one(conn, "SELECT tenant_id, stream, app_id, external_id FROM platform.todo")
    assert tuple(queued.values()) == (books.tenant_id, ORDERS, books.id, "2")


def test_a_stream_without_mapper_queues_nothing(conn: Connection[Any], books: App, put):
    assert put(books, "zoho_organizations", {"organization_id": "1"}) == Landed(changed=1)

    assert count(conn, "platform.todo") == 0


def test_without_a_modified_time_the_later_reading_wins(conn: Connection[Any], books: App, put):
    put(books, "zoho_taxes", {"tax_id": "1", "rate": 19}, read_at=at(10))

    stale = put(books, "zoho_taxes", {"tax_id": "1", "rate": 16}, read_at=at(9))
    fresh = put(books, "zoho_taxes", {"tax_id": "1", "rate": 20}, read_at=at(11))

    assert (stale, fresh) == (Landed(unchanged=1), Landed(changed=1))
    assert value(conn, "SELECT payload->'rate' FROM raw.zoho_taxes") == 20


def test_a_deleted_record_keeps_its_values_and_is_queued(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order("1"), zoho_order("2"))
    conn.execute("TRUNCATE platform.todo")

    gone = delete(books, "1", "unknown")

    assert gone == 1
    assert raw(conn)["payload"] == zoho_order()
    assert (raw(conn)["deleted_at"] is None, raw(conn)["run_id"]) == (False, "gone")
    assert raw(conn, "2")["deleted_at"] is None
    assert value(conn, "SELECT external_id FROM platform.todo") == "1"


def test_a_record_is_deleted_once(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order())
    delete(books, "1")
    before = raw(conn)

    assert delete(books, "1") == 0
    assert raw(conn) == before
    assert count(conn, "platform.todo") == 2


def test_deleting_nothing_asks_nothing(books: App):
    assert delete(books) == 0


def test_deletion_without_mapper_queues_nothing(conn: Connection[Any], books: App, put):
    put(books, "zoho_organizations", {"organization_id": "1"})

    assert delete(books, "1", stream="zoho_organizations") == 1
    assert count(conn, "platform.todo") == 0


def test_a_record_that_comes_back_unchanged_is_revived(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order())
    delete(books, "1")
    conn.execute("TRUNCATE platform.todo")

    landed = put(books, ORDERS, zoho_order(), read_at=at(7200))

    assert landed == Landed(changed=1)
    assert raw(conn)["deleted_at"] is None
    assert count(conn, "platform.todo") == 1
    assert count(conn, "raw.record_history") == 0


def test_a_stale_delivery_revives_nothing(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order(modified=at(5)))
    delete(books, "1")

    landed = put(books, ORDERS, zoho_order(modified=at(4)), via="webhook")

    assert landed == Landed(unchanged=1)
    assert raw(conn)["deleted_at"] is not None


def test_equal_ids_of_two_apps_are_two_records(conn: Connection[Any], books, tenant, put):
    second = shops.unreachable_zoho(conn, tenant, "books2")

    put(books, ORDERS, zoho_order(total=1))
    put(second, ORDERS, zoho_order(total=2, modified=at(1)))
    delete(second, "1")

    found = rows(conn, "SELECT app_id, deleted_at FROM raw.zoho_sales_orders")
    assert {row["app_id"]: row["deleted_at"] is None for row in found} == {
        books.id: True,
        second.id: False,
    }
    assert count(conn, "raw.record_history") == 0


def test_refused_records_are_set_aside_and_the_rest_lands(conn: Connection[Any], books: App, put):
    landed = put(books, ORDERS, zoho_order("1"), zoho_order("2", notes="\0"), ["no object"])

    assert landed == Landed(changed=1, rejected=2)
    assert count(conn, "raw.zoho_sales_orders") == 1
    assert count(conn, "platform.rejects") == 2


def test_a_record_that_lands_is_no_reject_any_more(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order("1", notes="\0"), zoho_order("2", notes="\0"))

    put(books, ORDERS, zoho_order("1"))

    assert value(conn, "SELECT external_id FROM platform.rejects") == "2"


@pytest.mark.parametrize(
    ("known", "modified", "settled"),
    [
        pytest.param(None, NOON, False, id="unknown"),
        pytest.param(Known(b"", NOON, at(60), is_deleted=True), NOON, False, id="deleted"),
        pytest.param(
            Known(b"", NOON, at(60), is_deleted=False), None, False, id="list has no time"
        ),
        pytest.param(Known(b"", None, at(60), is_deleted=False), NOON, False, id="raw has no time"),
        pytest.param(Known(b"", NOON, at(60), is_deleted=False), at(1), False, id="newer"),
        pytest.param(Known(b"", NOON, at(60), is_deleted=False), at(-1), True, id="older"),
        pytest.param(Known(b"", NOON, at(60), is_deleted=False), NOON, True, id="same, read later"),
        pytest.param(Known(b"", NOON, at(2), is_deleted=False), NOON, True, id="two seconds"),
        pytest.param(Known(b"", NOON, at(1.9), is_deleted=False), NOON, False, id="too soon"),
    ],
)
def test_a_list_row_is_settled_only_by_a_version_surely_as_new(
    known: Known | None, modified: datetime | None, settled: bool
):
    assert is_settled(known, modified) is settled


def test_an_unsettled_record_that_is_still_equal_is_settled_by_the_second_reading(
    conn: Connection[Any], books: App, put
):
    put(books, ORDERS, zoho_order(), read_at=at(1))
    changed_at = raw(conn)["changed_at"]

    landed = put(books, ORDERS, zoho_order(), read_at=at(60))

    with database.transaction() as connection:
        known = find_known(connection, ZOHO_SALES_ORDERS, books, ["1"])
    assert landed == Landed(unchanged=1)
    assert is_settled(known["1"], NOON)
    assert raw(conn)["changed_at"] == changed_at


def test_a_settled_record_is_not_touched_by_another_reading(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order(), read_at=at(2))
    before = versions(conn, "raw.zoho_sales_orders")

    put(books, ORDERS, zoho_order(), read_at=at(60))

    assert versions(conn, "raw.zoho_sales_orders") == before


def test_a_stream_that_lists_whole_records_needs_no_settling(conn: Connection[Any], shop: App, put):
    put(shop, "saleor_orders", saleor_order(), read_at=at(1))
    before = versions(conn, "raw.saleor_orders")

    put(shop, "saleor_orders", saleor_order(), read_at=at(60))

    assert versions(conn, "raw.saleor_orders") == before


def test_another_content_of_the_same_second_replaces_an_unsettled_one(
    conn: Connection[Any], books: App, put
):
    put(books, ORDERS, zoho_order(total=1), read_at=at(0.5))

    landed = put(books, ORDERS, zoho_order(total=2), read_at=at(0.9))

    assert landed == Landed(changed=1)
    assert raw(conn)["payload"]["total"] == 2


def test_what_is_known_is_told_of_the_asked_ids_only(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order("1"), zoho_order("2"))
    delete(books, "2")

    with database.transaction() as connection:
        known = find_known(connection, ZOHO_SALES_ORDERS, books, ["2", "3"])

    assert list(known) == ["2"]
    assert known["2"].is_deleted
    assert known["2"].freshness == (NOON, READ)
    assert known["2"].read_at - NOON == timedelta(hours=1)


def test_a_record_that_another_session_lands_meanwhile_is_stored_once_and_the_rest_lands(
    conn: Connection[Any], books: App, put
):
    stream = registry.streams()[ORDERS]
    with ThreadPoolExecutor() as pool, database.connect() as other:
        land(
            other,
            stream,
            books,
            [prepare(stream, zoho_order("1"), READ)],
            via="webhook",
            run_id=None,
        )
        landing = pool.submit(put, books, ORDERS, zoho_order("1"), zoho_order("2"))
        wait_until(lambda: waiters(conn), what="the second to wait for the first")
        other.commit()

        landed = landing.result()

    assert landed == Landed(changed=1, unchanged=1)
    assert count(conn, "raw.zoho_sales_orders") == 2
    assert count(conn, "platform.todo") == 2
    assert raw(conn)["via"] == "webhook"
