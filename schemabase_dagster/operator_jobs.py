"""The jobs that an operator starts from Dagster's launchpad; the command line does the same."""

from typing import Any, Final
from uuid import UUID

import dagster as dg
from pydantic import Field

from assets import failures, registry
from schemabase_dagster import inbox, operations
from schemabase_dagster.clock import show_instant

LONGEST_RUN: Final = {"dagster/max_runtime": "7200"}


class SyncOneConfig(dg.Config):
    """Which tenant is synced now."""

    tenant: str = Field(description="Slug of the tenant")
    assets: list[str] = Field(
        default=[], description="Streams or assets, such as zoho_contacts; empty = all"
    )
    full: bool = Field(
        default=False, description="List everything and find what vanished, not only what changed"
    )
    confirm_deletes: bool = Field(
        default=False,
        description="You have looked at a wave of vanished records: prove and delete them",
    )


class ReplayConfig(dg.Config):
    """Which raw records are mapped again."""

    tenant: str = Field(description="Slug of the tenant")
    streams: list[str] = Field(default=[], description="Streams; empty = all with a mapper")
    sync: bool = Field(default=True, description="Merge them at once, without waiting for a run")


class ReplayInboxConfig(dg.Config):
    """Which webhook deliveries are processed again."""

    tenant: str = Field(description="Slug of the tenant")
    provider: str = Field(default="", description="Only from this system")
    event_type: str = Field(default="", description="Only events of this type")
    status: str = Field(
        default="", description="Only in this state: processed, ignored, failed or dead"
    )
    since: str = Field(default="", description="Received at or after, ISO 8601")
    until: str = Field(default="", description="Received before, ISO 8601")
    dry_run: bool = Field(default=True, description="Only count what would be processed again")
    per_second: float = Field(
        default=inbox.PER_SECOND, gt=0, description="Deliveries made due in a second, at most"
    )


class ResolveConflictConfig(dg.Config):
    """What two source records have to do with each other."""

    tenant: str = Field(description="Slug of the tenant")
    entity: str = Field(description="order, contact or invoice")
    kind: str = Field(description="link = they are one row; split = they never are")
    app: str = Field(description="Key of the first record's app")
    external_id: str = Field(description="Its id there")
    other_app: str = Field(description="Key of the other record's app")
    other_external_id: str = Field(description="Its id there")
    note: str = Field(default="", description="Why; kept with the decision")


class PauseAppConfig(dg.Config):
    """Which app is not pulled for a while."""

    tenant: str = Field(description="Slug of the tenant")
    app: str = Field(description="Key of the app")
    minutes: float = Field(default=60, ge=0, description="For how long; 0 = go on now")


@dg.op(name="sync_tenant", out=dg.Out(dg.Nothing))
def _sync_tenant(context: dg.OpExecutionContext, config: SyncOneConfig) -> None:
    """Sync one tenant in a run of its own, started by this one."""
    with failures.translated():
        done = operations.sync_one(
            config.tenant,
            assets=config.assets,
            full=config.full,
            confirm_deletes=config.confirm_deletes,
            instance=context.instance,
        )
    for each in done.assets:
        context.log.info("%s: %s", each.asset, _counts(each.counts))
    for check in done.failed_checks:
        context.log.warning("%s %s: %s", check.asset, check.name, check.summary)


@dg.op(name="replay_records", out=dg.Out(dg.Nothing))
def _replay_records(context: dg.OpExecutionContext, config: ReplayConfig) -> None:
    """Queue raw records to be mapped again."""
    with failures.translated():
        count = operations.replay(config.tenant, config.streams)
        context.log.info("%d records queued", count)
        if config.sync:
            tables = [entity.table.name for entity in registry.entities().values()]
            operations.sync_one(
                config.tenant,
                assets=[f"core/{name}" for name in tables],
                instance=context.instance,
            )


@dg.op(name="replay_deliveries", out=dg.Out(dg.Nothing))
def _replay_deliveries(context: dg.OpExecutionContext, config: ReplayInboxConfig) -> None:
    """Make deliveries due again; a re-execution of a stopped run goes on where it was."""
    with failures.translated():
        selection = operations.select_deliveries(
            config.tenant,
            provider=config.provider,
            event_type=config.event_type,
            status=config.status,
            since=config.since,
            until=config.until,
        )
        if config.dry_run:
            for each in operations.preview_replay(selection):
                effect = "copied" if each.is_copied else "tried again"
                context.log.info(
                    "%d %s deliveries of %s would be %s",
                    each.count, each.status, each.provider, effect,
                )  # fmt: skip
            return
        first_run = UUID(context.run.root_run_id or context.run_id)
        for state in operations.replay_deliveries(selection, first_run, config.per_second):
            context.log.info("%d tried again, %d copied", state.retried, state.copied)


@dg.op(name="decide_conflict", out=dg.Out(dg.Nothing))
def _decide_conflict(context: dg.OpExecutionContext, config: ResolveConflictConfig) -> None:
    """Record the decision of a person about two records."""
    with failures.translated():
        operations.resolve_conflict(
            config.tenant,
            config.entity,
            kind=config.kind,
            record=(config.app, config.external_id),
            other=(config.other_app, config.other_external_id),
            note=config.note,
        )
    context.log.info("decision kept, the records are mapped again by the next run")


@dg.op(name="pause", out=dg.Out(dg.Nothing))
def _pause(context: dg.OpExecutionContext, config: PauseAppConfig) -> None:
    """Stop the pulls of an app for a while, or let them go on."""
    with failures.translated():
        until = operations.pause_app(config.tenant, config.app, minutes=config.minutes or None)
    context.log.info(f"paused until {show_instant(until)}" if until else "goes on now")


@dg.job(
    name="sync_one",
    description="Sync one tenant now, incrementally or in full. Same as 'schemabase sync'.",
    executor_def=dg.in_process_executor,
    tags=LONGEST_RUN,
)
def sync_one() -> None:
    """Sync one tenant now."""
    _sync_tenant()


@dg.job(
    name="replay",
    description="Map raw records again, without one API call. Same as 'schemabase replay'.",
    executor_def=dg.in_process_executor,
    tags=LONGEST_RUN,
)
def replay() -> None:
    """Map raw records again."""
    _replay_records()


@dg.job(
    name="replay_inbox",
    description="Process webhook deliveries again; counts only, until dry_run is off. Same as "
    "'schemabase inbox replay'.",
    executor_def=dg.in_process_executor,
    tags=LONGEST_RUN,
)
def replay_inbox() -> None:
    """Process deliveries again."""
    _replay_deliveries()


@dg.job(
    name="resolve_conflict",
    description="Decide whether two source records are one row. Same as 'schemabase conflict "
    "resolve'.",
    executor_def=dg.in_process_executor,
)
def resolve_conflict() -> None:
    """Decide about two records."""
    _decide_conflict()


@dg.job(
    name="pause_app",
    description="Stop the pulls of an app for a while. Same as 'schemabase app pause'.",
    executor_def=dg.in_process_executor,
)
def pause_app() -> None:
    """Pause an app."""
    _pause()


OPERATOR_JOBS: Final = (sync_one, replay, replay_inbox, resolve_conflict, pause_app)


def _counts(counts: Any) -> str:
    shown = ("read", "changed", "unchanged", "rejected", "deleted", "api_calls")
    return ", ".join(f"{name} {counts[name]}" for name in shown if name in counts)
