"""SystemResource: what all Dagster resources of external systems have in common."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager

from dagster import ConfigurableResource
from pydantic import Field

from resources.api import ClientOptions
from resources.http import HttpOptions
from schemabase_dagster.engine.pull import Pace
from schemabase_dagster.streams import Client, Lane
from schemabase_dagster.tenancy import App


class SystemResource(ConfigurableResource[None], ABC):
    """Opens clients of one system; the only way from an asset to it.

    It holds no credentials: a client reads those of its app from the database itself.
    """

    connect_seconds: float = Field(default=5.0, gt=0, description="Time to connect")
    read_seconds: float = Field(
        default=30.0, gt=0, description="Longest silence while reading an answer"
    )
    total_seconds: float = Field(default=120.0, gt=0, description="Longest time of one attempt")
    attempts: int = Field(default=3, ge=1, le=10, description="Attempts at one call")
    backoff_seconds: float = Field(
        default=0.5, gt=0, description="First pause between them; it doubles"
    )
    max_wait_seconds: float = Field(
        default=150.0,
        gt=0,
        description="Longest pause inside a run when the system asks to slow down",
    )
    rate_limit_seconds: float = Field(
        default=10.0, gt=0, description="Pause after a 429 that does not say how long"
    )
    clock_scale: float = Field(
        default=1.0,
        ge=1,
        description="By how much the system's windows and token lives are shortened; above 1 "
        "only against a sandbox with the same scale",
    )

    @abstractmethod
    def open(self, app: App, lane: Lane = "head") -> AbstractContextManager[Client]:
        """Open a client of an app; it is closed at the end of the context.

        Args:
            app: the connected account.
            lane: share of the account's call budget: ``webhook`` before ``head`` before
                ``backfill``.
        """

    def pace(self) -> Pace:
        """Return how long a pull of the system works at a stretch."""
        return Pace().faster(self.clock_scale)

    def options(self) -> ClientOptions:
        """Return what all clients of this resource share."""
        return ClientOptions(
            http=HttpOptions(
                connect_seconds=self.connect_seconds,
                read_seconds=self.read_seconds,
                total_seconds=self.total_seconds,
                attempts=self.attempts,
                backoff_seconds=self.backoff_seconds,
                max_wait_seconds=self.max_wait_seconds,
                rate_limit_seconds=self.rate_limit_seconds / self.clock_scale,
            ),
            clock_scale=self.clock_scale,
        )
