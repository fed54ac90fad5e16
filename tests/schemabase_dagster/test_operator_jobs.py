"""Without these, what an operator starts from the launchpad does less than the command line."""

import dagster as dg
from psycopg import Connection

from schemabase_dagster import inbox, operations, tags
from schemabase_dagster.definitions import defs
from schemabase_dagster.tenancy import App, Tenant
from tests.support.deliveries import put_delivery
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


def test_deliveries_are_replayed_from_the_launchpad_after_a_dry_run(
    conn: Connection, tenant: Tenant, saleor_app: App
):
    put_delivery(conn, saleor_app, None, body=b"{}")
    inbox.settle(conn, inbox.claim(conn, tenant.id, "saleor", worker="w"), "processed")
    config: dict[str, object] = {"tenant": "acme", "provider": "saleor"}

    with dg.DagsterInstance.ephemeral() as instance:
        _replay_inbox(config, instance)
        dry = count(conn, "platform.webhook_inbox")
        _replay_inbox({**config, "dry_run": False}, instance)

    assert dry == 1
    assert count(conn, "platform.webhook_inbox") == 2


def _replay_inbox(config: dict[str, object], instance: dg.DagsterInstance) -> None:
    done = defs.resolve_job_def("replay_inbox").execute_in_process(
        run_config={"ops": {"replay_deliveries": {"config": config}}}, instance=instance
    )
    assert done.success
