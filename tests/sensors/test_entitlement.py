"""A tenant that may use nothing is left alone by everything that could work for it."""

from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection

from schemabase_dagster import operations, tags, tenancy
from schemabase_dagster.clock import utc_now
from schemabase_dagster.definitions import defs
from schemabase_dagster.tenancy import App, Tenant
from sensors import due_syncs
from sensors.nightly import nightly_requests
from tests.support.rows import count

DAY = timedelta(days=1)


@pytest.fixture
def instance(conn: Connection[Any], tenant: Tenant, saleor_app: App) -> Any:
    """Dagster instance in memory; the tenant has an app and may use nothing."""
    tenancy.revoke(conn, tenant, tenancy.EVERYTHING)
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["acme"])
        yield made


@pytest.mark.parametrize(
    "assets", [["raw/saleor_orders"], ["core/orders"], ["analytics/fct_order"]], ids=str
)
def test_no_asset_works_for_it(conn: Connection[Any], instance: dg.DagsterInstance, assets):
    with pytest.raises(operations.SyncFailedError, match="is not entitled to 'sync'") as raised:
        operations.sync_one("acme", assets=assets, instance=instance)

    assert raised.value.exit_status == 2
    assert count(conn, "raw.saleor_orders") == 0


def test_nothing_is_started_for_it(instance: dg.DagsterInstance):
    assert due_syncs.due_requests(instance, utc_now(), print) == []
    assert nightly_requests(instance, utc_now()) == []
    assert nightly_requests(instance, utc_now() + DAY) == []


def test_its_webhooks_wait(instance: dg.DagsterInstance):
    result = defs.resolve_job_def("webhook_delivery").execute_in_process(
        run_config={"ops": {"deliver": {"config": {"system": "saleor"}}}},
        partition_key="acme",
        instance=instance,
        raise_on_error=False,
    )

    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert "is not entitled to 'webhooks'" in str(failed.event_specific_data)
