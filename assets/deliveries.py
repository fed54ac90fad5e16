"""Webhook deliveries of a (tenant, system): land, merge, wait a while for more.

One run serves the bursts of its group: a process start costs seconds, a batch milliseconds. While
it lives it holds an advisory lock, by which the sensor knows that nobody else needs to start.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import Connection

from assets import registry
from assets.drain import Drain
from assets.syncing import (
    AppFailure,
    AppsFailedError,
    OpenClient,
    enter,
    note_refusal,
    usable_apps,
)
from schemabase_dagster import database, inbox
from schemabase_dagster.engine import todo
from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.engine.hints import Delivered, land_webhooks
from schemabase_dagster.engine.merge import merge_records
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.engine.todo import RawKey
from schemabase_dagster.errors import RateLimited, SchemabaseError
from schemabase_dagster.inbox import Effect
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
        merged: counts by entity.
        effects: what each delivery did to which record and row.
        drain: kind of log sender, if they were logs, which go elsewhere.
    """

    tenant: Tenant
    landed: SyncResult
    merged: tuple[tuple[Entity, SyncResult], ...] = ()
    effects: tuple[Effect, ...] = ()
    drain: Drain | None = None


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
            yield from self._rounds(tenant, Clients(self.open_client, stack))

    def _left_behind(self, tenant: Tenant, _clients: "Clients") -> Batch | None:
        """Merge what a killed run had landed and settled: nothing announces that again."""
        streams = _fed(registry.streams_of(self.system).values())
        with database.transaction() as conn:
            records = todo.find_delivered(conn, tenant.id, [stream.name for stream in streams])
        merged = _merge(streams, tenant, records)
        return Batch(tenant, SyncResult(), merged) if merged else None

    def _rounds(self, tenant: Tenant, clients: "Clients") -> Iterator[Batch]:
        started = quiet_since = time.monotonic()
        failures: dict[str, AppFailure] = {}
        looked_back = False
        while not failures and time.monotonic() - started < LONGEST_SECONDS:
            batch = None
            if self._is_due(tenant):
                batch = self._round(tenant, clients, failures)
            elif not looked_back:
                looked_back, batch = True, self._left_behind(tenant, clients)
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
        self, tenant: Tenant, clients: "Clients", failures: dict[str, AppFailure]
    ) -> Batch | None:
        streams = tuple(registry.streams_of(self.system).values())
        landed = Delivered()
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
        if not landed.result.read:
            return None
        spoken_of = {name for name, *_ in landed.records}
        fed = tuple(stream for stream in _fed(streams) if stream.name in spoken_of)
        merged = _merge(fed, tenant, landed.records)
        with database.transaction() as conn:
            effects = inbox.list_effects(conn, landed.ids)
        return Batch(tenant, landed.result, merged, tuple(effects))


def lock_parts(tenant: Tenant, system: str) -> tuple[object, ...]:
    """Return the name of the advisory lock that a serving run holds."""
    return ("webhooks", tenant.id, system)


def is_served(conn: Connection[Any], tenant_id: object, system: str) -> bool:
    """Tell whether a living run serves a group; a killed one loses its lock with its connection."""
    if database.try_advisory_lock(conn, "webhooks", tenant_id, system):
        database.advisory_unlock(conn, "webhooks", tenant_id, system)
        return False
    return True


class Clients:
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


def _fed(streams: Iterable[Stream]) -> tuple[Stream, ...]:
    """Return the streams that deliveries bring, those that lie inside others too."""
    return tuple(
        each for stream in streams if stream.webhook is not None for each in (stream, *stream.parts)
    )


def _merge(
    streams: Iterable[Stream], tenant: Tenant, records: Collection[RawKey]
) -> tuple[tuple[Entity, SyncResult], ...]:
    """Merge records, and those of other entities that refer to them; keep what did something."""
    waiting, merged = set(records), []
    for name in registry.affected(stream.name for stream in streams):
        entity = registry.entities()[name]
        result, dependents = merge_records(entity, tenant, registry.streams(), waiting)
        waiting |= dependents
        if result.read:
            merged.append((entity, result))
    return tuple(merged)
