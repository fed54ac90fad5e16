"""The job that the webhook sensor starts: deliveries of one (tenant, system) to raw and core."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Final

import dagster as dg
from pydantic import Field

from assets import failures, metadata, registry
from assets.deliveries import LINGER_SECONDS, Batch, Server
from assets.drain import Drain
from assets.log_delivery import LogServer
from assets.partitions import TENANTS
from resources import registry as systems
from schemabase_dagster import database, tags, tenancy
from schemabase_dagster.clock import utc_now
from schemabase_dagster.errors import ConfigurationError

ASK_EVERY_SECONDS: Final = 1.0
QUEUED_SECONDS: Final = 3.0
"""The daemon lets a run go within a second or two unless its lane is full."""

LONGEST_RUN_SECONDS: Final = 1800


class DeliveryConfig(dg.Config):
    """Which deliveries are processed."""

    system: str = Field(description="Sender: zoho, saleor, ...")
    linger_seconds: float = Field(
        default=LINGER_SECONDS, ge=0, description="How long an idle run waits for more"
    )


# The op yields events of the assets it changes; it has no output of its own.
@dg.op(
    name="deliver",
    description="Lands due webhooks in raw, merges them into core, waits a while for more.",
    required_resource_keys=set(systems.systems()),
    out=dg.Out(dg.Nothing),
    tags={"layer": "raw"},
)
def deliver(
    context: dg.OpExecutionContext, config: DeliveryConfig
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.Output[None]]:
    """Serve one (tenant, system) until it stays quiet."""
    with failures.translated(config.system):
        if not context.has_partition_key:
            raise ConfigurationError("The run names no tenant.", "Choose one partition.")
        drain = registry.drains().get(config.system)
        serving = partial(LogServer, drain=drain) if drain is not None else Server
        server = serving(
            tenant_slug=context.partition_key,
            system=config.system,
            open_client=_opener(context, config.system),
            run_id=context.run_id,
            is_wanted_elsewhere=queue_watch(context.instance),
            linger_seconds=config.linger_seconds,
        )
        for batch in server.serve():
            yield from _materializations(batch, context.partition_key)
        if drain is not None:
            yield from _evaluations(drain, context.partition_key)
    yield dg.Output(None)


@dg.job(
    name="webhook_delivery",
    description="Started by the sensor webhook_inbox for one tenant and system. Shows up as "
    "materialisations of the raw and core assets it changed.",
    partitions_def=TENANTS,
    executor_def=dg.in_process_executor,
    tags={
        tags.TRIGGER: tags.TRIGGER_WEBHOOK,
        tags.LANE: tags.LANE_WEBHOOK,
        "dagster/max_runtime": str(LONGEST_RUN_SECONDS),
    },
)
def webhook_delivery() -> None:
    """Process the due webhooks of one (tenant, system)."""
    deliver()


def _opener(context: dg.OpExecutionContext, system: str) -> Any:
    if system not in systems.systems():
        known = ", ".join(systems.systems())
        raise ConfigurationError(f"There is no system '{system}'.", f"Known: {known}.")
    # the sinks of a log sender are apps of another system
    return lambda app: getattr(context.resources, app.type).open(app)


def queue_watch(instance: dg.DagsterInstance) -> Callable[[], bool]:
    """Return a question: does another delivery wait for a slot, asked at most once a second?

    A run that was queued a moment ago only waits for the next look of the daemon.
    """
    asked_at = time.monotonic()

    def is_waiting() -> bool:
        nonlocal asked_at
        if time.monotonic() - asked_at < ASK_EVERY_SECONDS:
            return False
        asked_at = time.monotonic()
        waiting = dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.QUEUED],
            tags={tags.LANE: tags.LANE_WEBHOOK},
            created_before=utc_now() - timedelta(seconds=QUEUED_SECONDS),
        )
        return instance.get_runs_count(waiting) > 0

    return is_waiting


def _materializations(batch: Batch, tenant: str) -> Iterator[dg.AssetMaterialization]:
    for stream in sorted({effect.stream for effect in batch.effects}):
        effects = [effect for effect in batch.effects if effect.stream == stream]
        told = metadata.landed_effects(effects, batch.landed)
        yield dg.AssetMaterialization(["raw", stream], partition=tenant, metadata=told)
    for entity, result in batch.merged:
        effects = [effect for effect in batch.effects if effect.entity == entity.name]
        told = metadata.counts(result) | metadata.merged_effects(effects)
        yield dg.AssetMaterialization(["core", entity.table.name], partition=tenant, metadata=told)
    if batch.drain is not None:
        yield dg.AssetMaterialization(
            ["logs", batch.drain.name], partition=tenant, metadata=metadata.counts(batch.landed)
        )


def _evaluations(drain: Drain, slug: str) -> Iterator[dg.AssetCheckEvaluation]:
    """Evaluate the checks of a drain, which no pull does."""
    with database.transaction() as conn:
        tenant = tenancy.get_tenant(conn, slug)
        for check in registry.checks():
            if check.asset == ("logs", drain.name):
                yield metadata.check_evaluation(check, check.evaluate(conn, tenant), slug)
