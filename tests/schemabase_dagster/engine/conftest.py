"""Helpers of the engine's tests: sync a stream or a whole tenant against the sandbox."""

from collections.abc import Callable

import pytest

from assets import registry
from resources.registry import default_resources
from schemabase_dagster.engine.merge import merge_entity
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.tenancy import App, Tenant

Pull = Callable[..., SyncResult]


@pytest.fixture
def pull() -> Pull:
    """Pull one stream of one app."""

    def run(app: App, stream: str, **options: object) -> SyncResult:
        resource = default_resources()[app.type]
        with resource.open(app) as client:
            return sync_stream(client, registry.streams()[stream], app, PullOptions(**options))  # type: ignore[arg-type]  # options of the test

    return run


@pytest.fixture
def merge() -> Callable[..., SyncResult]:
    """Merge one entity of a tenant."""

    def run(tenant: Tenant, entity: str) -> SyncResult:
        return merge_entity(registry.entities()[entity], tenant, registry.streams())

    return run
