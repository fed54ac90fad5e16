"""Companies: who names them, what makes two records one, and what contacts keep of them."""

import itertools
from typing import Any

import pytest
from psycopg import Connection, sql

from assets import registry
from assets.companies.zoho import map_company, split_company
from resources.zoho import ZohoConfig
from schemabase_dagster.candidate import SourceRecord
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.normalise.vat import vat_id
from schemabase_dagster.source_json import dumps
from schemabase_dagster.streams import JsonObject
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import at, saleor_order, zoho_contact
from tests.support.landing import put
from tests.support.rows import count, one, rows, value, versions

TABLES = ("core.companies", "core.contacts", "core.external_ref")
DETAILS, ORDERS = "zoho_contact_details", "saleor_orders"


def account(contact_id: str, name: str, vat: str = "", **fields: Any) -> JsonObject:
    """Return the detail of a business contact whose person has the e-mail ``<id>@example.com``."""
    email = f"{contact_id}@example.com"
    person = {"contact_person_id": f"1{contact_id}", "email": email}
    business = {"company_name": name, "customer_sub_type": "business", "vat_reg_no": vat}
    about = {**business, "contact_persons": [person], **fields}
    return zoho_contact(contact_id, email, **about)


def merge(tenant: Tenant) -> None:
    for name in ("company", "contact", "order"):
        merge_entity(registry.entities()[name], tenant, registry.streams())


def companies_of_contacts(conn: Connection[Any]) -> dict[str, tuple[str, str | None]]:
    query = """
        SELECT c.email_normalized AS email, co.name, co.vat_id
        FROM core.contacts AS c JOIN core.companies AS co ON co.id = c.company_id
        WHERE co.deleted_at IS NULL
    """
    return {row["email"]: (row["name"], row["vat_id"]) for row in rows(conn, query)}


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        ("DE 123 456 789", "DE123456789"),
        ("atu-1234.5678", "ATU12345678"),
        ("22AAAAA0000A1Z5", "22AAAAA0000A1Z5"),
        ("none", None),
        ("DE000000000", None),
        ("DE1234", None),
        ("", None),
        (None, None),
    ],
)
def test_a_tax_number_is_known_however_it_is_typed(typed: str | None, known: str | None):
    assert vat_id(typed) == known


@pytest.mark.parametrize(
    ("contact", "names"),
    [
        ({"customer_sub_type": "business", "company_name": " Beispiel GmbH"}, [" Beispiel GmbH"]),
        ({"customer_sub_type": "individual", "company_name": "Beispiel GmbH"}, []),
        ({"customer_sub_type": "business", "company_name": " "}, []),
        ({"customer_sub_type": "business", "company_name": None}, []),
        ({}, []),
    ],
)
def test_only_business_contacts_that_name_a_company_have_one(contact: JsonObject, names: list[str]):
    assert [each["company_name"] for each in split_company({"contact_id": "7", **contact})] == names


@pytest.mark.parametrize("field", ["vat_reg_no", "tax_reg_no", "gst_no"])
def test_the_tax_number_is_read_under_every_name(field: str):
    config = ZohoConfig(organization_id="20011122233")
    record = {"contact_id": "7", "company_name": "Beispiel GmbH ", field: "DE 123456789"}

    found = map_company(SourceRecord("7", dumps(record).decode(), config, None))

    assert (found.match_key, found.other_key) == ("beispielgmbh", "vat:DE123456789")
    assert found.values["name"] == "Beispiel GmbH"
    assert found.values["vat_id"] == "DE123456789"


def test_contacts_of_one_name_or_one_tax_number_have_one_company_whatever_comes_first(
    conn: Connection[Any], tenant: Tenant, zoho_app: App, saleor_app: App
):
    placed = saleor_order(
        "a", "7", userEmail="kim@example.com",
        billingAddress={"companyName": "Beispiel Vertrieb-GmbH", "city": "ULM"},
    )  # fmt: skip
    records = [
        (zoho_app, DETAILS, account("71", "Beispiel GmbH", "DE 123456789")),
        (
            zoho_app,
            DETAILS,
            account("72", "BEISPIEL vertrieb GmbH", "de123456789", modified=at(9)),
        ),
        (zoho_app, DETAILS, account("73", "Beispiel  GMBH", modified=at(5))),
        (saleor_app, ORDERS, placed),
    ]
    seen = []
    for order in list(itertools.permutations(records))[::4]:
        conn.execute("TRUNCATE core.companies, core.contacts, core.orders CASCADE")
        conn.execute("DELETE FROM platform.todo")
        for stream in (DETAILS, "zoho_contact_persons", "zoho_companies", ORDERS):
            conn.execute(sql.SQL("DELETE FROM raw.{}").format(sql.Identifier(stream)))
        for app, stream, record in order:
            put(app, stream, record)
            merge(tenant)
        seen.append(companies_of_contacts(conn))
        assert count(conn, "core.companies") == 1

    assert all(each == seen[0] for each in seen)
    assert seen[0] == dict.fromkeys(
        ("71@example.com", "72@example.com", "73@example.com", "kim@example.com"),
        ("BEISPIEL vertrieb GmbH", "DE123456789"),
    )


