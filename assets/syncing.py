"""What a run does for a tenant: pull a stream of all its apps, merge an entity.

One app's failure never stops another: what the others landed is merged, then the failure is told.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias
from uuid import UUID

from psycopg import Connection

from assets import progress, registry
from schemabase_dagster import database, tags, tenancy
from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.engine.hints import land_webhooks
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import Pace, PullOptions, sync_stream
from schemabase_dagster.engine.result import Progress, SyncResult, silent
from schemabase_dagster.errors import CredentialError, QuotaExhausted, SchemabaseError
from schemabase_dagster.streams import Client, Stream
from schemabase_dagster.tenancy import App, Tenant

OpenClient: TypeAlias = Callable[[App], AbstractContextManager[Client]]

SYNC_FEATURE: Final = "sync"
"""Entitlement without which nothing is pulled."""

NO_APP: Final = "No app that may be pulled delivers this stream."

LOG_EVERY_SECONDS: Final = 10.0
"""A line of the event log costs 1.7 kB."""

_USABLE: Final = """
SELECT a.id
FROM platform.app AS a
WHERE a.tenant_id = %(tenant_id)s
  AND a.type = %(system)s
  AND a.enabled
  AND a.deleted_at IS NULL
  AND (%(even_refused)s OR a.credentials_failed_at IS NULL)
"""

_PULLED: Final = """
SELECT a.id
FROM platform.app AS a
JOIN platform.app_entity AS e
    ON e.app_id = a.id AND e.entity = %(stream)s AND e.direction = 'pull' AND e.enabled
WHERE a.tenant_id = %(tenant_id)s
  AND (%(even_paused)s OR a.paused_until IS NULL OR a.paused_until <= now())
"""


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What a run was asked for.

    Attributes:
        tenant: slug of the tenant.
        trigger: ``schedule``, ``full``, or None when a person asked.
        run_id: Dagster run, kept on rows.
        confirm_deletes: a person has looked at a wave of vanished records.
        pace: how long a pull works at a stretch.
        log: takes a line about the progress.
    """

    tenant: str
    trigger: str | None = None
    run_id: str | None = None
    confirm_deletes: bool = False
    pace: Pace = field(default_factory=Pace)
    log: Callable[[str], None] = field(default=lambda _line: None)

    @property
    def is_manual(self) -> bool:
        """Whether a person asked and wants to see the true state of dead apps, too."""
        return self.trigger is None


@dataclass(frozen=True, slots=True)
class Done:
    """What was done for a tenant, with notes for people."""

    tenant: Tenant
    result: SyncResult
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppFailure:
    """One app that could not be synced."""

    app: App
    error: SchemabaseError


class AppsFailedError(SchemabaseError):
    """Some apps of a tenant could not be synced; what the others delivered is committed."""

    def __init__(self, tenant: str, failures: Sequence[AppFailure]) -> None:
        self.failures = tuple(failures)
        waits = [getattr(each.error, "retry_after", None) for each in failures]
        self.retry_after = max(filter(None, waits), default=None)
        self.exit_status = failures[0].error.exit_status  # type: ignore[misc]  # by its cause
        self.passing = all(each.error.passing for each in failures)  # type: ignore[misc]  # same
        super().__init__(
            " ".join(
                str(each.error)
                if isinstance(each.error, CredentialError)
                else f"App '{each.app.key}' of tenant '{tenant}': {each.error}"
                for each in failures
            )
        )


def enter(conn: Connection[Any], slug: str, feature: str = SYNC_FEATURE) -> Tenant:
    """Return an active tenant that may use a feature.

    Raises:
        UnknownTenantError: there is no such tenant, or it is archived.
        NotEntitledError: the tenant has not paid for it.
    """
    tenant = tenancy.get_tenant(conn, slug)
    tenancy.require_entitled(conn, tenant, feature)
    return tenant


