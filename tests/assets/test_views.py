"""A run looks at all views in one step; each is an asset of its own all the same."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from psycopg import Connection

from assets import registry
from assets.factory import analytics_assets
from schemabase_dagster import tags, tenancy
from schemabase_dagster.tenancy import Tenant
from tests.support import shops

VIEWS = analytics_assets(tuple(registry.views().values()))
BROKEN = ("dim_variant", "fct_review")


@pytest.fixture
def instance(tenant: Tenant) -> Iterator[dg.DagsterInstance]:
    """Dagster instance in memory that knows the tenant."""
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions(tags.TENANT_PARTITIONS, [tenant.slug])
        yield made


def look(
    instance: dg.DagsterInstance, selection: dg.AssetSelection | None = None
) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [VIEWS],
        selection=selection,
        tags={"dagster/partition": "acme"},
        instance=instance,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )


def seen(result: dg.ExecuteInProcessResult) -> set[str]:
    events = result.get_asset_materialization_events()
    return {event.asset_key.path[-1] for event in events if event.asset_key}


def started(result: dg.ExecuteInProcessResult) -> list[str | None]:
    return [event.step_key for event in result.all_events if event.is_step_start]


def test_all_views_are_one_step(instance: dg.DagsterInstance):
    result = look(instance)

    assert result.success
    assert started(result) == ["analytics_views"]
    assert seen(result) == set(registry.views())
    answered = {(each.asset_key, each.check_name) for each in result.get_asset_check_evaluations()}
    assert answered == {(key.asset_key, key.name) for key in VIEWS.check_keys}
    assert answered


def test_one_view_is_looked_at_alone(instance: dg.DagsterInstance):
    result = look(instance, dg.AssetSelection.assets(["analytics", "fct_order"]))

    assert seen(result) == {"fct_order"}
    (event,) = result.get_asset_materialization_events()
    assert event.partition == "acme"
    assert event.materialization.metadata["dagster/partition_row_count"].value == 0


def test_rows_of_the_tenant_are_counted_and_the_newest_are_shown(
    conn: Connection[Any], tenant: Tenant, instance: dg.DagsterInstance
):
    for number in range(6):
        shops.unreachable_dhl(conn, tenant, f"carrier{number}")
    other = tenancy.add_tenant(conn, "globex", "Globex")
    shops.unreachable_dhl(conn, other)

    result = look(instance, dg.AssetSelection.assets(["analytics", "sync_freshness"]))

    (event,) = result.get_asset_materialization_events()
    told = event.materialization.metadata
    assert told["dagster/partition_row_count"].value == 12
    shown = told["newest_rows"]
    assert isinstance(shown, dg.TableMetadataValue)
    assert len(shown.records) == 10
    assert tuple(shown.records[0].data) == registry.views()["sync_freshness"].sample


def test_a_check_is_answered_alone(instance: dg.DagsterInstance):
    wanted = min(VIEWS.check_keys, key=lambda key: key.name)

    result = look(instance, dg.AssetSelection.checks(wanted))

    assert result.success
    assert seen(result) == set()
    (answer,) = result.get_asset_check_evaluations()
    assert (answer.check_name, answer.partition) == (wanted.name, "acme")


def test_views_that_cannot_be_read_hide_no_other(
    conn: Connection[Any], instance: dg.DagsterInstance
):
    for name in BROKEN:
        conn.execute(f"ALTER VIEW analytics.{name} RENAME TO {name}_away".encode())

    result = look(instance)

    assert not result.success
    assert seen(result) == set(registry.views()) - set(BROKEN)
    (failure,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    told = failure.user_failure_data
    assert told is not None
    for name in BROKEN:
        assert f"{name}: UndefinedTable at " in str(told.description)
