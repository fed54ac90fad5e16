"""Raw to core: what a batch writes, what it leaves alone, and what survives a rebuild."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from assets import registry
from schemabase_dagster import database, tenancy
from schemabase_dagster.engine import merge as merge_module
from schemabase_dagster.engine.decisions import decide, list_conflicts
from schemabase_dagster.engine.land import mark_deleted
from schemabase_dagster.engine.merge import BATCH_RECORDS, LEAST_RECORDS, next_size
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.errors import ConfigurationError
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
from tests.support import shops
from tests.support.rows import count, one, rows, value, versions

ORDERS, SHOP_ORDERS = "zoho_sales_orders", "saleor_orders"
CORE = (
    "core.orders", "core.order_lines", "core.contacts", "core.companies", "core.addresses",
    "core.invoices", "core.invoice_orders", "core.external_ref", "core.sales_channels",
    "platform.parent_key", "platform.match_conflict",
)  # fmt: skip


def written(conn: Connection[Any]) -> dict[str, dict[str, str]]:
    return {table: versions(conn, table) for table in CORE}


def order(conn: Connection[Any], number: str) -> dict[str, Any]:
    return one(conn, "SELECT * FROM core.orders WHERE order_number = %s", (number,))


def row_of(conn: Connection[Any], app: App, external_id: str) -> UUID:
    query = "SELECT core_id FROM core.external_ref WHERE app_id = %s AND external_id = %s"
    found: UUID = value(conn, query, (app.id, external_id))
    return found


def delete(app: App, stream: str, *ids: str) -> None:
    with database.transaction() as conn:
        mark_deleted(conn, registry.streams()[stream], app, ids, via="pull", run_id=None)


def kinds(conn: Connection[Any]) -> list[tuple[str, str]]:
    found = rows(
        conn,
        "SELECT external_id, kind FROM platform.match_conflict WHERE resolved_at IS NULL"
        " ORDER BY external_id, kind",
    )
    return [(row["external_id"], row["kind"]) for row in found]


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
    assert list(places) == ["contact", "order", "invoice", "package", "review"]
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


def test_a_contact_that_an_order_needs_outlives_its_record(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, "zoho_contacts", zoho_contact("7", "jana@example.com"),
        zoho_contact("8", "otto@example.com"))  # fmt: skip
    merge(tenant, "contact")
    put(books, ORDERS, zoho_order("1", email="jana@example.com"))
    merge(tenant, "order")

    delete(books, "zoho_contacts", "7", "8")
    merge(tenant, "contact")

    found = rows(conn, "SELECT email, deleted_at IS NULL AS lives FROM core.contacts")
    assert {row["email"]: row["lives"] for row in found} == {
        "jana@example.com": True, "otto@example.com": False
    }  # fmt: skip


def test_contacts_of_one_address_are_one_row_with_both_flags(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(
        books,
        "zoho_contacts",
        zoho_contact("7", "Jana@Example.com"),
        zoho_contact("8", "jana@example.com", contact_type="vendor", modified=at(5)),
        zoho_contact("9", ""),
    )

    merge(tenant, "contact")

    row = one(conn, "SELECT * FROM core.contacts WHERE email IS NOT NULL")
    assert (row["is_customer"], row["is_vendor"]) == (True, True)
    assert row_of(conn, books, "7") == row_of(conn, books, "8") == row["id"]
    assert count(conn, "core.contacts") == 2


def test_a_contact_of_an_order_is_named_by_its_latest_order_whatever_comes_first(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    def placed(order_id: str, day: str, name: str) -> dict[str, Any]:
        person = {"first_name": name, "email": "jana@example.com"}
        return zoho_order(order_id, date=day, created_time=f"{day}T09:00:00+0100",
                          contact_person_details=[person])  # fmt: skip

    put(books, ORDERS, placed("2", "2026-03-02", "New"))
    merge(tenant, "order")
    put(books, ORDERS, placed("1", "2026-03-01", "Old"))
    merge(tenant, "order")
    kept = value(conn, "SELECT first_name FROM core.contacts")
    put(books, ORDERS, placed("3", "2026-03-03", "Newest"))
    merge(tenant, "order")

    assert kept == "New"
    assert value(conn, "SELECT first_name FROM core.contacts") == "Newest"
    assert count(conn, "core.contacts") == 1


def test_a_contact_record_names_the_contact_better_than_any_order(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, "zoho_contacts", zoho_contact("7", "jana@example.com", first_name="Jana"))
    merge(tenant, "contact")
    person = {"first_name": "J.", "email": "jana@example.com"}
    put(books, ORDERS, zoho_order("1", contact_person_details=[person]))

    merge(tenant, "order")

    assert value(conn, "SELECT first_name FROM core.contacts") == "Jana"
    contact = value(conn, "SELECT id FROM core.contacts")
    assert order(conn, "SO-1")["contact_id"] == contact
    assert order(conn, "SO-1")["first_name"] == "J.", "the order keeps what it says"


def test_an_order_without_email_is_linked_when_its_contact_arrives(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", customer_id="7"))
    merge(tenant, "order")
    assert order(conn, "SO-1")["contact_id"] is None

    put(books, "zoho_contacts", zoho_contact("7", "jana@example.com"))
    merge(tenant, "contact")
    result = merge(tenant, "order")

    assert result.changed == 1
    assert order(conn, "SO-1")["contact_id"] == value(conn, "SELECT id FROM core.contacts")


def test_a_deleted_contact_is_no_longer_linked_anew(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, "zoho_contacts", zoho_contact("7", ""))
    merge(tenant, "contact")
    delete(books, "zoho_contacts", "7")
    merge(tenant, "contact")
    put(books, ORDERS, zoho_order("1", customer_id="7"))

    merge(tenant, "order")

    assert order(conn, "SO-1")["contact_id"] is None


def test_addresses_are_shared_by_content_and_one_spelling_is_kept(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    def sent_to(order_id: str, street: str) -> dict[str, Any]:
        block = {"attention": "Jana", "address": street, "city": "Ulm", "country_code": "DE"}
        return zoho_order(order_id, shipping_address=block, billing_address={"country": ""})

    put(books, ORDERS, sent_to("1", "Weg  1"), sent_to("2", "WEG 1"))
    merge(tenant, "order")
    put(books, ORDERS, sent_to("3", "weg 1"), sent_to("4", "Weg 2"))
    merge(tenant, "order")

    ids = [order(conn, f"SO-{n}")["shipping_address_id"] for n in (1, 2, 3, 4)]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    street = value(conn, "SELECT street FROM core.addresses WHERE id = %s", (ids[0],))
    assert street == "weg 1", "the greatest spelling, whatever comes first"


def test_empty_addresses_make_no_row(conn: Connection[Any], tenant: Tenant, shop: App, put, merge):
    put(shop, SHOP_ORDERS, saleor_order("a", "7", shippingAddress={"city": ""}))

    merge(tenant, "order")

    assert order(conn, "SHOP-7")["shipping_address_id"] is None
    assert count(conn, "core.addresses") == 0


def test_companies_and_channels_are_known_by_their_normalised_name(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    for number, name in (("1", "Beispiel GmbH"), ("2", "BEISPIEL  gmbh"), ("3", "Andere AG")):
        contact = zoho_contact(number, f"{number}@example.com", company_name=name,
                               customer_sub_type="business")  # fmt: skip
        put(books, "zoho_contacts", contact)
        merge(tenant, "contact")
    for number, slug in (("1", "web"), ("2", "WEB")):
        put(shop, SHOP_ORDERS, saleor_order(number, number, channel={"slug": slug}))
        merge(tenant, "order")

    companies = rows(conn, "SELECT name FROM core.companies ORDER BY name")
    assert [row["name"] for row in companies] == ["Andere AG", "Beispiel GmbH"]
    linked = rows(conn, "SELECT DISTINCT company_id FROM core.contacts")
    assert len(linked) == 2
    assert value(conn, "SELECT name FROM core.sales_channels") == "web"


def test_invoices_are_linked_to_the_order_that_bears_their_reference(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    put(books, "zoho_invoices", zoho_invoice("9", "SHOP-7"), zoho_invoice("10", ""))
    merge(tenant, "invoice")
    assert count(conn, "core.invoice_orders") == 0

    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    merge(tenant, "order")
    result = merge(tenant, "invoice")

    link = one(conn, "SELECT invoice_id, order_id FROM core.invoice_orders")
    assert result.changed == 1
    assert link["order_id"] == order(conn, "SHOP-7")["id"]
    assert link["invoice_id"] == row_of(conn, books, "9")


def test_an_invoice_whose_reference_is_edited_is_linked_anew(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"), zoho_order("2"))
    merge(tenant, "order")
    put(books, "zoho_invoices", zoho_invoice("9", "SO-1"), zoho_invoice("8", "SO-2"))
    merge(tenant, "invoice")

    put(books, "zoho_invoices", zoho_invoice("9", "SO-2", modified=at(1)))
    merge(tenant, "invoice")

    links = rows(conn, "SELECT order_id FROM core.invoice_orders")
    assert [row["order_id"] for row in links] == [order(conn, "SO-2")["id"]] * 2
    keys = rows(conn, "SELECT key FROM platform.parent_key WHERE entity = 'order'")
    assert [row["key"] for row in keys] == ["SO-2", "SO-2"]


def test_an_invoice_without_reference_any_more_loses_its_link(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1"))
    put(books, "zoho_invoices", zoho_invoice("9", "SO-1"))
    merge(tenant, "order")
    merge(tenant, "invoice")

    put(books, "zoho_invoices", zoho_invoice("9", "", modified=at(1)))
    merge(tenant, "invoice")

    assert count(conn, "core.invoice_orders") == 0
    assert count(conn, "platform.parent_key") == 0


def test_an_invoice_prefers_the_order_of_its_own_app(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    second = shops.unreachable_zoho(conn, tenant, "books2")
    put(second, ORDERS, zoho_order("5", "SO-5", reference_number="PO-1"))
    put(books, ORDERS, zoho_order("6", "SO-6", reference_number="PO-1"))
    merge(tenant, "order")
    put(books, "zoho_invoices", zoho_invoice("9", "PO-1"))

    merge(tenant, "invoice")

    linked = value(conn, "SELECT order_id FROM core.invoice_orders")
    assert linked == order(conn, "SO-6")["id"]


def test_a_number_that_moves_to_another_order_takes_the_invoice_along(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "SO-1"))
    put(books, "zoho_invoices", zoho_invoice("9", "SO-1"))
    merge(tenant, "order")
    merge(tenant, "invoice")

    put(books, ORDERS, zoho_order("1", "SO-OLD", modified=at(1)), zoho_order("2", "SO-1"))
    merge(tenant, "order")
    merge(tenant, "invoice")

    linked = value(conn, "SELECT order_id FROM core.invoice_orders")
    assert linked == row_of(conn, books, "2")


def test_two_rows_with_one_number_are_told_apart_and_reported(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "SO-1"))
    merge(tenant, "order")
    put(books, ORDERS, zoho_order("2", "SO-1"), zoho_order("3", "SO-1"))

    merge(tenant, "order")

    numbers = rows(conn, "SELECT order_number FROM core.orders ORDER BY order_number")
    assert [row["order_number"] for row in numbers] == ["SO-1", "SO-1~3", "SO-1~books"]
    assert row_of(conn, books, "1") == order(conn, "SO-1")["id"]
    assert kinds(conn) == [
        ("2", "number_taken"), ("2", "second_id"), ("3", "number_taken"), ("3", "second_id")
    ]  # fmt: skip


def test_numbers_that_change_hands_in_one_batch_find_their_rows(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "A"), zoho_order("2", "B"))
    merge(tenant, "order")
    first, second = row_of(conn, books, "1"), row_of(conn, books, "2")

    put(books, ORDERS, zoho_order("1", "B", modified=at(1)), zoho_order("2", "A", modified=at(1)))
    merge(tenant, "order")

    numbers = {order(conn, number)["id"] for number in ("A", "B")}
    assert numbers == {first, second}


def test_a_conflict_is_over_when_newer_data_settles_it(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "SO-1"), zoho_order("2", "SO-1"))
    merge(tenant, "order")
    opened = list_conflicts("acme")
    put(books, ORDERS, zoho_order("2", "SO-2", modified=at(1)))

    merge(tenant, "order")

    assert {(each.app, each.external_id, each.tenant) for each in opened} == {
        ("books", "2", "acme")
    }
    assert list_conflicts("acme") == list_conflicts() == []
    closed = rows(conn, "SELECT resolution FROM platform.match_conflict")
    assert {row["resolution"]["by"] for row in closed} == {"newer data"}


def test_conflicts_are_told_once_while_they_last(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "SO-1"), zoho_order("2", "SO-1"))
    merge(tenant, "order")
    replay(tenant, registry.streams().values())
    merge(tenant, "order")
    before = versions(conn, "platform.match_conflict")

    replay(tenant, registry.streams().values())
    merge(tenant, "order")

    assert versions(conn, "platform.match_conflict") == before


def test_a_taken_number_is_told_once_though_the_record_itself_is_settled(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    put(books, ORDERS, zoho_order("1", "SHOP-7"))
    merge(tenant, "order")
    decide(tenant, "order", "split", record=("books", "1"), other=("shop", "a"))
    merge(tenant, "order")
    before = versions(conn, "platform.match_conflict")

    replay(tenant, registry.streams().values())
    merge(tenant, "order")

    assert kinds(conn) == [("1", "number_taken")]
    assert versions(conn, "platform.match_conflict") == before


def test_a_record_takes_the_place_of_a_deleted_one_and_its_conflicts_are_over(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, zoho_order("1", "SO-1"), zoho_order("2", "SO-1"))
    merge(tenant, "order")
    delete(books, ORDERS, "1")
    merge(tenant, "order")

    replay(tenant, registry.streams().values())
    merge(tenant, "order")

    assert row_of(conn, books, "2") == order(conn, "SO-1")["id"] == row_of(conn, books, "1")
    assert kinds(conn) == []


def test_conflicts_of_other_tenants_are_not_listed(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    tenancy.add_tenant(conn, "globex", "Globex", timezone="UTC")
    put(books, ORDERS, zoho_order("1", "SO-1"), zoho_order("2", "SO-1"))
    merge(tenant, "order")

    assert list_conflicts("globex") == []
    assert len(list_conflicts()) == len(list_conflicts("acme")) == 2


def test_rows_that_come_together_leave_no_trace_of_the_other(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
):
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    put(books, ORDERS, zoho_order("1", "SO-1"))
    merge(tenant, "order")
    kept = row_of(conn, shop, "a")

    put(books, ORDERS, zoho_order("1", "SO-1", reference_number="SHOP-7", modified=at(1)))
    result = merge(tenant, "order")

    assert result.changed == 1
    assert row_of(conn, books, "1") == kept
    assert rows(conn, "SELECT order_number FROM core.orders") == [{"order_number": "SHOP-7"}]


@pytest.fixture
def apart(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, put, merge
) -> tuple[UUID, UUID]:
    """Two rows of two systems that no number joins: shop's, books'."""
    put(shop, SHOP_ORDERS, saleor_order("a", "7"))
    put(books, ORDERS, zoho_order("1", "SO-1"))
    merge(tenant, "order")
    return row_of(conn, shop, "a"), row_of(conn, books, "1")


def test_a_decision_to_link_survives_a_rebuild(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, apart, merge
):
    decide(tenant, "order", "link", record=("books", "1"), other=("shop", "a"), note="by phone")

    merge(tenant, "order")
    linked = (row_of(conn, shop, "a"), row_of(conn, books, "1"))
    replay(tenant, registry.streams().values())
    again = merge(tenant, "order")
    conn.execute("TRUNCATE core.external_ref, core.orders CASCADE")
    replay(tenant, registry.streams().values())
    merge(tenant, "order")

    assert linked[0] == linked[1]
    assert again.unchanged == 2
    assert row_of(conn, shop, "a") == row_of(conn, books, "1")
    assert value(conn, "SELECT note FROM platform.match_decision") == "by phone"


def test_the_latest_decision_counts_in_whichever_order_it_names_the_two(
    conn: Connection[Any], tenant: Tenant, books: App, shop: App, apart, merge
):
    decide(tenant, "order", "link", record=("books", "1"), other=("shop", "a"))
    merge(tenant, "order")

    decide(tenant, "order", "split", record=("shop", "a"), other=("books", "1"))
    merge(tenant, "order")

    assert row_of(conn, shop, "a") != row_of(conn, books, "1")
    decision = one(conn, "SELECT kind, app_id, note FROM platform.match_decision")
    assert decision == {"kind": "split", "app_id": shop.id, "note": None}


def test_a_decision_closes_the_conflicts_of_both_records(
    conn: Connection[Any], tenant: Tenant, books: App, put, merge
):
    put(books, ORDERS, *(zoho_order(each, "SO-1") for each in ("1", "2", "3")))
    merge(tenant, "order")

    decide(tenant, "order", "split", record=("books", "1"), other=("books", "2"))

    assert {external_id for external_id, _ in kinds(conn)} == {"3"}
    closed = rows(conn, "SELECT resolution FROM platform.match_conflict WHERE external_id = '2'")
    assert {row["resolution"]["kind"] for row in closed} == {"split"}
    waiting = rows(conn, "SELECT external_id FROM platform.todo ORDER BY external_id")
    assert [row["external_id"] for row in waiting] == ["1", "2"]


@pytest.mark.parametrize(
    ("kind", "record", "other", "told"),
    [
        pytest.param("merge", ("books", "1"), ("shop", "a"), "no decision", id="kind"),
        pytest.param("link", ("nobody", "1"), ("shop", "a"), "nobody", id="app"),
        pytest.param("link", ("books", "404"), ("shop", "a"), "no order '404'", id="record"),
        pytest.param("link", ("books", "1"), ("shop", "b"), "no order 'b'", id="other"),
    ],
)
def test_a_wrong_decision_is_refused_and_nothing_kept(
    conn: Connection[Any], tenant: Tenant, apart, kind: str, record: Any, other: Any, told: str
):
    with pytest.raises(ConfigurationError, match=told):
        decide(tenant, "order", kind, record=record, other=other)

    assert count(conn, "platform.match_decision") == count(conn, "platform.todo") == 0


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


def test_replay_queues_the_newest_first_and_deleted_ones_too(
    conn: Connection[Any], tenant: Tenant, books: App, put
):
    put(books, ORDERS, *(zoho_order(str(n), modified=at(n)) for n in (2, 3, 1)))
    put(books, "zoho_taxes", {"tax_id": "1"})
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
