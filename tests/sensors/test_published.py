"""Without the sensor a change that came by webhook is in no feed before the next pull."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection

from assets.published import logistics_numbers
from sandbox.runner import Sandbox
from schemabase_dagster import read_endpoints, tags, tenancy
from schemabase_dagster.definitions import defs
from schemabase_dagster.tenancy import App, Tenant
from sensors.published import publish_requests
from tests.support.deliveries import put_delivery, serve
from tests.support.rows import value

MADE_LONG_AGO = "UPDATE platform.logistics_numbers SET made_at = now() - interval '2 minutes'"
NUMBERS = dg.AssetKey(["platform", "logistics_numbers"])


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Dagster instance in memory that knows the tenant."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(tags.TENANT_PARTITIONS, ["acme"])
        yield made


@pytest.fixture
def endpoint_id(conn: Connection[Any], tenant: Tenant) -> str:
    """An endpoint of logistics numbers that were counted two minutes ago."""
    made = read_endpoints.create_logistics(conn, tenant)
    logistics_numbers.publish(conn, tenant)
    conn.execute(MADE_LONG_AGO)
    return made


@pytest.fixture
def changed(conn: Connection[Any], saleor_app: App, sandbox: Sandbox, endpoint_id: str) -> str:
    """An order has come in by webhook since the numbers of the endpoint were counted."""
    put_delivery(conn, saleor_app, sandbox, sandbox.control.ids("acme", "saleor")[0])
    serve("saleor")
    return endpoint_id


def test_a_change_by_webhook_brings_the_numbers_up_to_date(
    conn: Connection[Any], instance: dg.DagsterInstance, changed: str
):
    (request,) = publish_requests(instance)

    assert request.asset_selection == [NUMBERS]
    done = defs.resolve_job_def("tenant_sync").execute_in_process(
        partition_key=request.partition_key,
        asset_selection=request.asset_selection,
        tags=request.tags,
        instance=instance,
    )
    assert done.success
    assert value(
        conn, "SELECT made_at > now() - interval '1 minute' FROM platform.logistics_numbers"
    )
    assert publish_requests(instance) == []


def test_numbers_that_hold_the_change_are_left_alone(
    conn: Connection[Any], instance: dg.DagsterInstance, changed: str
):
    conn.execute("UPDATE platform.webhook_effect SET merged_at = merged_at - interval '1 hour'")

    assert publish_requests(instance) == []


def test_nothing_is_asked_for_while_no_webhook_changed_anything(
    instance: dg.DagsterInstance, endpoint_id: str
):
    assert publish_requests(instance) == []


def test_numbers_made_a_moment_ago_wait(
    conn: Connection[Any], instance: dg.DagsterInstance, changed: str
):
    conn.execute("UPDATE platform.logistics_numbers SET made_at = now() - interval '30 seconds'")

    assert publish_requests(instance) == []


def test_what_is_on_its_way_or_failed_is_not_run_again(
    conn: Connection[Any], instance: dg.DagsterInstance, changed: str
):
    (asked,), (again,) = publish_requests(instance), publish_requests(instance)
    conn.execute("UPDATE platform.logistics_numbers SET made_at = now() - interval '61 seconds'")
    (later,) = publish_requests(instance)

    assert asked.run_key == again.run_key != later.run_key


def test_numbers_that_nobody_may_read_are_not_made(
    conn: Connection[Any], instance: dg.DagsterInstance, changed: str
):
    read_endpoints.switch(conn, changed, is_on=False)

    assert publish_requests(instance) == []


def test_a_tenant_that_may_not_sync_is_not_asked_for(
    conn: Connection[Any], tenant: Tenant, instance: dg.DagsterInstance, changed: str
):
    tenancy.revoke(conn, tenant, tenancy.EVERYTHING)

    assert publish_requests(instance) == []
