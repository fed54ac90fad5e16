"""Helpers of the engine's tests: land records, sync a stream, merge an entity."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from psycopg import Connection

from assets import registry
from resources.registry import default_resources
from schemabase_dagster import database
from schemabase_dagster.engine.incoming import prepare
from schemabase_dagster.engine.land import Landed, Via, land
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.streams import Client
from schemabase_dagster.tenancy import App, Tenant
from tests.factories import NOON
from tests.support import shops

Pull = Callable[..., SyncResult]
Merge = Callable[..., SyncResult]
Put = Callable[..., Landed]

READ = NOON + timedelta(hours=1)
"""When records are read unless a test says otherwise: long after they were modified."""


@pytest.fixture
def books(conn: Connection[Any], tenant: Tenant) -> App:
    """Zoho app ``books`` of ``acme``; nobody answers at its address."""
    return shops.unreachable_zoho(conn, tenant)


@pytest.fixture
def shop(conn: Connection[Any], tenant: Tenant) -> App:
    """Saleor app ``shop`` of ``acme``; nobody answers at its address."""
    return shops.unreachable_saleor(conn, tenant)


@pytest.fixture
def store(conn: Connection[Any], tenant: Tenant) -> App:
    """REVIEWS.io app ``reviews`` of ``acme``; nobody answers at its address."""
    return shops.unreachable_reviewsio(conn, tenant)


@pytest.fixture
def put(postgres: str) -> Put:
    """Land records of one stream of one app in one transaction."""

    def run(
        app: App,
        stream: str,
        *records: object,
        read_at: datetime = READ,
        via: Via = "pull",
        run_id: str | None = None,
    ) -> Landed:
        described = registry.streams()[stream]
        incoming = [prepare(described, record, read_at) for record in records]
        with database.transaction() as conn:
            return land(conn, described, app, incoming, via=via, run_id=run_id)

    return run


@pytest.fixture
def pull() -> Pull:
    """Pull one stream of one app."""

    def run(app: App, stream: str, **options: Any) -> SyncResult:
        with default_resources()[app.type].open(app) as client:
            return sync(client, app, stream, **options)

    return run


def sync(client: Client, app: App, stream: str, **options: Any) -> SyncResult:
    """Pull one stream of one app with a client of the test's."""
    return sync_stream(client, registry.streams()[stream], app, PullOptions(**options))


@pytest.fixture
def merge() -> Merge:
    """Merge one entity of a tenant."""

    def run(tenant: Tenant, entity: str) -> SyncResult:
        return merge_entity(registry.entities()[entity], tenant, registry.streams())

    return run
