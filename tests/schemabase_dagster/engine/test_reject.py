"""Records set aside: kept whole with the reason, counted, tried again, gone when they pass."""

from typing import Any
from uuid import UUID

import orjson
import pytest
from psycopg import Connection

from assets import registry
from assets.orders.zoho import ZOHO_SALES_ORDERS
from schemabase_dagster import database
from schemabase_dagster.engine import retry
from schemabase_dagster.engine.land import Landed
from schemabase_dagster.engine.reject import (
    MappingReject,
    keep_mapping_rejects,
    landing_rejects,
    requeue_mapping_rejects,
)
from schemabase_dagster.engine.retry import retry_refused
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import at, saleor_order, zoho_order
from tests.support.rows import count, one, rows, value

ORDERS = "zoho_sales_orders"
NUL = "a\0b"


def mend(conn: Connection[Any], external_id: str) -> None:
    """Store a kept record anew as a fixed engine would read it."""
    payload = orjson.dumps(zoho_order(external_id))
    conn.execute(
        "UPDATE platform.rejects SET payload = %s WHERE external_id = %s", (payload, external_id)
    )


def test_a_refused_record_is_kept_whole_with_its_reason(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order("1", notes=NUL))

    row = one(conn, "SELECT * FROM platform.rejects")
    assert orjson.loads(bytes(row["payload"])) == zoho_order("1", notes=NUL)
    facts = ("tenant_id", "app_id", "stream", "stage", "external_id", "code", "path", "attempts")
    assert [row[name] for name in facts] == [
        books.tenant_id, books.id, ORDERS, "land", "1", "nul_character", "notes", 1
    ]  # fmt: skip
    assert "U+0000" in row["reason"]


def test_the_same_fault_again_counts_an_attempt(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order("1", notes=NUL), [1])
    first = value(conn, "SELECT max(last_at) FROM platform.rejects")

    put(books, ORDERS, zoho_order("1", notes=NUL), [1])

    found = rows(conn, "SELECT attempts, last_at > %s AS later FROM platform.rejects", (first,))
    assert found == [{"attempts": 2, "later": True}] * 2


def test_another_fault_of_one_record_replaces_the_former(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order("1", notes=NUL), zoho_order("2", notes=NUL))

    put(books, ORDERS, zoho_order("1", last_modified_time=None))

    found = rows(conn, "SELECT external_id, code FROM platform.rejects ORDER BY external_id")
    assert [tuple(row.values()) for row in found] == [("1", "missing"), ("2", "nul_character")]


def test_records_without_id_are_told_apart_by_content(conn: Connection[Any], books: App, put):
    put(books, ORDERS, {"a": 1}, {"a": 2}, {"a": 1})

    found = rows(conn, "SELECT attempts FROM platform.rejects ORDER BY attempts")
    assert [row["attempts"] for row in found] == [1, 2]


def test_a_mended_record_lands_without_a_fetch_and_the_others_wait(
    conn: Connection[Any], books: App, put
):
    put(books, ORDERS, zoho_order("1", notes=NUL), zoho_order("2", notes=NUL), [3])
    mend(conn, "1")

    landed = retry_refused(ZOHO_SALES_ORDERS, books, "run")

    assert landed == Landed(changed=1)
    assert one(conn, "SELECT external_id, run_id, via FROM raw.zoho_sales_orders") == {
        "external_id": "1", "run_id": "run", "via": "pull"
    }  # fmt: skip
    kept = rows(conn, "SELECT external_id, attempts FROM platform.rejects")
    assert {row["external_id"] for row in kept} == {"2", None}
    assert {row["attempts"] for row in kept} == {1}


def test_a_mended_record_never_replaces_a_newer_version(conn: Connection[Any], books: App, put):
    put(books, ORDERS, zoho_order("1", notes=NUL))
    mend(conn, "1")
    conn.execute("UPDATE platform.rejects SET external_id = 'hidden'")
    put(books, ORDERS, zoho_order("1", total=99, modified=at(60)))

    assert retry_refused(ZOHO_SALES_ORDERS, books, None) == Landed(unchanged=1)

    assert value(conn, "SELECT payload->'total' FROM raw.zoho_sales_orders") == 99
    assert count(conn, "platform.rejects") == 0


def test_all_kept_records_are_tried_in_batches(
    conn: Connection[Any], books: App, put, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retry, "BATCH_RECORDS", 2)
    ids = [str(number) for number in range(5)]
    put(books, ORDERS, *(zoho_order(each, notes=NUL) for each in ids))
    for each in ("1", "4"):
        mend(conn, each)

    assert retry_refused(ZOHO_SALES_ORDERS, books, None) == Landed(changed=2)
    assert count(conn, "platform.rejects") == 3


