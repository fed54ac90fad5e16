"""Webhook deliveries of a (tenant, system): land, merge, wait a while for more.

One run serves the bursts of its group: a process start costs seconds, a batch milliseconds. While
it lives it holds an advisory lock, by which the sensor knows that nobody else needs to start.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import Connection

from assets import registry
from assets.syncing import (
    AppFailure,
    AppsFailedError,
    OpenClient,
    enter,
    merge_tenant,
    note_refusal,
    usable_apps,
)
from schemabase_dagster import database
from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.engine.hints import land_webhooks
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.errors import RateLimited, SchemabaseError
from schemabase_dagster.inbox.due import FEATURE
from schemabase_dagster.streams import Client, Stream
from schemabase_dagster.tenancy import App, Tenant

LINGER_SECONDS: Final = 20.0
LONGEST_SECONDS: Final = 300.0
"""A run ends by then, so that new code and other tenants get their turn."""

POLL_SECONDS: Final = 0.2

# The second half: what a killed run held, once its lease is over.
_WAITING: Final = """
SELECT EXISTS (
    SELECT FROM platform.webhook_inbox
    WHERE status IN ('received', 'failed')
      AND next_attempt_at <= now()
      AND tenant_id = %(tenant_id)s
      AND provider = %(system)s
) OR EXISTS (
    SELECT FROM platform.webhook_inbox
    WHERE status = 'claimed'
      AND claimed_until <= now()
      AND tenant_id = %(tenant_id)s
      AND provider = %(system)s
)
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one round did.

    Attributes:
        tenant: the tenant.
        landed: counts of the deliveries' records in raw.
        streams: streams that changed.
        merged: counts by entity.
    """

    tenant: Tenant
    landed: SyncResult
    streams: tuple[Stream, ...]
    merged: tuple[tuple[Entity, SyncResult], ...]


@dataclass(frozen=True, slots=True)
class Server:
    """Serves one group.

    Attributes:
        tenant_slug: tenant.
        system: type of its apps.
        open_client: opens an app.
        run_id: Dagster run, also the name under which deliveries are claimed.
        is_wanted_elsewhere: asked now and then while idle; True = end now.
        linger_seconds: how long an idle run waits for more.
    """

    tenant_slug: str
    system: str
    open_client: OpenClient
    run_id: str
    is_wanted_elsewhere: Callable[[], bool] = field(default=lambda: False)
    linger_seconds: float = LINGER_SECONDS

    def serve(self) -> Iterator[Batch]:
        """Yield after every round that found something; end when it stays quiet.

        Raises:
            AppsFailedError: an app could not be asked; its deliveries wait in the inbox, the
                other apps' ones are done.
        """
        with database.transaction() as conn:
            tenant = enter(conn, self.tenant_slug, FEATURE)
        with ExitStack() as stack:
            lock = stack.enter_context(database.connect(autocommit=True))
            database.try_advisory_lock(lock, *lock_parts(tenant, self.system))
            if not self._is_due(tenant):
                yield from self._left_behind(tenant)
            yield from self._rounds(tenant, _Clients(self.open_client, stack))

    def _left_behind(self, tenant: Tenant) -> Iterator[Batch]:
        """Merge what a killed run had landed and settled: nothing announces that again."""
        merged = _merge_all(tuple(registry.streams_of(self.system).values()), tenant, self.run_id)
        if merged:
            yield Batch(tenant, SyncResult(), (), merged)

    def _rounds(self, tenant: Tenant, clients: "_Clients") -> Iterator[Batch]:
        started = quiet_since = time.monotonic()
        failures: dict[str, AppFailure] = {}
        while not failures and time.monotonic() - started < LONGEST_SECONDS:
            batch = self._round(tenant, clients, failures) if self._is_due(tenant) else None
            if batch is not None:
                yield batch
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > self.linger_seconds or self.is_wanted_elsewhere():
                break
            else:
                time.sleep(POLL_SECONDS)
        if failures:
            raise AppsFailedError(tenant.slug, list(failures.values()))

    def _is_due(self, tenant: Tenant) -> bool:
        values = {"tenant_id": tenant.id, "system": self.system}
        with database.transaction() as conn:
            row = conn.execute(_WAITING, values).fetchone()
        return bool(row and row[0])

    def _round(
        self, tenant: Tenant, clients: "_Clients", failures: dict[str, AppFailure]
    ) -> Batch | None:
        streams = tuple(registry.streams_of(self.system).values())
        landed = SyncResult()
        with database.transaction() as conn:
            apps = usable_apps(conn, tenant, self.system)
        for app in apps:
            try:
                landed += land_webhooks(
                    clients.of(app), streams, app, run_id=self.run_id, worker=self.run_id
                )
            except RateLimited:
                continue  # its deliveries wait in the inbox until the account may be asked again
            except SchemabaseError as error:
                note_refusal(app, error)
                failures[app.key] = AppFailure(app, error)
        if not landed.read:
            return None
        return Batch(tenant, landed, _fed(streams), _merge_all(streams, tenant, self.run_id))


def lock_parts(tenant: Tenant, system: str) -> tuple[object, ...]:
    """Return the name of the advisory lock that a serving run holds."""
    return ("webhooks", tenant.id, system)


def is_served(conn: Connection[Any], tenant_id: object, system: str) -> bool:
    """Tell whether a living run serves a group; a killed one loses its lock with its connection."""
    if database.try_advisory_lock(conn, "webhooks", tenant_id, system):
        database.advisory_unlock(conn, "webhooks", tenant_id, system)
        return False
    return True


class _Clients:
    """Clients opened when they are first needed and kept until the run ends."""

    def __init__(self, open_client: OpenClient, stack: ExitStack) -> None:
        self._open_client = open_client
        self._stack = stack
        self._clients: dict[object, Client] = {}

    def of(self, app: App) -> Client:
        """Return the client of an app."""
        if app.id not in self._clients:
            self._clients[app.id] = self._stack.enter_context(self._open_client(app))
        return self._clients[app.id]


def _fed(streams: tuple[Stream, ...]) -> tuple[Stream, ...]:
    return tuple(stream for stream in streams if stream.webhook is not None)


def _merge_all(
    streams: tuple[Stream, ...], tenant: Tenant, run_id: str
) -> tuple[tuple[Entity, SyncResult], ...]:
    """Merge the entities that change with the streams and keep what did something."""
    entities = registry.entities()
    merged = [
        (entities[name], merge_tenant(entities[name], tenant, run_id))
        for name in registry.affected(stream.name for stream in _fed(streams))
    ]
    return tuple((entity, result) for entity, result in merged if result.read)
