"""Pulling the streams of connected apps, as a run does."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from assets import registry
from resources.registry import resource_classes
from schemabase_dagster.engine.pull import PullOptions, sync_stream
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.streams import Client
from schemabase_dagster.tenancy import App

Pull: TypeAlias = Callable[..., SyncResult]
"""Pulls a stream of an app that it knows; options are those of ``PullOptions``."""


def pull(app: App, *streams: str, **options: Any) -> SyncResult:
    """Pull streams of an app one after the other; return the sum."""
    result = SyncResult()
    opened: AbstractContextManager[Client] = resource_classes()[app.type]().open(app)
    with opened as client:
        for name in streams:
            result += sync_stream(client, registry.streams()[name], app, PullOptions(**options))
    return result


def pulling(apps: Mapping[str, App]) -> Pull:
    """Return what pulls a stream by the app of its system."""

    def run(stream: str, **options: Any) -> SyncResult:
        return pull(apps[stream.partition("_")[0]], stream, **options)

    return run
