"""raw_asset, core_asset and the like: from a description to an asset with all it needs."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, Final, TypeAlias

import dagster as dg
from dagster._utils.warnings import PreviewWarning

from assets import failures, metadata, registry, syncing
from assets.checking import Check
from assets.checks import core_checks, raw_checks
from assets.drain import Drain
from assets.log_delivery import LogServer, deliver_now
from assets.partitions import TENANTS
from assets.priority import give_way
from assets.publication import Publication
from assets.syncing import SyncRequest
from assets.view import View
from resources.elasticsearch import ELASTICSEARCH
from schemabase_dagster import database, tags
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.inbox.due import FEATURE
from schemabase_dagster.streams import Stream
from schemabase_dagster.tenancy import Tenant

Body: TypeAlias = Callable[[dg.AssetExecutionContext], dg.MaterializeResult[Any]]
Seen: TypeAlias = dg.MaterializeResult[Any] | dg.AssetCheckResult

OWNERS: Final = ("team:data",)

FIRST: Final = {"dagster/priority": "1"}
"""Step of a stream that webhooks feed: people wait for its news, so it is pulled before others."""

LAST: Final = {"dagster/priority": "-1"}
"""Step of a patient stream."""

RAW_COLUMNS: Final = (
    ("tenant_id", "uuid", "Tenant"),
    ("app_id", "uuid", "App the record comes from"),
    ("external_id", "text", "Id in the source system"),
    ("payload", "jsonb", "The record as received"),
    ("payload_hash", "bytea", "SHA-256 of the payload as JSON with sorted keys"),
    ("source_updated_at", "timestamptz", "Modified time by the source"),
    ("read_at", "timestamptz", "When we read this version from the source"),
    ("first_seen_at", "timestamptz", "When the record was first stored"),
    ("changed_at", "timestamptz", "When the payload last changed"),
    ("change_count", "integer", "How often the payload changed since"),
    ("deleted_at", "timestamptz", "When the source was proved not to have it any more"),
    ("via", "text", "How this version came: pull, webhook, push or import"),
    ("run_id", "text", "Dagster run that stored this version"),
)


def all_assets() -> list[dg.AssetsDefinition]:
    """Return every asset there is, from the registry."""
    return [
        *(raw_asset(stream) for stream in registry.streams().values()),
        *(core_asset(entity) for entity in registry.entities().values()),
        analytics_assets(tuple(registry.views().values())),
        *(log_asset(drain) for drain in registry.drains().values()),
        published_assets(tuple(registry.publications().values())),
    ]


def raw_asset(stream: Stream) -> dg.AssetsDefinition:
    """Return the asset ``raw/<stream>``: the stream's records as received, one table."""
    checks = raw_checks(stream)
    system = stream.system.name

    @_asset(
        ("raw", stream.name),
        stream.group,
        stream.description,
        checks,
        kinds={"postgres", system},
        pool=system,
        code_version=stream.version,
        required_resource_keys={system},
        op_tags=LAST if stream.patient else FIRST if stream.webhook is not None else {},
        metadata={
            "dagster/table_name": f"raw.{stream.name}",
            "dagster/column_schema": _raw_schema(),
        },
        deps=[dg.AssetKey(["raw", stream.part.whole])] if stream.part else [],
    )
    def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster wants it bare
        with failures.translated(system):
            resource = getattr(context.resources, system)
            pace = resource.pace().after(_seconds_of_run(context))
            request = replace(_request(context), pace=pace)
            done = syncing.pull(stream, resource.open, request)
            with database.transaction() as conn:
                told = metadata.raw_metadata(conn, stream, done)
                return dg.MaterializeResult(
                    metadata=told, check_results=_evaluate(conn, done.tenant, checks)
                )

    return asset


def core_asset(entity: Entity) -> dg.AssetsDefinition:
    """Return the asset ``core/<table>``: the canonical rows of an entity."""
    streams = registry.streams_feeding(entity.name)
    own = [check for check in registry.checks() if check.asset == ("core", entity.table.name)]
    checks = (*core_checks(entity, tuple(streams.values())), *own)

    @_asset(
        ("core", entity.table.name),
        entity.group,
        entity.description,
        checks,
        kinds={"postgres"},
        deps=_core_deps(entity, streams),
        code_version="-".join(stream.version for stream in streams.values()) or "1",
        metadata={
            "dagster/table_name": f"core.{entity.table.name}",
            "dagster/column_schema": metadata.table_schema(entity.table),
        },
    )
    def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster wants it bare
        with failures.translated():
            request = _request(context)
            done = syncing.merge(entity, request)
            picture = request.is_manual or bool(done.result.changed)
            with database.transaction() as conn:
                told = metadata.core_metadata(conn, entity, done, picture=picture)
                return dg.MaterializeResult(
                    metadata=told, check_results=_evaluate(conn, done.tenant, checks)
                )

    return asset


