"""Contacts, companies, addresses and channels that orders and contact records name."""

from typing import Any

from psycopg import Connection

from schemabase_dagster.tenancy import App, Tenant
from tests.factories import (
    at,
    saleor_order,
    zoho_contact,
    zoho_order,
)
from tests.schemabase_dagster.engine.merging import ORDERS, SHOP_ORDERS, delete, order, row_of
from tests.support.rows import count, one, rows, value


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
