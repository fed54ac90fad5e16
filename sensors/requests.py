"""Run requests: what the sensors and schedules ask for, with the tags that limits read."""

from collections.abc import Collection, Iterable
from typing import Final

import dagster as dg

from assets import registry
from schemabase_dagster import tags

PRIORITY_WEBHOOK: Final = 10
PRIORITY_DUE: Final = 0
PRIORITY_NIGHTLY: Final = -1

UNFINISHED: Final = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def pull_request(
    tenant: str,
    system: str,
    streams: Iterable[str],
    *,
    trigger: str,
    priority: int,
    run_key: str | None = None,
    extra: dict[str, str] | None = None,
) -> dg.RunRequest:
    """Ask for one run of a (tenant, system): raw streams and everything downstream of them."""
    return dg.RunRequest(
        run_key=run_key,
        partition_key=tenant,
        asset_selection=downstream(streams),
        tags={
            tags.TENANT: tenant,
            tags.SYSTEM: system,
            tags.TRIGGER: trigger,
            tags.LANE: tags.LANE_PULL,
            tags.PULL: f"{tenant}/{system}",
            "dagster/priority": str(priority),
            "dagster/max_runtime": "7200",
            **(extra or {}),
        },
    )


def downstream(streams: Iterable[str]) -> list[dg.AssetKey]:
    """Return the keys of raw streams and of all below them: tables, views, what is served."""
    names = [name for name in streams if name in registry.streams()]
    entities = registry.affected(names)
    views = [
        view.name
        for view in registry.views().values()
        if not view.entities or set(entities) & set(view.entities)
    ]
    published = [
        each.name for each in registry.publications().values() if set(entities) & set(each.entities)
    ]
    tables = [registry.entities()[name].table.name for name in entities]
    return [
        *(dg.AssetKey(["raw", name]) for name in names),
        *(dg.AssetKey(["core", table]) for table in tables),
        *(dg.AssetKey(["analytics", name]) for name in views),
        *(dg.AssetKey(["platform", name]) for name in published),
    ]


def unfinished_pulls(instance: dg.DagsterInstance) -> Collection[str]:
    """Return ``<tenant>/<system>`` of all pulls that wait or run."""
    runs = instance.get_runs(
        dg.RunsFilter(statuses=list(UNFINISHED), tags={tags.LANE: tags.LANE_PULL})
    )
    return {run.tags[tags.PULL] for run in runs if tags.PULL in run.tags}


def known_tenants(instance: dg.DagsterInstance) -> Collection[str]:
    """Return the tenants' partition keys; a request for another key would fail the whole tick."""
    return set(instance.get_dynamic_partitions(tags.TENANT_PARTITIONS))