def analytics_assets(views: Sequence[View]) -> dg.AssetsDefinition:
    """Return the assets ``analytics/<view>``: always up to date, a run only looks at them.

    What a run looks at is one step: a step for each view costs more than the look.
    """
    checks = {
        view.name: [each for each in registry.checks() if each.asset == ("analytics", view.name)]
        for view in views
    }

    @dg.multi_asset(
        name="analytics_views",
        description="Looks at the views below which something may have changed.",
        specs=[_view_spec(view) for view in views],
        check_specs=[_check_spec(check) for each in checks.values() for check in each],
        partitions_def=TENANTS,
        retry_policy=failures.RETRY_POLICY,
        can_subset=True,
    )
    def analytics_views(context: dg.AssetExecutionContext) -> Iterator[Seen]:
        give_way(context.run.tags)
        with failures.translated(), database.transaction() as conn:
            tenant = syncing.enter(conn, _request(context).tenant)
        failed: dict[str, dg.Failure] = {}
        for view in views:
            is_chosen = dg.AssetKey(["analytics", view.name]) in context.selected_asset_keys
            asked = [check for check in checks[view.name] if _is_asked(context, check)]
            try:
                # one that cannot be read hides no other
                seen = list(_look(view, tenant, asked, is_chosen=is_chosen))
            except dg.Failure as failure:
                failed[view.name] = failure
            else:
                yield from seen
        if failed:
            raise failures.gathered(failed)

    return analytics_views


def log_asset(drain: Drain) -> dg.AssetsDefinition:
    """Return the asset ``logs/<drain>``: batches of the inbox, delivered to the tenant's sinks."""
    checks = [check for check in registry.checks() if check.asset == ("logs", drain.name)]
    system, sink = drain.system.name, ELASTICSEARCH.name

    @_asset(
        ("logs", drain.name),
        "logs",
        drain.description,
        checks,
        kinds={system, sink},
        required_resource_keys={system, sink},
    )
    def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster wants it bare
        with failures.translated(sink):
            request = _request(context)
            server = LogServer(
                request.tenant,
                system,
                lambda app: getattr(context.resources, app.type).open(app),
                context.run.run_id,
                linger_seconds=0.0,
                drain=drain,
                retries_dead=request.is_manual,
            )
            result = deliver_now(server)
            with database.transaction() as conn:
                tenant = syncing.enter(conn, request.tenant, FEATURE)
                return dg.MaterializeResult(
                    metadata=metadata.counts(result), check_results=_evaluate(conn, tenant, checks)
                )

    return asset


def published_assets(publications: Sequence[Publication]) -> dg.AssetsDefinition:
    """Return the assets ``platform/<table>``: what the gateway serves, made anew, in one step."""

    @dg.multi_asset(
        name="published",
        description="Makes what others read through the gateway anew.",
        specs=[_published_spec(each) for each in publications],
        partitions_def=TENANTS,
        retry_policy=failures.RETRY_POLICY,
        can_subset=True,
    )
    def published(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        give_way(context.run.tags)
        for each in publications:
            key = dg.AssetKey(["platform", each.name])
            if key in context.selected_asset_keys:
                with failures.translated(), database.transaction() as conn:
                    counts = each.publish(conn, syncing.enter(conn, _request(context).tenant))
                yield dg.MaterializeResult(asset_key=key, metadata=dict(counts))

    return published


def _published_spec(publication: Publication) -> dg.AssetSpec:
    known = registry.entities()
    return dg.AssetSpec(
        ["platform", publication.name],
        group_name="published",
        description=publication.description,
        deps=[dg.AssetKey(["core", known[name].table.name]) for name in publication.entities],
        kinds={"postgres"},
        owners=list(OWNERS),
        tags=_tags("platform", "published"),
        metadata={"dagster/table_name": f"platform.{publication.name}"},
    )


def _look(
    view: View, tenant: Tenant, checks: Sequence[Check], *, is_chosen: bool
) -> Iterator[Seen]:
    """Look at a view and evaluate checks of it, which may be all that was asked for."""
    if not is_chosen and not checks:
        return
    with failures.translated(), database.transaction() as conn:
        told = metadata.view_metadata(conn, view, tenant) if is_chosen else {}
        results = _evaluate(conn, tenant, checks)
    if is_chosen:
        key = ["analytics", view.name]
        yield dg.MaterializeResult(asset_key=key, metadata=told, check_results=results)
    else:
        yield from results


def _is_asked(context: dg.AssetExecutionContext, check: Check) -> bool:
    key = dg.AssetCheckKey(dg.AssetKey(list(check.asset)), check.name)
    return key in context.selected_asset_check_keys


def _view_spec(view: View) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["analytics", view.name],
        group_name="analytics",
        description=view.description,
        deps=_view_deps(view),
        kinds={"postgres", "view"},
        owners=list(OWNERS),
        tags=_tags("analytics", "analytics"),
        metadata={"dagster/table_name": f"analytics.{view.name}"},
    )


