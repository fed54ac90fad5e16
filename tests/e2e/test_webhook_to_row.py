"""From a due webhook to the changed row: what the sensor asks for, run as the daemon would."""

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection

from assets import deliveries
from resources.saleor import SALEOR
from sandbox.runner import Sandbox
from schemabase_dagster import database, operations, tags, tenancy
from schemabase_dagster.clock import utc_now
from schemabase_dagster.definitions import defs
from schemabase_dagster.tenancy import App, Tenant
from sensors import due_syncs, tenant_partitions, webhook_inbox
from tests.support.deliveries import put_delivery
from tests.support.rows import count, value

HOUR = timedelta(hours=1)

NOTE = """
SELECT o.updated_at FROM core.orders AS o
JOIN core.external_ref AS x ON x.core_id = o.id AND x.entity = 'order' WHERE x.external_id = %s
"""


@pytest.fixture
def instance() -> Any:
    """Dagster instance in memory that knows the tenant."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["acme"])
        yield made


def test_webhook_changes_its_row(
    conn: Connection, tenant: Tenant, saleor_app: App, sandbox: Sandbox, instance
):
    operations.sync_one("acme", instance=instance)
    (order,) = sandbox.control.change_orders("acme", "saleor", 1, kind="note")
    before = value(conn, NOTE, (order,))
    put_delivery(conn, saleor_app, sandbox, order)

    (request,) = webhook_inbox.due_requests(instance).run_requests
    request.run_config["ops"]["deliver"]["config"]["linger_seconds"] = 0.0
    result = defs.resolve_job_def("webhook_delivery").execute_in_process(
        run_config=request.run_config,
        partition_key=request.partition_key,
        tags=dict(request.tags),
        instance=instance,
    )

    assert result.success
    assert value(conn, NOTE, (order,)) > before
    assert value(conn, "SELECT status FROM platform.webhook_inbox") == "processed"
    assert webhook_inbox.due_requests(instance).run_requests == []
    keys = {
        event.step_materialization_data.materialization.asset_key.to_user_string()
        for event in result.all_events
        if event.is_step_materialization
    }
    assert {"raw/saleor_orders", "core/orders"} <= keys


def test_group_that_is_served_or_unknown_waits(
    conn: Connection, tenant: Tenant, saleor_app: App, sandbox: Sandbox, instance
):
    (order,) = sandbox.control.change_orders("acme", "saleor", 1, kind="note")
    put_delivery(conn, saleor_app, sandbox, order)

    with dg.DagsterInstance.ephemeral() as unknown:
        assert "no partition" in webhook_inbox.due_requests(unknown).reason
    database.advisory_lock(conn, *deliveries.lock_parts(tenant, "saleor"))
    assert "being served" in webhook_inbox.due_requests(instance).reason


def test_new_app_is_due_at_once_and_only_once(
    conn: Connection, tenant: Tenant, saleor_app: App, instance
):
    now = utc_now()

    first = due_syncs.due_requests(instance, now, print)

    assert [request.tags[tags.PULL] for request in first] == ["acme/saleor"]
    assert due_syncs.due_requests(instance, now, print) == []
    later = now + HOUR
    assert len(due_syncs.due_requests(instance, later, print)) == 1


def test_new_credentials_are_tried_at_once_and_only_once(
    conn: Connection, tenant: Tenant, saleor_app: App, sandbox: Sandbox, instance
):
    due_syncs.due_requests(instance, utc_now(), print)
    token = {"token": sandbox.info["merchants"]["acme"]["saleor"]["token"]}

    tenancy.set_credentials(conn, saleor_app, SALEOR, token)

    now = utc_now()
    assert len(due_syncs.due_requests(instance, now, print)) == 1
    assert due_syncs.due_requests(instance, now, print) == []


def test_refused_credentials_stop_one_app_and_nobody_else(
    conn: Connection, tenant: Tenant, saleor_app: App, zoho_app: App, sandbox: Sandbox, instance
):
    sandbox.control.revoke_credentials("acme", "saleor")

    with pytest.raises(operations.SyncFailedError, match="'shop' of tenant 'acme'") as raised:
        operations.sync_one("acme", instance=instance)

    assert raised.value.exit_status == 3
    assert count(conn, "raw.zoho_sales_orders") == 200
    asked = due_syncs.due_requests(instance, utc_now() + HOUR, print)
    assert {request.tags[tags.SYSTEM] for request in asked} == {"zoho"}


def test_partitions_follow_the_table(conn: Connection, tenant: Tenant):
    with dg.DagsterInstance.ephemeral() as empty:
        empty.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["typed-in-the-ui"])
        result = tenant_partitions.tenant_partitions(dg.build_sensor_context(instance=empty))

    assert isinstance(result, dg.SensorResult)
    asked = [list(each.partition_keys) for each in result.dynamic_partitions_requests or []]
    assert asked == [["acme"], ["typed-in-the-ui"]]
