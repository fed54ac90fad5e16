"""Who watches the progress of a sync: nobody, the log of a run, or a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeAlias

from schemabase_dagster.engine.result import Progress

Observer: TypeAlias = Callable[[str, str], Progress]
"""Makes the callback for (asset, app)."""

_OBSERVER: Final[ContextVar[Observer | None]] = ContextVar("observer", default=None)


@contextmanager
def observed(observer: Observer) -> Iterator[None]:
    """Send the progress of all syncs started within to an observer."""
    token = _OBSERVER.set(observer)
    try:
        yield
    finally:
        _OBSERVER.reset(token)


def is_observed() -> bool:
    """Tell whether a person waits in front of a terminal: then nothing is retried later."""
    return _OBSERVER.get() is not None


def for_app(asset: str, app: str, *, otherwise: Progress) -> Progress:
    """Return the observer's callback for an asset and app, or another one when nobody watches."""
    observer = _OBSERVER.get()
    return observer(asset, app) if observer is not None else otherwise
