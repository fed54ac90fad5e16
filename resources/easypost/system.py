"""EASYPOST: what an app of type ``easypost`` is configured with."""

from typing import Final

from schemabase_dagster.systems import AppConfig, AppCredentials, System


class EasyPostConfig(AppConfig):
    """Configuration of an EasyPost app: nothing to set."""


class EasyPostCredentials(AppCredentials, hide_input_in_errors=True):
    """None: EasyPost sends what it tracks, and is asked for nothing."""


EASYPOST: Final = System(
    name="easypost",
    title="EasyPost Trackers",
    role="carrier",
    config=EasyPostConfig,
    credentials=EasyPostCredentials,
    verification=lambda _config: {"scheme": "easypost"},
    webhook_secret="hmac",  # noqa: S106 - a kind, no secret
    default_cron="47 3 * * *",
)
