"""Without these, nobody can tell which record and row a delivery changed, or why none."""

from typing import Any, LiteralString
from uuid import UUID

import pytest
from psycopg import Connection

from assets.orders.saleor import SALEOR_ORDERS
from assets.orders.zoho import ZOHO_SALES_ORDERS
from schemabase_dagster import inbox
from schemabase_dagster.inbox import Effect, Selection
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import at, saleor_order, zoho_order
from tests.schemabase_dagster.engine.conftest import Merge, Put
from tests.schemabase_dagster.engine.test_hints import deliver, hint, land
from tests.support.rows import count, one, rows, value
from tests.support.source import Source

ORDERS = "zoho_sales_orders"
ROW: LiteralString = """
SELECT w.status, e.stream, e.external_id, e.raw, e.core, o.order_number
FROM platform.webhook_inbox AS w
JOIN platform.webhook_effect AS e ON e.inbox_id = w.id
JOIN core.orders AS o ON o.id = e.core_id
WHERE w.id = %s
"""


def effect(conn: Connection[Any], inbox_id: UUID) -> Effect:
    """Return the only effect of a delivery."""
    (only,) = inbox.list_effects(conn, [inbox_id])
    return only


def fates(conn: Connection[Any], *inbox_ids: UUID) -> list[tuple[str, str | None]]:
    """Return what each delivery did in raw and in core."""
    found = (effect(conn, inbox_id) for inbox_id in inbox_ids)
    return [(each.raw, each.core) for each in found]


def test_a_delivery_leads_to_its_record_and_its_row(
    conn: Connection[Any], tenant: Tenant, books: App, merge: Merge
):
    (stored,) = deliver(conn, books, {"salesorder": zoho_order("1")})

    land(Source(ZOHO_SALES_ORDERS), books)
    assert fates(conn, stored) == [("changed", "waits")]
    merge(tenant, "order")

    assert one(conn, ROW, (stored,)) == {
        "status": "processed", "stream": ORDERS, "external_id": "1",
        "raw": "changed", "core": "changed", "order_number": "SO-1",
    }  # fmt: skip


def test_what_raw_holds_already_changes_nothing_and_still_leads_to_its_row(
    conn: Connection[Any], tenant: Tenant, books: App, merge: Merge, put: Put
):
    put(books, ORDERS, zoho_order("1"))
    merge(tenant, "order")
    (stored,) = deliver(conn, books, {"salesorder": zoho_order("1")})

    land(Source(ZOHO_SALES_ORDERS), books)

    assert fates(conn, stored) == [("equal", None)]
    assert one(conn, ROW, (stored,))["order_number"] == "SO-1"


def test_of_several_versions_that_one_changed_the_record_which_landed(
    conn: Connection[Any], books: App
):
    bodies = [{"salesorder": zoho_order("1", total=n, modified=at(n))} for n in (2, 3, 1)]
    stored = deliver(conn, books, *bodies)

    land(Source(ZOHO_SALES_ORDERS), books)

    found = fates(conn, *stored)
    assert found == [("stale", None), ("changed", "waits"), ("stale", None)]


def test_of_equal_deliveries_the_last_one_changed_the_record(conn: Connection[Any], books: App):
    stored = [deliver(conn, books, {"salesorder": zoho_order("1")})[0] for _ in range(2)]

    land(Source(ZOHO_SALES_ORDERS), books)

    assert fates(conn, *stored) == [("equal", None), ("changed", "waits")]


def test_all_that_hint_at_a_record_share_its_change(
    conn: Connection[Any], tenant: Tenant, shop: App, merge: Merge
):
    stored = deliver(conn, shop, hint("a"), hint("b", "a"))
    source = Source(SALEOR_ORDERS, saleor_order("a", "1"), saleor_order("b", "2"))

    land(source, shop)
    merge(tenant, "order")

    found = inbox.list_effects(conn, stored)
    assert [(each.external_id, each.raw, each.core) for each in found] == [
        ("a", "changed", "changed"), ("a", "changed", "changed"), ("b", "changed", "changed"),
    ]  # fmt: skip


def test_a_vanished_record_is_told_apart_from_one_that_never_was(
    conn: Connection[Any], tenant: Tenant, shop: App, merge: Merge, put: Put
):
    put(shop, "saleor_orders", saleor_order("a"))
    merge(tenant, "order")
    stored = deliver(conn, shop, hint("a"), hint("b"))

    land(Source(SALEOR_ORDERS), shop)
    merge(tenant, "order")

    assert fates(conn, *stored) == [("deleted", "deleted"), ("missing", None)]
    assert effect(conn, stored[0]).core_id == value(conn, "SELECT id FROM core.orders")