def test_a_contact_that_changes_its_company_leaves_the_old_one_to_the_others(
    conn: Connection[Any], tenant: Tenant, zoho_app: App
):
    put(zoho_app, DETAILS, account("71", "Alpha AG"), account("72", "Alpha AG"))
    merge(tenant)

    put(zoho_app, DETAILS, account("71", "Beta AG", modified=at(60)))
    merge(tenant)

    found = companies_of_contacts(conn)
    assert found == {"71@example.com": ("Beta AG", None), "72@example.com": ("Alpha AG", None)}


def test_a_company_that_takes_another_name_keeps_who_names_it_by_the_old_one(
    conn: Connection[Any], tenant: Tenant, zoho_app: App, saleor_app: App
):
    put(zoho_app, DETAILS, account("71", "Alpha AG"))
    merge(tenant)
    before = value(conn, "SELECT id FROM core.companies")

    put(zoho_app, DETAILS, account("71", "Omega AG", modified=at(60)))
    put(saleor_app, ORDERS, saleor_order(
        "a", "7", userEmail="kim@example.com", billingAddress={"companyName": "Alpha AG"}
    ))  # fmt: skip
    merge(tenant)

    assert one(conn, "SELECT id, name FROM core.companies") == {"id": before, "name": "Omega AG"}
    assert companies_of_contacts(conn)["kim@example.com"] == ("Omega AG", None)


def test_a_replay_of_companies_writes_nothing(conn: Connection[Any], tenant: Tenant, zoho_app: App):
    put(
        zoho_app,
        DETAILS,
        account("71", "Alpha AG", "DE123456789"),
        account("72", "Alfa AG", "DE123456789"),
    )
    merge(tenant)
    before = {table: versions(conn, table) for table in TABLES}

    replay(tenant, registry.streams().values())
    merge(tenant)

    assert {table: versions(conn, table) for table in TABLES} == before


def test_a_company_that_no_contact_names_any_more_is_marked_as_deleted(
    conn: Connection[Any], tenant: Tenant, zoho_app: App
):
    put(zoho_app, DETAILS, account("71", "Alpha AG"))
    merge(tenant)

    put(
        zoho_app, DETAILS, account("71", "Alpha AG", customer_sub_type="individual", modified=at(9))
    )
    merge(tenant)

    assert value(conn, "SELECT deleted_at IS NOT NULL FROM core.companies") is True
    assert value(conn, "SELECT company_id FROM core.contacts") is None


def test_removing_a_company_takes_nothing_but_itself_from_its_contacts(
    conn: Connection[Any], tenant: Tenant, zoho_app: App
):
    put(zoho_app, DETAILS, account("71", "Alpha AG"))
    merge(tenant)

    conn.execute("DELETE FROM core.companies")

    kept = one(conn, "SELECT tenant_id, company_id, email FROM core.contacts")
    assert kept == {"tenant_id": tenant.id, "company_id": None, "email": "71@example.com"}


def test_checks_find_what_is_wrong_with_companies(
    conn: Connection[Any], tenant: Tenant, zoho_app: App
):
    put(
        zoho_app,
        DETAILS,
        account("71", "Müller GmbH", "DE123456789"),
        account("72", "Mueller GmbH"),
        account("73", "Müller GmbH", "DE987654321"),
    )
    merge(tenant)
    conn.execute("UPDATE core.contacts SET company_id = NULL WHERE email LIKE '72%'")

    found = {
        check.name: check.evaluate(conn, tenant).facts["count"]
        for check in registry.checks()
        if check.asset == ("core", "companies")
    }

    assert found == {"company_of_contacts": 1, "tax_numbers": 1, "alike_companies": 1}


def test_the_view_counts_contacts_and_orders_of_a_company(
    conn: Connection[Any], tenant: Tenant, zoho_app: App, saleor_app: App
):
    put(zoho_app, DETAILS, account("71", "Alpha AG"), account("72", "Alpha AG"))
    for number in ("7", "8"):
        placed = saleor_order(
            number, number, userEmail="71@example.com", billingAddress={"companyName": "Alpha AG"}
        )
        put(saleor_app, ORDERS, placed)
    merge(tenant)

    row = one(conn, "SELECT company, contacts, orders FROM analytics.dim_company")

    assert row == {"company": "Alpha AG", "contacts": 2, "orders": 2}
