"""Persons and addresses of Zoho contacts: who becomes a contact, and what their details cost."""

from itertools import permutations
from typing import Any

import pytest
from psycopg import Connection, sql

from assets import registry
from assets.contacts.zoho import map_contact, map_person, split_persons
from assets.factory import raw_asset
from resources.registry import default_resources
from resources.zoho import ZohoConfig
from sandbox.runner import Sandbox
from schemabase_dagster.candidate import AddressFields, Candidate, SourceRecord
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.source_json import dumps
from schemabase_dagster.streams import JsonObject
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import at, zoho_contact
from tests.support import shops
from tests.support.landing import put
from tests.support.rows import count, one, rows, value, versions

DETAILS = "zoho_contact_details"
ULM: JsonObject = {
    "address_id": "1",
    "attention": "",
    "address": "Lindenweg 4",
    "street2": "Holt GmbH\nHinterhaus",
    "city": "Ulm",
    "zip": "89073",
    "country": "Deutschland",
}
NOWHERE: JsonObject = {"address_id": "2", "attention": "", "address": "", "country": "Deutschland"}
IN_ULM = AddressFields(
    full_name="Jana Beispiel",
    company_name="Holt GmbH",
    street="Lindenweg 4",
    line2="Hinterhaus",
    postal_code="89073",
    city="Ulm",
    country_code="DE",
)
TABLES = (
    "raw.zoho_contact_details",
    "raw.zoho_contact_persons",
    "raw.zoho_companies",
    "core.companies",
    "core.contacts",
    "core.contact_addresses",
    "core.addresses",
    "core.external_ref",
)


def person(person_id: str, email: object, **fields: Any) -> JsonObject:
    return {"contact_person_id": person_id, "email": email, **fields}


def mapped(contact: JsonObject) -> list[Candidate]:
    config = ZohoConfig(organization_id="20011122233")
    records = [
        SourceRecord(each["contact_person_id"], dumps(each).decode(), config, None)
        for each in split_persons(contact)
    ]
    return [map_person(record) for record in records]


def pull(app: App, stream: str, **options: Any) -> SyncResult:
    with default_resources()[app.type].open(app) as client:
        return sync_stream(client, registry.streams()[stream], app, PullOptions(**options))


def sync(tenant: Tenant, app: App, **options: Any) -> list[SyncResult]:
    """Pull and merge contacts in all the streams that tell of them."""
    streams = ("zoho_contacts", DETAILS, "zoho_contact_persons", "zoho_companies")
    pulled = [pull(app, stream, **options) for stream in streams]
    for name in ("company", "contact"):
        merge_entity(registry.entities()[name], tenant, registry.streams())
    return pulled


@pytest.mark.parametrize(
    ("persons", "found"),
    [
        ([person("1", "A@example.com"), person("2", "b@example.com")], ["1", "2"]),
        (
            [person("1", "a@x.io"), person("2", "b@x.io", is_primary_contact=True)],
            ["2", "1"],
        ),
        ([person("1", "", is_primary_contact=True), person("2", "b@x.io")], ["2"]),
        ([person("1", " "), person("2", None), person("3", 5), "odd"], []),
        ([], []),
        (None, []),
    ],
    ids=["several", "primary-first", "blank-primary", "blank", "none", "missing"],
)
def test_only_persons_with_an_email_are_known_the_primary_one_first(persons: Any, found: list[str]):
    split = list(split_persons({"contact_id": "7", "contact_persons": persons}))

    assert [each["contact_person_id"] for each in split] == found
    assert [("addresses" in each) for each in split] == [True, False][: len(found)]


def test_a_person_is_mapped_with_its_accounts_flags_company_and_addresses():
    contact = zoho_contact(
        contact_type="vendor",
        customer_sub_type="business",
        company_name="Beispiel GmbH",
        contact_persons=[
            person("1", "Jana@Example.com ", first_name="Jana", last_name="", mobile="+49 1",
                   is_primary_contact=True),
            person("2", "otto@example.com"),
        ],
        billing_address=ULM,
        shipping_address=ULM | {"address_id": "3"},
        addresses=[ULM | {"address": "Lager 1"}, NOWHERE],
    )  # fmt: skip

    jana, otto = mapped(contact)

    assert jana.match_key == "jana@example.com"
    assert jana.values == {
        "email": "jana@example.com", "first_name": "Jana", "phone": "+49 1",
        "is_customer": False, "is_vendor": True,
    }  # fmt: skip
    assert set(jana.addresses) == {"billing", "shipping", "other:0"}
    assert jana.addresses["billing"] == jana.addresses["shipping"] == IN_ULM
    assert jana.contact is not None
    assert jana.contact.company_name == "Beispiel GmbH"
    assert jana.attrs == {"contact_id": "7", "is_primary": True, "status": "active"}
    assert (otto.attrs["is_primary"], otto.addresses) == (False, {})


