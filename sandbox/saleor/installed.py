"""Installed apps of a shop, and the deliveries to them that failed."""

from dataclasses import dataclass, field
from typing import Any

from sandbox.saleor.shapes import global_id


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """A delivery that the shop gave up; it keeps these for 14 days (saleor-live.md 5.5)."""

    number: int
    event: str
    payload: str
    created: str


@dataclass(slots=True)
class InstalledApp:
    """An app that was installed from its manifest.

    Attributes:
        number: its key in the shop.
        manifest: what it said of itself.
        token: opens the API, from before the app has agreed to be installed.
        failed: deliveries to its webhook that failed for good.
    """

    number: int
    manifest: dict[str, Any]
    token: str = field(repr=False)
    failed: list[FailedDelivery] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Global id."""
        return global_id("App", self.number)

    def targets(self, event: str) -> list[str]:
        """Addresses of its webhooks that an event is sent to; sync and async events alike."""
        name = event.upper()
        return [
            hook["targetUrl"]
            for hook in self.manifest.get("webhooks", ())
            if hook.get("isActive", True)
            and name in [*hook.get("asyncEvents", ()), *hook.get("syncEvents", ())]
        ]
