"""The queue of records to merge: batches, progress, other workers, replay."""

from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from schemabase_dagster import database
from schemabase_dagster.engine import merge as merge_module
from schemabase_dagster.engine.merge import BATCH_RECORDS, LEAST_RECORDS, next_size
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import (
    at,
    zoho_order,
)
from tests.schemabase_dagster.engine.merging import ORDERS, delete, order
from tests.support.rows import count, rows


def test_the_queue_is_worked_off_in_batches_and_progress_told(
    conn: Connection[Any], tenant: Tenant, books: App, put, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(merge_module, "FIRST_RECORDS", 2)
    monkeypatch.setattr(merge_module, "BATCH_RECORDS", 2)
    put(books, ORDERS, *(zoho_order(str(n)) for n in range(5)))
    told: list[tuple[int, int | None]] = []

    result = merge_module.merge_entity(
        registry.entities()["order"],
        tenant,
        registry.streams(),
        progress=lambda *args: told.append(args),
    )

    assert (result.read, result.changed) == (5, 5)
    assert 0 < result.seconds < 180
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert count(conn, "platform.todo") == 0


def test_a_record_queued_twice_is_read_once(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"))
    put(books, ORDERS, zoho_order("1", total=5, modified=at(1)))

    result = merge(tenant, "order")

    assert (result.read, result.changed, count(conn, "platform.todo")) == (1, 1, 0)
    assert order(conn, "SO-1")["total_gross"] == 5


def test_a_queued_record_that_raw_has_no_more_counts_as_unchanged(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"))
    conn.execute("TRUNCATE raw.zoho_sales_orders")

    result = merge(tenant, "order")

    assert (result.read, result.unchanged) == (1, 1)


def test_what_another_worker_holds_is_left_to_it(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"))
    with database.connect() as other:
        other.execute("SELECT FROM platform.todo FOR UPDATE")
        held = merge(tenant, "order")
    later = merge(tenant, "order")

    assert (held.read, later.read) == (0, 1)


def test_replay_queues_the_newest_first_and_deleted_ones_too(
    conn: Connection[Any], tenant: Tenant, books: App, put
):
    put(books, ORDERS, *(zoho_order(str(n), modified=at(n)) for n in (2, 3, 1)))
    put(books, "zoho_organizations", {"organization_id": "1"})
    delete(books, ORDERS, "2")
    conn.execute("TRUNCATE platform.todo")

    assert replay(tenant, registry.streams().values()) == 3

    queued = rows(conn, "SELECT stream, external_id FROM platform.todo ORDER BY id")
    assert [row["external_id"] for row in queued] == ["3", "2", "1"]
    assert {row["stream"] for row in queued} == {ORDERS}


@pytest.mark.parametrize(
    ("size", "seconds", "expected"),
    [
        (400, 1.0, 400),
        (400, 0.01, 800),
        (1600, 0.1, BATCH_RECORDS),
        (1600, 4.0, 400),
        (150, 60.0, LEAST_RECORDS),
        (400, 0.0, 800),
    ],
    ids=["fits", "grows slowly", "has a ceiling", "shrinks at once", "has a floor", "no time"],
)
def test_size_of_the_next_batch_follows_the_time_of_the_last(size, seconds, expected):
    assert next_size(size, seconds) == expected