def test_an_inactive_contact_keeps_its_persons_and_gives_its_addresses_up():
    contact = zoho_contact(
        status="inactive", contact_persons=[person("1", "a@x.io")], billing_address=ULM
    )

    (found,) = mapped(contact)

    assert (found.status, found.addresses) == ("inactive", {})


def test_what_is_no_address_of_a_mailbox_is_told():
    with pytest.raises(RecordRejected, match="not an address"):
        mapped(zoho_contact(contact_persons=[person("1", "by phone")]))


def listed(**fields: Any) -> Candidate:
    """Map a row of the contact list."""
    text = dumps(zoho_contact("7", **fields)).decode()
    config = ZohoConfig(organization_id="20011122233")
    return map_contact(SourceRecord("7", text, config, None))


@pytest.mark.parametrize(
    ("fields", "column", "expected"),
    [
        ({"email": " Jana@Example.org "}, "email", "jana@example.org"),
        ({"email": ""}, "email", None),
        ({"contact_type": "customer"}, "is_customer", True),
        ({"contact_type": "vendor"}, "is_customer", False),
        ({"contact_type": "vendor"}, "is_vendor", True),
        ({"phone": "", "mobile": "0170 1"}, "phone", "0170 1"),
        ({"phone": "0731 1", "mobile": "0170 1"}, "phone", "0731 1"),
        ({"first_name": " "}, "first_name", None),
    ],
)
def test_row_of_the_contact_list(fields: dict[str, Any], column: str, expected: object):
    assert listed(**fields).values[column] == expected


@pytest.mark.parametrize(("kind", "company"), [("business", "Holt GmbH"), ("individual", None)])
def test_only_a_business_contact_of_the_list_has_a_company(kind: str, company: str | None):
    contact = listed(customer_sub_type=kind, company_name="Holt GmbH").contact

    assert contact is not None
    assert contact.company_name == company


def test_row_of_the_contact_list_whose_email_is_none_is_rejected():
    with pytest.raises(RecordRejected, match="e-mail"):
        listed(email="not an address")


def test_every_person_with_an_email_is_a_contact_and_brings_the_addresses(
    conn: Connection[Any], tenant: Tenant, zoho_app: App, sandbox: Sandbox
):
    ids = sandbox.control.ids("acme", "zoho", "contacts")
    contacts = [sandbox.control.document("acme", "zoho", each, "contacts") for each in ids]
    emails = {
        each["email"].lower()
        for contact in contacts
        for each in contact["contact_persons"]
        if each["email"]
    }

    sync(tenant, zoho_app)

    named = rows(conn, "SELECT email FROM core.contacts WHERE email IS NOT NULL")
    assert {row["email"] for row in named} == emails
    assert any(len(contact["contact_persons"]) > 1 for contact in contacts)
    kinds = rows(conn, "SELECT kind, count(*) AS n FROM core.contact_addresses GROUP BY kind")
    assert {row["kind"] for row in kinds} == {"billing", "shipping", "other"}
    primaries = value(
        conn,
        "SELECT count(*) FROM core.external_ref "
        "WHERE entity = 'contact' AND (attrs ->> 'is_primary')::boolean",
    )
    reachable = [each for each in contacts if each["email"]]
    assert {row["kind"]: row["n"] for row in kinds}["billing"] == primaries == len(reachable)
    companies = rows(conn, "SELECT name, vat_id FROM core.companies")
    assert {row["name"] for row in companies} == {
        each["company_name"] for each in contacts if each["company_name"]
    }
    assert all(row["vat_id"] for row in companies)


def test_a_second_full_sync_and_a_replay_of_contacts_write_nothing(
    conn: Connection[Any], tenant: Tenant, zoho_app: App
):
    sync(tenant, zoho_app)
    before = {table: versions(conn, table) for table in TABLES}

    again = sync(tenant, zoho_app, full=True)
    replay(tenant, registry.streams().values())
    sync(tenant, zoho_app)

    assert [(each.changed, each.deleted) for each in again] == [(0, 0)] * 4
    assert {table: versions(conn, table) for table in TABLES} == before


def test_only_the_details_of_contacts_that_changed_are_read_again(
    tenant: Tenant, zoho_app: App, sandbox: Sandbox
):
    first = pull(zoho_app, DETAILS)
    changed = sandbox.control.change_contacts("acme", 2)

    second = pull(zoho_app, DETAILS)

    assert first.api_calls > first.read == len(sandbox.control.ids("acme", "zoho", "contacts"))
    assert second.changed == len(changed)
    assert second.api_calls <= len(changed) + 1


