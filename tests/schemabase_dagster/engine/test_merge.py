"""Raw to core: what a batch writes, what it leaves alone, and what survives a rebuild."""

from decimal import Decimal
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from schemabase_dagster import tenancy
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import (
    at,
    saleor_line,
    saleor_order,
    saleor_price,
    zoho_contact,
    zoho_invoice,
    zoho_line,
    zoho_order,
)
from tests.schemabase_dagster.engine.merging import (
    ORDERS,
    SHOP_ORDERS,
    delete,
    kinds,
    order,
    written,
)
from tests.support import shops
from tests.support.rows import count, one, rows, value


def test_an_order_of_both_systems_is_one_row_decided_by_authority(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7", customerNote="mine", channel={"slug": "web"}))
    put(books, ORDERS, zoho_order("1", "SHOP-7", total=99, shipment_date="2026-03-09",
                                  invoiced_status="invoiced"))  # fmt: skip

    result = merge(tenant, "order")

    row = order(conn, "SHOP-7")
    assert (result.read, result.changed, count(conn, "core.orders")) == (2, 2, 1)
    assert (row["total_gross"], row["customer_note"]) == (Decimal("11.9"), "mine")
    assert (str(row["expected_ship_date"]), row["invoice_status"]) == ("2026-03-09", "invoiced")
    assert row["owner_app_id"] == shop.id
    assert row["sources"]["totals"]["app"] == "shop"
    assert row["sources"]["invoice_status"]["app"] == "books"
    assert value(conn, "SELECT name FROM core.sales_channels") == "web"


def test_entities_are_merged_after_what_they_refer_to():
    ranked = sorted(registry.entities().values(), key=lambda entity: entity.rank)

    places = {entity.name: place for place, entity in enumerate(ranked)}
    assert all(
        places[parent] < places[entity.name]
        for entity in ranked
        for parent in registry.parents(entity)
    )
    assert list(places) == [
        "company",
        "warehouse",
        "tax_class",
        "tax_rate",
        "sales_channel",
        "product_type",
        "category",
        "product",
        "variant",
        "stock",
        "price",
        "bill_of_material",
        "variant_rating",
        "contact",
        "order",
        "invoice",
        "package",
        "package_event",
        "credit_note",
        "return",
        "payment",
        "refund",
        "dispute",
        "transaction_cost",
        "review",
    ]
    assert len({entity.rank for entity in ranked}) == len(ranked)


def test_references_tell_what_each_system_says(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", " SO-1 ", reference_number="PO-5"))
    merge(tenant, "order")

    ref = one(conn, "SELECT * FROM core.external_ref")
    facts = ("tenant_id", "app_id", "entity", "external_id", "stream", "external_number",
             "match_key", "other_key", "status", "deleted_at")  # fmt: skip
    assert [ref[name] for name in facts] == [
        tenant.id, books.id, "order", "1", ORDERS, " SO-1 ", "SO-1", "PO-5", "confirmed", None
    ]  # fmt: skip
    assert ref["attrs"] == {"total": "11.9", "currency": "EUR", "status": "confirmed"}
    assert ref["core_id"] == order(conn, "SO-1")["id"]


def test_mapping_the_same_again_writes_no_row(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    address = {"address": "Weg 1", "city": "Dresden", "zip": "01099", "country_code": "DE"}
    put(shop, SHOP_ORDERS, saleor_order("a", "7", userEmail="jana@example.com"))
    put(books, ORDERS, zoho_order("1", "SHOP-7", shipping_address=address, email="j@example.com",
                                  company_name="Beispiel GmbH"))  # fmt: skip
    put(books, "zoho_invoices", zoho_invoice("9", "SHOP-7"))
    put(books, "zoho_contacts", zoho_contact("7", "jana@example.com"))
    for entity in ("contact", "order", "invoice"):
        merge(tenant, entity)
    before = written(conn)

    queued = replay(tenant, registry.streams().values())
    results = [merge(tenant, entity) for entity in ("contact", "order", "invoice")]

    assert queued == 4
    assert [(each.read, each.unchanged) for each in results] == [(1, 1), (2, 2), (1, 1)]
    assert written(conn) == before


def test_a_changed_order_writes_only_its_own_row(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"), zoho_order("2"))
    merge(tenant, "order")
    before = order(conn, "SO-2")
    lines = rows(conn, "SELECT * FROM core.order_lines ORDER BY id")

    put(books, ORDERS, zoho_order("1", total=5, modified=at(1)), zoho_order("2", modified=at(1)))
    result = merge(tenant, "order")

    # The modified time of a group's source moves the row of the second order, too.
    assert result.changed == 2
    assert order(conn, "SO-1")["total_gross"] == 5
    assert order(conn, "SO-2") | {"updated_at": 0, "sources": 0} == before | {
        "updated_at": 0, "sources": 0
    }  # fmt: skip
    assert rows(conn, "SELECT * FROM core.order_lines ORDER BY id") == lines


def test_lines_come_and_go_and_keep_their_ids(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    first = [zoho_line("1", "A"), zoho_line("2", "A", quantity=2), zoho_line("3", "B")]
    put(books, ORDERS, zoho_order("1", line_items=first))
    merge(tenant, "order")
    ids = {
        (row["sku"], row["sku_occurrence"]): row["id"]
        for row in rows(conn, "SELECT * FROM core.order_lines")
    }
    updated = order(conn, "SO-1")["updated_at"]

    put(books, ORDERS, zoho_order("1", line_items=[first[0]], modified=at(1)))
    merge(tenant, "order")
    alive = rows(conn, "SELECT sku, sku_occurrence FROM core.order_lines WHERE deleted_at IS NULL")
    put(books, ORDERS, zoho_order("1", line_items=first, modified=at(2)))
    merge(tenant, "order")

    assert [tuple(row.values()) for row in alive] == [("A", 1)]
    back = rows(conn, "SELECT * FROM core.order_lines WHERE deleted_at IS NULL")
    assert {(row["sku"], row["sku_occurrence"]): row["id"] for row in back} == ids
    assert order(conn, "SO-1")["updated_at"] > updated


def test_an_order_without_lines_loses_them_all(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"), zoho_order("2"))
    merge(tenant, "order")
    put(books, ORDERS, zoho_order("1", line_items=[], modified=at(1)))
    before = order(conn, "SO-1")["updated_at"]

    result = merge(tenant, "order")

    assert result.changed == 1
    assert order(conn, "SO-1")["updated_at"] > before
    alive = rows(conn, "SELECT order_id FROM core.order_lines WHERE deleted_at IS NULL")
    assert [row["order_id"] for row in alive] == [order(conn, "SO-2")["id"]]


def test_a_changed_line_counts_as_a_change_of_its_order(
    conn: Connection[Any], tenant: Tenant, shop: App, put, merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    merge(tenant, "order")
    line = saleor_line(productName="Mug")
    conn.execute("UPDATE raw.saleor_orders SET payload = jsonb_set(payload, '{lines,0}', %s)",
                 (psycopg_json(line),))  # fmt: skip
    before = order(conn, "SHOP-7")["updated_at"]

    replay(tenant, registry.streams().values())
    result = merge(tenant, "order")

    assert (result.changed, value(conn, "SELECT description FROM core.order_lines")) == (1, "Mug")
    assert order(conn, "SHOP-7")["updated_at"] > before


def psycopg_json(document: Any) -> Any:
    from psycopg.types.json import Jsonb  # noqa: PLC0415

    return Jsonb(document)


def test_an_order_that_every_source_lost_is_deleted_softly_and_comes_back(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    put(books, ORDERS, zoho_order("1", "SHOP-7"))
    merge(tenant, "order")
    row_id = order(conn, "SHOP-7")["id"]

    delete(books, ORDERS, "1")
    one_left = merge(tenant, "order")
    assert order(conn, "SHOP-7")["deleted_at"] is None
    delete(shop, SHOP_ORDERS, "a")
    none_left = merge(tenant, "order")
    gone = order(conn, "SHOP-7")
    put(books, ORDERS, zoho_order("1", "SHOP-7"), read_at=at(9000))
    merge(tenant, "order")

    assert (one_left.deleted, none_left.deleted) == (1, 1)
    assert gone["deleted_at"] is not None
    assert gone["total_gross"] == Decimal("11.9"), "values are kept"
    back = order(conn, "SHOP-7")
    assert (back["id"], back["deleted_at"]) == (row_id, None)
    refs = rows(conn, "SELECT app_id, deleted_at FROM core.external_ref")
    assert {ref["app_id"]: ref["deleted_at"] is None for ref in refs} == {
        books.id: True, shop.id: False
    }  # fmt: skip


def test_a_tenants_own_authority_decides_its_rows(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    for app, priority in ((books, 1), (shop, 2)):
        conn.execute(
            "INSERT INTO platform.field_authority VALUES (%s, 'order', 'totals', %s, %s)",
            (tenant.id, app.id, priority),
        )
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    put(books, ORDERS, zoho_order("1", "SHOP-7", total=99))

    merge(tenant, "order")

    assert order(conn, "SHOP-7")["total_gross"] == 99


@pytest.mark.parametrize(
    ("statement", "total"),
    [
        pytest.param("UPDATE platform.app SET enabled = false WHERE key = 'shop'", 99, id="off"),
        pytest.param(
            "UPDATE platform.sync_state SET last_success_at = now() - interval '31 days'", 99,
            id="not confirmed for 31 days",
        ),
        pytest.param(
            "UPDATE platform.sync_state SET last_success_at = now() - interval '29 days'", 10,
            id="confirmed 29 days ago",
        ),
    ],
)  # fmt: skip
def test_an_app_that_is_off_or_unconfirmed_loses_its_authority(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge,
    statement: Any, total: int,
):  # fmt: skip
    conn.execute(
        "INSERT INTO platform.sync_state (app_id, stream) VALUES (%s, %s)", (shop.id, SHOP_ORDERS)
    )
    conn.execute(statement)
    put(shop, SHOP_ORDERS, saleor_order("a", "7", total=saleor_price("10", "10")))
    put(books, ORDERS, zoho_order("1", "SHOP-7", total=99))

    merge(tenant, "order")

    assert order(conn, "SHOP-7")["total_gross"] == total


def test_an_unreadable_record_of_a_row_leaves_the_row_to_the_other(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    put(books, ORDERS, zoho_order("1", "SHOP-7", shipment_date="2026-03-09"))
    merge(tenant, "order")

    put(shop, SHOP_ORDERS, saleor_order("a", "7", status=None, modified=at(1)))
    put(books, ORDERS, zoho_order("1", "SHOP-7", shipment_date="2026-03-10", modified=at(1)))
    result = merge(tenant, "order")

    row = order(conn, "SHOP-7")
    assert (result.changed, result.rejected) == (1, 1)
    assert str(row["expected_ship_date"]) == "2026-03-10"
    assert row["deleted_at"] is None


def test_a_row_none_of_whose_records_can_be_read_keeps_what_it_has(
    conn: Connection[Any], tenant: Tenant, shop: App, put, merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    merge(tenant, "order")
    before = order(conn, "SHOP-7")

    put(shop, SHOP_ORDERS, saleor_order("a", "7", status=None, modified=at(1)))
    merge(tenant, "order")

    assert order(conn, "SHOP-7") == before


def test_tenants_do_not_merge_each_others_records(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    globex = tenancy.add_tenant(conn, "globex", "Globex", timezone="UTC")
    theirs = shops.unreachable_zoho(conn, globex)
    put(books, ORDERS, zoho_order("1", "SO-1", email="jana@example.com"))
    put(theirs, ORDERS, zoho_order("2", "SO-1", email="jana@example.com"))

    first = merge(tenant, "order")
    left = count(conn, "platform.todo")
    merge(globex, "order")

    assert (first.read, left) == (1, 1)
    found = rows(conn, "SELECT tenant_id FROM core.orders")
    assert {row["tenant_id"] for row in found} == {tenant.id, globex.id}
    assert count(conn, "core.contacts") == 2
    assert kinds(conn) == []
    assert replay(globex, registry.streams().values()) == 1
    assert value(conn, "SELECT tenant_id FROM platform.todo") == globex.id
