"""What an operator does by hand: the functions behind the command line and the Dagster jobs.

Roof, not ground: a sync runs real assets.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import dagster as dg

from assets import failures, registry
from assets.factory import all_assets
from resources.registry import default_resources
from schemabase_dagster import database, inbox, tags, tenancy
from schemabase_dagster.clock import parse_instant, utc_now
from schemabase_dagster.engine import accepted, decisions
from schemabase_dagster.engine.replay import replay as replay_streams
from schemabase_dagster.errors import ConfigurationError, SchemabaseError
from sensors.requests import downstream

_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Every event of a run is recorded with it; on a terminal the counts and one error are enough."""

_PAUSE: Final = "UPDATE platform.app SET paused_until = %s, updated_at = now() WHERE id = %s"


@dataclass(frozen=True, slots=True)
class SyncedAsset:
    """What a sync did to one asset: its key as text and its counts."""

    asset: str
    counts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """One check that did not pass."""

    asset: str
    name: str
    severity: str
    summary: str


@dataclass(frozen=True, slots=True)
class Synced:
    """Outcome of a sync."""

    assets: tuple[SyncedAsset, ...]
    failed_checks: tuple[FailedCheck, ...] = field(default=())


class SyncFailedError(SchemabaseError):
    """A step of a sync failed; what was committed before stays."""

    def __init__(self, messages: Iterable[str], exit_status: int) -> None:
        self.exit_status = exit_status  # type: ignore[misc]  # that of its cause
        super().__init__(" ".join(messages))


def sync_one(
    tenant: str,
    *,
    assets: Iterable[str] = (),
    full: bool = False,
    confirm_deletes: bool = False,
    instance: dg.DagsterInstance | None = None,
) -> Synced:
    """Sync a tenant in this process, by the same assets that scheduled runs use.

    Args:
        tenant: slug of the tenant.
        assets: streams or keys of assets (``zoho_contacts``, ``core/orders``); empty = all of the
            systems that the tenant has apps of. Whatever depends on a chosen stream is brought up
            to date, too.
        full: list everything and find what vanished.
        confirm_deletes: a person has looked at a wave of vanished records: prove and delete them.
        instance: where the run is recorded; None = nowhere.

    Raises:
        ConfigurationError: unknown or archived tenant, one without apps, unknown asset.
        SyncFailedError: a step failed.
    """
    with database.transaction() as conn:
        found = tenancy.get_tenant(conn, tenant)
        apps = tenancy.list_apps(conn, found, enabled=True)
    keys = select_assets(assets or _streams_of(found, apps))
    run_tags = {tags.TENANT: tenant}
    if full:
        run_tags[tags.TRIGGER] = tags.TRIGGER_FULL
    if confirm_deletes:
        run_tags[tags.CONFIRM_DELETES] = "true"
    if instance is not None:
        return _materialize(tenant, keys, run_tags, instance)
    with dg.DagsterInstance.ephemeral() as nowhere:
        return _materialize(tenant, keys, run_tags, nowhere)


def select_assets(names: Iterable[str]) -> list[dg.AssetKey]:
    """Return the keys that names stand for, with everything below the streams among them.

    Raises:
        ConfigurationError: a name is unknown; the message lists the known ones.
    """
    logs = [dg.AssetKey(["logs", drain.name]) for drain in registry.drains().values()]
    known = {key.to_user_string(): key for key in (*downstream(registry.streams()), *logs)}
    found: dict[dg.AssetKey, None] = {}
    for name in names:
        stream = name.removeprefix("raw/")
        if stream in registry.streams():
            found.update(dict.fromkeys(downstream([stream])))
        elif name in known:
            found[known[name]] = None
        else:
            raise ConfigurationError(f"There is no asset '{name}'.", f"Known: {', '.join(known)}.")
    return list(found)


def _streams_of(tenant: tenancy.Tenant, apps: Iterable[tenancy.App]) -> list[str]:
    systems = {app.type for app in apps}
    if not systems:
        raise ConfigurationError(
            f"Tenant '{tenant.slug}' has no enabled app, so there is nothing to sync.",
            f"Run 'schemabase app add {tenant.slug} TYPE' to connect one.",
        )
    return [name for system in sorted(systems) for name in registry.streams_of(system)]


def replay(tenant: str, streams: Iterable[str] = ()) -> int:
    """Queue the raw records of a tenant to be mapped again and return how many.

    Core is rebuilt from raw by the next run of the core assets, without one API call.

    Args:
        tenant: slug of the tenant.
        streams: names of streams; empty = all that have a mapper.
    """
    chosen = [registry.stream(name.removeprefix("raw/")) for name in streams]
    if not chosen:
        chosen = [stream for stream in registry.streams().values() if stream.mapper is not None]
    with database.transaction() as conn:
        found = tenancy.get_tenant(conn, tenant)
    return replay_streams(found, chosen)


def select_deliveries(
    tenant: str,
    *,
    provider: str = "",
    event_type: str = "",
    status: str = "",
    since: str = "",
    until: str = "",
) -> inbox.Selection:
    """Return the filter of deliveries that texts describe; empty ones narrow nothing.

    Raises:
        ConfigurationError: there is no such tenant, or a time cannot be read.
    """
    with database.transaction() as conn:
        found = tenancy.get_tenant(conn, tenant)
    return inbox.Selection(
        tenant=found.slug,
        provider=provider or None,
        event_type=event_type or None,
        status=status or None,
        since=_instant(since),
        until=_instant(until),
    )


