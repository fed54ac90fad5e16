"""Who is played: ordinary tenants, and three that are in trouble, each in its own way."""

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from resources.registry import system_of
from schemabase_dagster import database, tenancy
from schemabase_dagster.stack.standins import app_settings, control

DRAINED: Final = "drained"
"""Is at its Zoho quota: first of the minute, then of the day."""

GIANT: Final = "giant"
"""Has 100 times the data, of which 100 times as much changes."""

LOCKED: Final = "locked"
"""Its credentials are refused by both systems."""

TROUBLED: Final = (DRAINED, GIANT, LOCKED)
"""All come before the ordinary ones by name: who serves by the alphabet serves them first."""

STREAMS: Final = {
    "saleor": ("saleor_customers", "saleor_orders"),
    "zoho": ("zoho_contacts", "zoho_invoices", "zoho_sales_orders"),
}

MINUTE: Final = 60.0
TIMES: Final = 100
DRAINED_TIMES: Final = 10
"""So much data that the calls of the minute are not enough for it."""

CALLS_A_MINUTE: Final = 40
OWN_CALLS_A_MINUTE: Final = 60
"""What we are told is the limit; other programs use the account, too."""


def ordinary(count: int) -> tuple[str, ...]:
    """Return the names of the ordinary tenants."""
    return tuple(f"shop-{number:02d}" for number in range(1, count + 1))


def sizes(size: int) -> dict[str, int]:
    """Return how many orders those have that have another number of them."""
    return {GIANT: TIMES * size, DRAINED: DRAINED_TIMES * size}


@dataclass(frozen=True, slots=True)
class Cron:
    """When everybody is pulled.

    Attributes:
        minutes: from one time to the next; divides an hour.
        offset: minutes past the hour of the first time.
    """

    minutes: int
    offset: int

    @classmethod
    def soon(cls, minutes: int, *, after: float) -> "Cron":
        """Return one whose next time but the present is so many seconds ahead, or a bit more."""
        return cls(minutes, math.ceil((time.time() + after) / MINUTE) % minutes)

    def __str__(self) -> str:
        return f"{self.offset}-59/{self.minutes} * * * *"

    def seconds_to_next(self) -> float:
        """Return how long it is until its next time."""
        length = self.minutes * MINUTE
        return length - (time.time() - self.offset * MINUTE) % length


def connect(stand_ins: Mapping[str, Any], slugs: Iterable[str], cron: Cron) -> None:
    """Make tenants of stand-in merchants that are pulled by a cron."""
    with database.transaction() as conn:
        for slug in slugs:
            tenant = tenancy.add_tenant(
                conn, slug, slug.capitalize(), timezone=_far_from_midnight(), nightly_at="23:59"
            )
            settings = app_settings(slug, stand_ins["merchants"][slug])
            for system, streams in STREAMS.items():
                config, credentials = settings[system]
                if slug == DRAINED and system == "zoho":
                    config["calls_per_minute"] = OWN_CALLS_A_MINUTE
                tenancy.add_app(
                    conn,
                    tenant,
                    system_of(system),
                    system,
                    config,
                    credentials,
                    streams,
                    environment="sandbox",
                    cron_schedule=str(cron),
                )


def begin_trouble(stand_ins: Mapping[str, Any]) -> None:
    """Let the calls of a minute be few, and refuse credentials."""
    control(stand_ins, "set_limits", merchant=DRAINED, per_minute=CALLS_A_MINUTE)
    for system in STREAMS:
        control(stand_ins, "revoke_credentials", merchant=LOCKED, system=system)


def use_the_day_up(stand_ins: Mapping[str, Any]) -> None:
    """Let no call of the day be left."""
    control(stand_ins, "set_limits", merchant=DRAINED, per_minute=CALLS_A_MINUTE, per_day=0)


def _far_from_midnight() -> str:
    """Return a zone whose night, and with it the nightly full sync, is not near."""
    return "UTC" if datetime.now(UTC).hour < 22 else "Asia/Tokyo"