def pull(stream: Stream, open_client: OpenClient, request: SyncRequest) -> Done:
    """Bring one stream of all the tenant's apps up to date in raw.

    A person's run also lands the webhooks that wait (architecture 11.16). What lands during a long
    back-fill is merged now and then, so that nobody waits for its end.

    Raises:
        AppsFailedError: at least one app failed; the others' records are merged all the same.
    """
    with database.transaction() as conn:
        tenant = enter(conn, request.tenant)
        apps = _pulled_apps(conn, tenant, stream, manual=request.is_manual)
    result, notes = SyncResult(), [] if apps else [NO_APP]
    failures: list[AppFailure] = []
    for app in apps:
        try:
            result += _pull_app(stream, tenant, app, open_client, request)
        except QuotaExhausted as error:
            result = replace(result, partial=True, out_of_quota=True)
            notes.append(f"{app.key}: {error}")
        except SchemabaseError as error:
            note_refusal(app, error)
            failures.append(AppFailure(app, error))
    if failures:
        if result.changed or result.deleted:
            _merge_for(stream, tenant)
        raise AppsFailedError(tenant.slug, failures)
    return Done(tenant, result, tuple(notes))


def merge(entity: Entity, request: SyncRequest) -> Done:
    """Turn the tenant's changed raw records into rows of an entity."""
    with database.transaction() as conn:
        tenant = enter(conn, request.tenant)
    asset = f"core/{entity.table.name}"
    watch = progress.for_app(asset, "", otherwise=_logged(request, asset))
    return Done(tenant, merge_tenant(entity, tenant, watch))


def merge_tenant(entity: Entity, tenant: Tenant, watch: Progress = silent) -> SyncResult:
    """Merge an entity of a tenant from all streams that feed it."""
    return merge_entity(entity, tenant, registry.streams(), progress=watch)


def note_refusal(app: App, error: SchemabaseError) -> None:
    """Remember refused credentials: nothing asks for the app until they are set or checked."""
    if isinstance(error, CredentialError):
        with database.transaction() as conn:
            tenancy.mark_credentials_failed(conn, app, error.reason)


def usable_apps(
    conn: Connection[Any], tenant: Tenant, system: str, *, even_refused: bool = False
) -> list[App]:
    """Return the tenant's enabled apps of a system.

    Args:
        conn: connection.
        tenant: tenant.
        system: type of the apps.
        even_refused: also those whose credentials were refused.
    """
    values = {"tenant_id": tenant.id, "system": system, "even_refused": even_refused}
    usable: set[UUID] = {row[0] for row in conn.execute(_USABLE, values)}
    apps = tenancy.list_apps(conn, tenant=tenant, type=system)
    return [app for app in apps if app.id in usable]


def _pulled_apps(
    conn: Connection[Any], tenant: Tenant, stream: Stream, *, manual: bool
) -> list[App]:
    values = {"stream": stream.name, "tenant_id": tenant.id, "even_paused": manual}
    pulled: set[UUID] = {row[0] for row in conn.execute(_PULLED, values)}
    apps = usable_apps(conn, tenant, stream.system.name, even_refused=manual)
    return [app for app in apps if app.id in pulled]


def _pull_app(
    stream: Stream,
    tenant: Tenant,
    app: App,
    open_client: OpenClient,
    request: SyncRequest,
) -> SyncResult:
    asset = f"raw/{stream.name}"
    watch = progress.for_app(asset, app.key, otherwise=_logged(request, f"{asset} of {app.key}"))
    options = PullOptions(
        full=request.trigger == tags.TRIGGER_FULL,
        run_id=request.run_id,
        trigger=request.trigger or "manual",
        pace=request.pace,
        confirm_deletes=request.confirm_deletes,
        progress=watch,
        publish=lambda: _merge_for(stream, tenant),
    )
    with open_client(app) as client:
        result = sync_stream(client, stream, app, options)
        if request.is_manual and stream.webhook is not None:
            streams = list(registry.streams_of(stream.system.name).values())
            worker = request.run_id or "manual"
            landed = land_webhooks(client, streams, app, run_id=request.run_id, worker=worker)
            result += landed.result
    return result


def _merge_for(stream: Stream, tenant: Tenant) -> None:
    """Merge what landed although the core assets of this run start late or, if it fails, never."""
    landed = {each.entity for each in (stream, *stream.parts)}
    for name, entity in registry.entities().items():
        if name in landed:
            merge_tenant(entity, tenant)


def _logged(request: SyncRequest, what: str) -> Progress:
    """Return a callback that logs now and then."""
    latest = time.monotonic()

    def log(done: int, total: int | None) -> None:
        nonlocal latest
        if time.monotonic() - latest >= LOG_EVERY_SECONDS:
            latest = time.monotonic()
            request.log(f"{what}: {done} of {total if total is not None else 'unknown'} records")

    return log
