"""DPD: what an app of type ``dpd`` is configured with."""

from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from schemabase_dagster.systems import AppConfig, AppCredentials, System


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("not an IANA time zone") from None
    return name


class DpdConfig(AppConfig):
    """Configuration of a DPD app; no secret."""

    timezone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "Europe/Berlin", description="Zone of the times that DPD writes"
    )


class DpdCredentials(AppCredentials, hide_input_in_errors=True):
    """None: DPD sends to a secret address, and is asked for nothing."""


DPD: Final = System(
    name="dpd",
    title="DPD Tracking Push",
    role="carrier",
    config=DpdConfig,
    credentials=DpdCredentials,
    verification=lambda _config: {
        "scheme": "path_only",
        "reason": "DPD signs nothing and sends no header of ours",
    },
    webhook_secret=None,
    default_cron="37 3 * * *",
)