def test_an_app_may_keep_to_the_details_of_business_contacts(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox
):
    app = shops.add_zoho(conn, tenant, sandbox, contact_details="business")

    first = pull(app, DETAILS)
    again = pull(app, DETAILS, full=True)

    landed = count(conn, "raw.zoho_contact_details")
    kinds = "SELECT DISTINCT payload ->> 'customer_sub_type' AS kind FROM raw.zoho_contact_details"
    assert value(conn, kinds) == "business"
    assert 0 < landed == first.changed < first.read
    assert first.api_calls < first.read
    assert (again.changed, again.deleted, again.suspected) == (0, 0, 0)


def test_details_that_are_there_are_kept_up_to_date_whatever_the_contact_is_now(
    conn: Connection[Any], tenant: Tenant, sandbox: Sandbox
):
    app = shops.add_zoho(conn, tenant, sandbox, contact_details="business")
    ids = sandbox.control.ids("acme", "zoho", "contacts")
    documents = (sandbox.control.document("acme", "zoho", each, "contacts") for each in ids)
    private = next(each for each in documents if each["customer_sub_type"] == "individual")
    was = {"customer_sub_type": "business", "last_modified_time": "2020-01-01T00:00:00+0100"}
    put(app, DETAILS, {**private, **was, "company_name": "Beispiel GmbH"})

    pull(app, DETAILS)

    row = one(
        conn,
        """
        SELECT d.payload ->> 'customer_sub_type' AS kind, c.deleted_at IS NULL AS has_company
        FROM raw.zoho_contact_details AS d JOIN raw.zoho_companies AS c USING (app_id, external_id)
        WHERE external_id = %s
        """,
        (private["contact_id"],),
    )
    assert row == {"kind": "individual", "has_company": False}


def test_one_contact_is_the_same_whichever_of_its_records_comes_first(
    conn: Connection[Any], tenant: Tenant, zoho_app: App, saleor_app: App
):
    business: JsonObject = {"customer_sub_type": "business", "company_name": "Beispiel GmbH"}
    jana = person("1", "jana@example.com", first_name="Johanna", mobile="+49 1")
    customer = {
        "id": "VXNlcjox",
        "email": "Jana@example.com",
        "firstName": "Jana",
        "updatedAt": "2026-03-01T09:00:00+00:00",
        "addresses": [{"streetAddress1": "Weg 1", "isDefaultBillingAddress": True}],
    }
    records = [
        (zoho_app, "zoho_contacts", zoho_contact("7", "jana@example.com", **business)),
        (
            zoho_app,
            DETAILS,
            zoho_contact("7", contact_persons=[jana], **business, billing_address=ULM),
        ),
        (saleor_app, "saleor_customers", customer),
    ]
    seen = []
    for order in permutations(records):
        conn.execute("TRUNCATE core.companies, core.contacts, core.addresses CASCADE")
        for stream in ("zoho_companies", "zoho_contact_persons", *(name for _, name, _ in records)):
            conn.execute(sql.SQL("DELETE FROM raw.{}").format(sql.Identifier(stream)))
        for app, stream, record in order:
            put(app, stream, record)
            for name in ("company", "contact"):
                merge_entity(registry.entities()[name], tenant, registry.streams())
        seen.append(
            one(
                conn,
                """
                SELECT c.email, c.first_name, c.last_name, c.phone, c.company_key, c.sources,
                    co.name AS company, array_agg(l.kind || a.street ORDER BY a.street) AS places
                FROM core.contacts AS c
                JOIN core.companies AS co ON co.id = c.company_id
                JOIN core.contact_addresses AS l ON l.contact_id = c.id AND l.removed_at IS NULL
                JOIN core.addresses AS a ON a.id = l.address_id
                GROUP BY c.id, co.id
                """,
            )
        )

    assert seen == [seen[0]] * 6
    assert (seen[0]["first_name"], seen[0]["phone"]) == ("Jana", "+49 1")
    assert seen[0]["places"] == ["billingLindenweg 4", "billingWeg 1"]


def test_a_person_that_its_contact_has_no_more_is_gone(
    conn: Connection[Any], tenant: Tenant, zoho_app: App
):
    def merge() -> None:
        merge_entity(registry.entities()["contact"], tenant, registry.streams())

    jana, otto = person("1", "jana@example.com"), person("2", "otto@example.com")
    put(zoho_app, DETAILS, zoho_contact(contact_persons=[jana, otto]))
    merge()

    put(zoho_app, DETAILS, zoho_contact(contact_persons=[jana], modified=at(60)))
    merge()

    found = rows(conn, "SELECT email, deleted_at IS NULL AS lives FROM core.contacts")
    assert {row["email"]: row["lives"] for row in found} == {
        "jana@example.com": True, "otto@example.com": False
    }  # fmt: skip


def test_details_of_contacts_are_pulled_after_all_other_streams():
    def priority(stream: str) -> int:
        return int(raw_asset(registry.stream(stream)).op.tags.get("dagster/priority", 0))

    others = [name for name in registry.streams_of("zoho") if name != DETAILS]
    assert priority(DETAILS) < min(map(priority, others))
