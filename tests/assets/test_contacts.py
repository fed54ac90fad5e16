"""Customers of the shop as contacts: names, addresses, codes; one row with what the ERP knows."""

from typing import Any

from psycopg import Connection

from assets import registry
from assets.contacts.saleor import map_customer
from resources.registry import default_resources
from resources.saleor import SaleorConfig
from sandbox.runner import Sandbox
from schemabase_dagster.candidate import AddressFields, SourceRecord
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.engine.replay import replay
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.source_json import dumps
from schemabase_dagster.tenancy import App, Tenant
from tests.support.rows import one, rows, value, versions

CUSTOMER = {
    "id": "VXNlcjox",
    "email": "Jana@Example.com",
    "firstName": "Jana",
    "lastName": "",
    "metadata": [
        {"key": "customerCode", "value": "C-1"},
        {"key": "avataxCustomerCode", "value": ""},
    ],
    "addresses": [
        {"streetAddress1": "Weg 1", "city": "ULM", "country": {"code": "DE"},
         "companyName": "Beispiel", "isDefaultBillingAddress": True},
        {"streetAddress1": "Weg 2", "city": "ULM", "country": {"code": "DE"},
         "isDefaultBillingAddress": False, "isDefaultShippingAddress": False},
    ],
}  # fmt: skip


def pull(app: App, stream: str, **options: Any) -> SyncResult:
    with default_resources()[app.type].open(app) as client:
        return sync_stream(client, registry.streams()[stream], app, PullOptions(**options))


def merge(tenant: Tenant) -> SyncResult:
    return merge_entity(registry.entities()["contact"], tenant, registry.streams())


def test_a_customer_is_mapped_without_what_it_leaves_blank():
    config = SaleorConfig(api_url="https://shop.example/graphql/")
    record = SourceRecord("VXNlcjox", dumps(CUSTOMER).decode(), config, None)

    found = map_customer(record)

    assert found.match_key == "jana@example.com"
    assert "last_name" not in found.values
    assert found.children["identifiers"] == [{"scheme": "customer_code", "value": "C-1"}]
    assert found.contact is not None
    assert found.contact.company_name == "Beispiel"
    assert found.addresses["other:1"] == AddressFields(
        street="Weg 2", city="ULM", country_code="DE"
    )
    assert set(found.addresses) == {"billing", "other:1"}


def test_customers_meet_the_contacts_of_the_erp_and_keep_their_addresses(
    conn: Connection[Any], tenant: Tenant, zoho_app: App, saleor_app: App
):
    pull(saleor_app, "saleor_customers")
    pull(zoho_app, "zoho_contacts")
    merge(tenant)

    shared = rows(
        conn,
        "SELECT core_id FROM core.external_ref WHERE entity = 'contact' GROUP BY core_id "
        "HAVING count(DISTINCT app_id) = 2",
    )
    customers = value(conn, "SELECT count(*) FROM raw.saleor_customers")
    assert len(shared) == customers > 10
    links = rows(conn, "SELECT kind, count(*) AS n FROM core.contact_addresses GROUP BY kind")
    assert {row["kind"]: row["n"] for row in links} == {"billing": customers, "shipping": customers}
    codes = one(conn, "SELECT count(*) AS n, min(value) AS first FROM core.contact_identifiers")
    assert 0 < codes["n"] < customers
    assert codes["first"].startswith("C-")


def test_a_second_sync_and_a_replay_of_customers_write_nothing(
    conn: Connection[Any], tenant: Tenant, saleor_app: App
):
    tables = (
        "core.contacts",
        "core.contact_addresses",
        "core.contact_identifiers",
        "core.addresses",
    )
    pull(saleor_app, "saleor_customers")
    merge(tenant)
    before = {table: versions(conn, table) for table in tables}

    again = pull(saleor_app, "saleor_customers", full=True)
    replay(tenant, [registry.streams()["saleor_customers"]])
    merge(tenant)

    assert (again.changed, again.deleted) == (0, 0)
    assert {table: versions(conn, table) for table in tables} == before


def test_an_address_that_a_customer_gives_up_is_marked_as_removed(
    conn: Connection[Any], tenant: Tenant, saleor_app: App, sandbox: Sandbox
):
    pull(saleor_app, "saleor_customers")
    merge(tenant)
    (key,) = conn.execute("SELECT external_id FROM raw.saleor_customers LIMIT 1").fetchone() or (
        "",
    )
    conn.execute(
        "UPDATE raw.saleor_customers SET payload = payload - 'addresses' WHERE external_id = %s",
        (key,),
    )

    replay(tenant, [registry.streams()["saleor_customers"]])
    merge(tenant)

    removed = rows(conn, "SELECT kind FROM core.contact_addresses WHERE removed_at IS NOT NULL")
    assert sorted(row["kind"] for row in removed) == ["billing", "shipping"]