def test_what_raw_cannot_hold_is_rejected_with_or_without_an_id(conn: Connection[Any], books: App):
    nameless = {**zoho_order("2"), "salesorder_id": ""}
    bodies = ({"salesorder": zoho_order("1", notes="a\0b")}, {"salesorder": nameless})
    stored = deliver(conn, books, *bodies)

    land(Source(ZOHO_SALES_ORDERS), books)

    assert fates(conn, *stored) == [("rejected", None)] * 2
    assert [effect(conn, each).external_id for each in stored] == ["1", None]


def test_what_core_refuses_is_told_and_later_that_it_was_taken_up(
    conn: Connection[Any], tenant: Tenant, books: App, merge: Merge, put: Put
):
    (stored,) = deliver(conn, books, {"salesorder": zoho_order("1", line_items="none")})
    land(Source(ZOHO_SALES_ORDERS), books)

    merge(tenant, "order")
    assert fates(conn, stored) == [("changed", "rejected")]

    put(books, ORDERS, zoho_order("1", modified=at(60)))
    merge(tenant, "order")
    assert fates(conn, stored) == [("changed", "changed")]


def test_a_change_without_meaning_for_the_row_is_told(
    conn: Connection[Any], tenant: Tenant, books: App, merge: Merge, put: Put
):
    put(books, ORDERS, zoho_order("1"))
    merge(tenant, "order")
    (stored,) = deliver(conn, books, {"salesorder": zoho_order("1", page_width="8.27in")})

    land(Source(ZOHO_SALES_ORDERS), books)
    merge(tenant, "order")

    assert fates(conn, stored) == [("changed", "unchanged")]


def test_a_replayed_day_changes_no_row(
    conn: Connection[Any], tenant: Tenant, books: App, merge: Merge
):
    bodies = [{"salesorder": zoho_order("1", total=n, modified=at(n))} for n in range(3)]
    for body in bodies:
        deliver(conn, books, body)
        land(Source(ZOHO_SALES_ORDERS), books)
        merge(tenant, "order")

    inbox.replay(conn, Selection(tenant="acme"))
    land(Source(ZOHO_SALES_ORDERS), books)
    merge(tenant, "order")

    counted = rows(conn, "SELECT is_replay, raw, core, count(*) FROM platform.webhook_effect "
                         "GROUP BY 1, 2, 3 ORDER BY 1, 2")  # fmt: skip
    assert [tuple(row.values()) for row in counted] == [
        (False, "changed", "changed", 3), (True, "equal", None, 1), (True, "stale", None, 2),
    ]  # fmt: skip


def test_nothing_is_told_of_a_landing_that_failed(
    conn: Connection[Any], books: App, monkeypatch: pytest.MonkeyPatch
):
    deliver(conn, books, {"salesorder": zoho_order("1")})
    monkeypatch.setattr(inbox, "settle", lambda *_, **__: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        land(Source(ZOHO_SALES_ORDERS), books)

    assert count(conn, "platform.webhook_effect") == count(conn, "raw.zoho_sales_orders") == 0


def test_a_delivery_that_two_workers_landed_has_one_effect(conn: Connection[Any], books: App):
    (stored,) = deliver(conn, books, {"salesorder": zoho_order("1")})
    land(Source(ZOHO_SALES_ORDERS), books)
    # as if the first worker had lost its lease and settled nothing
    conn.execute("UPDATE platform.webhook_inbox SET status = 'received'")

    land(Source(ZOHO_SALES_ORDERS), books)

    assert fates(conn, stored) == [("changed", "waits")]


def test_what_lies_inside_a_record_is_told_when_it_changed_with_it(
    conn: Connection[Any], tenant: Tenant, shop: App, merge: Merge
):
    parcel = {"id": "F1", "status": "FULFILLED", "created": "2026-03-01T09:00:00+00:00",
              "trackingNumber": "", "lines": []}  # fmt: skip
    source = Source(SALEOR_ORDERS, saleor_order("a", fulfillments=[parcel]))
    stored = deliver(conn, shop, hint("a"))
    land(source, shop)
    source.records = [saleor_order("a", modified=at(60), fulfillments=[parcel])]
    stored += deliver(conn, shop, hint("a"))
    land(source, shop)
    for entity in ("order", "package"):
        merge(tenant, entity)

    found = [(each.inbox_id, each.stream) for each in inbox.list_effects(conn, stored)]
    assert found[:2] == [(stored[0], "saleor_fulfillments"), (stored[0], "saleor_orders")]
    assert found[2:] == [(stored[1], "saleor_orders")]


def test_old_effects_are_dropped(conn: Connection[Any], books: App):
    deliver(conn, books, {"salesorder": zoho_order("1")}, {"salesorder": zoho_order("2")})
    land(Source(ZOHO_SALES_ORDERS), books)
    conn.execute("UPDATE platform.webhook_effect SET received_at = now() - interval '31 days' "
                 "WHERE external_id = '1'")  # fmt: skip

    inbox.purge(conn)

    assert value(conn, "SELECT external_id FROM platform.webhook_effect") == "2"
