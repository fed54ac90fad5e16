"""Without these, what an operator starts from the launchpad does less than the command line."""

import dagster as dg
from psycopg import Connection

from schemabase_dagster import operations, tags
from schemabase_dagster.definitions import defs
from schemabase_dagster.tenancy import App, Tenant
from tests.support.rows import count


def test_replay_maps_the_raw_records_again_and_merges_them_at_once(
    conn: Connection, tenant: Tenant, saleor_app: App
):
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["acme"])
        operations.sync_one("acme", instance=instance)
        before = count(conn, "core.orders")
        conn.execute("UPDATE core.orders SET customer_note = 'typed over'")

        result = defs.resolve_job_def("replay").execute_in_process(
            run_config={"ops": {"replay_records": {"config": {"tenant": "acme"}}}},
            instance=instance,
        )

    assert result.success
    assert count(conn, "platform.todo") == 0
    assert count(conn, "core.orders") == before > 0
    spoiled = conn.execute("SELECT FROM core.orders WHERE customer_note = 'typed over'").fetchall()
    assert spoiled == []
