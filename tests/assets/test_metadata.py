"""Without these, names and addresses of people reach the tables and pages of Dagster."""

from psycopg import Connection

from assets import metadata, registry
from assets.syncing import Done
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.tenancy import Tenant


def test_sample_of_contacts_names_nobody(conn: Connection, tenant: Tenant):
    conn.execute(
        "INSERT INTO core.contacts (id, tenant_id, email, first_name) VALUES (%s, %s, %s, %s)",
        ("01890000-0000-7000-8000-000000000001", tenant.id, "ada@example.com", "Ada"),
    )
    done = Done(tenant=tenant, result=SyncResult())

    told = metadata.core_metadata(conn, registry.entities()["contact"], done, picture=True)

    (row,) = told["latest_changes"].records
    assert row.data == {
        "id": "01890000-0000-7000-8000-000000000001",
        "is_customer": "yes",
        "is_vendor": "no",
    }
    assert told["dagster/partition_row_count"] == 1