def test_only_the_streams_own_landing_rejects_are_tried(
    conn: Connection[Any], books: App, shop: App, put
):
    put(books, ORDERS, zoho_order("1", notes=NUL))
    put(books, "zoho_invoices", {"invoice_id": "9"})
    put(shop, "saleor_orders", saleor_order("x", customerNote=NUL))
    with database.transaction() as connection:
        fault = MappingReject(ORDERS, books.id, "2", RecordRejected("type", "total", "No."))
        keep_mapping_rejects(connection, books.tenant_id, [fault])

        kept = landing_rejects(connection, ZOHO_SALES_ORDERS, books, after=UUID(int=0), limit=10)

    assert [orjson.loads(payload)["salesorder_id"] for _, payload in kept] == ["1"]


def test_mapping_rejects_are_queued_again_unless_they_wait_already(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, *(zoho_order(each, total="much") for each in ("1", "2", "3")))
    merge(tenant, "order")
    put(books, ORDERS, zoho_order("2", total="more", modified=at(1)))

    with database.transaction() as connection:
        queued = requeue_mapping_rejects(connection, tenant.id, [ORDERS])
        other = requeue_mapping_rejects(connection, tenant.id, ["saleor_orders"])

    waiting = rows(conn, "SELECT external_id FROM platform.todo ORDER BY external_id")
    assert (queued, other) == (2, 0)
    assert [row["external_id"] for row in waiting] == ["1", "2", "3"]


def test_an_unmappable_record_is_set_aside_with_path_and_the_rest_is_merged(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    faulty = zoho_order("2", line_items=[{"line_item_id": "1", "rate": 1, "item_total": 1}])
    put(books, ORDERS, zoho_order("1"), faulty, zoho_order("3", total="much", currency_code=5))

    result = merge(tenant, "order")

    assert (result.read, result.changed, result.rejected) == (3, 1, 2)
    assert result.rejected_codes == {"missing": 1, "type": 1}
    found = rows(conn, "SELECT * FROM platform.rejects ORDER BY external_id")
    facts = ("stage", "external_id", "payload", "code", "path", "attempts")
    assert [[row[name] for name in facts] for row in found] == [
        ["map", "2", None, "missing", "line_items.0.quantity", 1],
        ["map", "3", None, "type", "currency_code", 1],
    ]
    assert "(1 more fault)" in found[1]["reason"]
    assert "much" not in found[1]["reason"]


def test_an_unmappable_record_is_tried_on_every_run_and_counted(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", total="much"))

    results = [merge(tenant, "order") for _ in range(3)]

    assert [(each.read, each.rejected) for each in results] == [(1, 1)] * 3
    assert value(conn, "SELECT attempts FROM platform.rejects") == 3
    assert count(conn, "platform.todo") == 0


def test_a_record_that_is_mapped_at_last_is_no_reject_any_more(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", total="much"), zoho_order("2", total="much"))
    merge(tenant, "order")
    put(books, ORDERS, zoho_order("1", modified=at(5)))

    result = merge(tenant, "order")

    assert (result.changed, result.rejected) == (1, 1)
    assert value(conn, "SELECT external_id FROM platform.rejects") == "2"
    assert count(conn, "core.orders") == 1


def test_a_row_that_the_database_refuses_is_found_and_set_aside_alone(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    good = [zoho_order(str(number)) for number in range(1, 8)]
    put(books, ORDERS, *good[:3], zoho_order("99", total="9" * 20), *good[3:])

    result = merge(tenant, "order")

    assert (result.read, result.changed, result.rejected) == (8, 7, 1)
    assert result.rejected_codes == {"database": 1}
    row = one(conn, "SELECT stage, external_id, code, reason FROM platform.rejects")
    assert (row["stage"], row["external_id"], row["code"]) == ("map", "99", "database")
    assert count(conn, "core.orders") == 7
    assert count(conn, "platform.todo") == 0


@pytest.mark.parametrize("stream", ["zoho_sales_orders", "zoho_invoices", "zoho_contacts"])
def test_every_stream_keeps_what_it_cannot_land(
    conn: Connection[Any], books: App, put, stream: str
):
    described = registry.streams()[stream]

    landed = put(books, stream, {described.id_field: "1", "last_modified_time": "never"})

    assert landed == Landed(rejected=1)
    assert value(conn, "SELECT stream FROM platform.rejects") == stream