def _asset(
    key: tuple[str, str], group: str, description: str, checks: Sequence[Check], **own: Any
) -> Callable[[Body], dg.AssetsDefinition]:
    """Return the decorator of an asset, with what none may forget."""
    decorator: Callable[[Body], dg.AssetsDefinition] = dg.asset(
        key=list(key),
        group_name=group,
        description=description,
        partitions_def=TENANTS,
        owners=list(OWNERS),
        tags=_tags(key[0], group),
        retry_policy=failures.RETRY_POLICY,
        check_specs=[_check_spec(check) for check in checks],
        **own,
    )

    def decorated(body: Body) -> dg.AssetsDefinition:
        @wraps(body)
        def asset(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
            give_way(context.run.tags)
            return body(context)

        return decorator(asset)

    return decorated


def _tags(layer: str, group: str) -> dict[str, str]:
    return {"layer": layer, "domain": group}


def _check_spec(check: Check) -> dg.AssetCheckSpec:
    # Partitioned checks are a preview of Dagster 1.13, used on purpose: without partitions the
    # latest tenant would overwrite the answers about all others.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PreviewWarning)
        return dg.AssetCheckSpec(
            check.name,
            asset=dg.AssetKey(list(check.asset)),
            description=check.description,
            partitions_def=TENANTS,
        )


def _core_deps(entity: Entity, streams: Mapping[str, Stream]) -> list[dg.AssetKey]:
    """Return the raw tables an entity is made of and the core tables its rows refer to."""
    names = [registry.entities()[parent].table.name for parent in registry.parents(entity)]
    return [
        *(dg.AssetKey(["raw", name]) for name in streams),
        *(dg.AssetKey(["core", name]) for name in names),
    ]


def _view_deps(view: View) -> list[dg.AssetKey]:
    """Return what a view reads; a view of every stream reads the others through their core table.

    An edge from every raw table as well would hide the others in the graph.
    """
    known = registry.entities()
    names = view.entities or tuple(known)
    keys = [dg.AssetKey(["core", known[name].table.name]) for name in names if name in known]
    if not view.entities:
        alone = (name for name, stream in registry.streams().items() if stream.entity is None)
        keys += [dg.AssetKey(["raw", name]) for name in alone]
    return keys


def _raw_schema() -> dg.TableSchema:
    return dg.TableSchema(columns=[dg.TableColumn(*column) for column in RAW_COLUMNS])


def _seconds_of_run(context: dg.AssetExecutionContext) -> float:
    """Return how long the run works already, over all its steps."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    if record is None or record.start_time is None:
        return 0.0
    return max(0.0, utc_now().timestamp() - float(record.start_time))


def _request(context: dg.AssetExecutionContext) -> SyncRequest:
    """Read from the run what was asked for.

    Raises:
        ConfigurationError: the run names no tenant.
    """
    if not context.has_partition_key:
        raise ConfigurationError(
            "The run names no tenant.", "Choose one partition, which is a tenant, and start again."
        )
    return SyncRequest(
        tenant=context.partition_key,
        trigger=context.run.tags.get(tags.TRIGGER),
        run_id=context.run.run_id,
        confirm_deletes=tags.CONFIRM_DELETES in context.run.tags,
        log=context.log.info,
    )


def _evaluate(
    conn: database.Connection[Any], tenant: Tenant, checks: Sequence[Check]
) -> list[dg.AssetCheckResult]:
    return [metadata.check_result(check, check.evaluate(conn, tenant)) for check in checks]