def preview_replay(selection: inbox.Selection) -> list[inbox.Preview]:
    """Count what a replay of deliveries would do."""
    with database.transaction() as conn:
        return inbox.preview(conn, selection)


def replay_deliveries(
    selection: inbox.Selection, replay_id: UUID, per_second: float
) -> Iterator[inbox.Replay]:
    """Make deliveries due again; yield the state after every chunk.

    Args:
        selection: which; of a replay that is known already it is not looked at.
        replay_id: name of the replay: one that was stopped goes on under its name.
        per_second: deliveries made due in a second, at most.
    """
    with database.connect(autocommit=True) as conn:
        inbox.start_replay(conn, selection, replay_id)
        yield from inbox.run_replay(conn, replay_id, per_second)


def list_conflicts(tenant: str | None = None) -> list[decisions.OpenConflict]:
    """Return the contradictions that wait for a person, oldest first."""
    return decisions.list_conflicts(tenant)


def accept_difference(
    tenant: str, kind: str, record: str, *, note: str = "", is_accepted: bool = True
) -> None:
    """Accept a disagreement of ``analytics.reconciliation_defect`` as it is, or take that back.

    Its check leaves it out from then on, until its amounts change.

    Args:
        tenant: slug of the tenant.
        kind: its kind.
        record: its record.
        note: why.
        is_accepted: False = take it back.

    Raises:
        ConfigurationError: there is no such disagreement.
    """
    with database.transaction() as conn:
        found = tenancy.get_tenant(conn, tenant)
    accepted.accept_difference(found, kind, record, note=note, is_accepted=is_accepted)


def resolve_conflict(
    tenant: str,
    entity: str,
    *,
    kind: str,
    record: tuple[str, str],
    other: tuple[str, str],
    note: str = "",
) -> None:
    """Decide that two source records are one row (``link``) or never are (``split``).

    The decision is kept and applied again after every rebuild; the records are queued for the next
    run of the core asset.

    Args:
        tenant: slug of the tenant.
        entity: name of the entity.
        kind: ``link`` or ``split``.
        record: key of an app and id of a record there.
        other: the other record.
        note: why, for those who read it later.

    Raises:
        ConfigurationError: unknown tenant, entity, app or kind.
    """
    if entity not in registry.entities():
        known = ", ".join(registry.entities())
        raise ConfigurationError(f"There is no entity '{entity}'.", f"Known: {known}.")
    with database.transaction() as conn:
        found = tenancy.get_tenant(conn, tenant)
    decisions.decide(found, entity, kind, record=record, other=other, note=note)


def pause_app(tenant: str, app: str, *, minutes: float | None) -> datetime | None:
    """Stop the pulls of an app for a while, or let them go on.

    Webhooks are still processed; ``webhook pause`` stops them.

    Args:
        tenant: slug of the tenant.
        app: key of the app.
        minutes: for how long; None = go on now.

    Returns:
        Until when it is paused, or None.

    Raises:
        ConfigurationError: unknown tenant or app.
    """
    until = utc_now() + timedelta(minutes=minutes) if minutes is not None else None
    with database.transaction() as conn:
        found = tenancy.get_app(conn, tenant, app)
        conn.execute(_PAUSE, (until, found.id))
    return until


def _materialize(
    tenant: str, keys: list[dg.AssetKey], run_tags: dict[str, str], instance: dg.DagsterInstance
) -> Synced:
    instance.add_dynamic_partitions(tags.TENANT_PARTITIONS, [tenant])
    result = dg.materialize(
        all_assets(),
        selection=keys,
        partition_key=tenant,
        run_config=_QUIET,
        resources=default_resources(),
        instance=instance,
        tags=run_tags,
        raise_on_error=False,
    )
    if not result.success:
        raise _failure(result)
    return Synced(
        tuple(
            SyncedAsset(
                event.asset_key.to_user_string() if event.asset_key else "",
                {key: value.value for key, value in event.materialization.metadata.items()},
            )
            for event in result.get_asset_materialization_events()
        ),
        tuple(
            FailedCheck(
                each.asset_key.to_user_string(),
                each.check_name,
                each.severity.value,
                each.description or "",
            )
            for each in result.get_asset_check_evaluations()
            if not each.passed
        ),
    )


def _instant(text: str) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except ValueError:
        raise ConfigurationError(
            f"'{text}' is not an instant.", "Write it as 2026-01-31T08:00:00Z."
        ) from None


def _failure(result: dg.ExecuteInProcessResult) -> SyncFailedError:
    """Gather the messages of the failed steps; the first decides the exit status."""
    messages: dict[str, None] = {}
    statuses = []
    for event in result.filter_events(lambda event: event.is_step_failure):
        data = event.step_failure_data.user_failure_data
        if data is not None:
            messages[data.description or "A step failed."] = None
            status = data.metadata.get(failures.EXIT_STATUS)
            statuses.append(int(str(status.value)) if status is not None else 1)
    return SyncFailedError(messages or ["The run failed."], statuses[0] if statuses else 1)
