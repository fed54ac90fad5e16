"""Settings from the environment, read once and only when something asks for them."""

from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schemabase_dagster.errors import ConfigurationError

ROOT: Final = Path(__file__).resolve().parent.parent
"""The checkout: the folder that holds the packages."""


class Settings(BaseSettings):
    """Everything that a deployment can set.

    Attributes:
        database_url: ``DATABASE_URL``; without it the embedded server of ``state_dir`` is used.
        dagster_database: name of Dagster's database on the same server.
        state_dir: embedded server, key file, Dagster home and logs live below it.
        keys: key ring of the vault, ``id:base64,id:base64``; the first one encrypts.
        log_format: ``auto`` is for people on a terminal and JSON elsewhere.
        log_level: least level that is written.
        alert_webhook_url: receives alerts as JSON by POST.
        alert_email: receives alerts; needs the SMTP settings.
        smtp_host: mail server for alerts.
        smtp_port: its port.
        smtp_user: account there, if it wants one.
        smtp_password: password of the account.
        smtp_from: sender of the mails.
        gateway_url: public root of the gateway, printed by ``webhook create``.
        ui_url: root of the Dagster UI, for links in alerts.
        package_leaves_pickup: a parcel that waited for pickup may become delivered.
        package_leaves_exception: a parcel may leave the state ``exception`` again.
    """

    model_config = SettingsConfigDict(
        env_prefix="SCHEMABASE_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: SecretStr | None = Field(None, validation_alias="DATABASE_URL")
    dagster_database: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = "dagster"
    state_dir: Path = ROOT / ".schemabase"
    keys: Annotated[SecretStr | None, NoDecode] = None
    log_format: Literal["auto", "console", "json"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    alert_webhook_url: SecretStr | None = None
    alert_email: str | None = None
    smtp_host: str | None = None
    smtp_port: int = 587
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str | None = None
    gateway_url: str = "http://127.0.0.1:8080"
    ui_url: str = "http://127.0.0.1:3000"
    package_leaves_pickup: bool = True
    package_leaves_exception: bool = True


@cache
def get_settings() -> Settings:
    """Return the settings; the environment is read at the first call.

    Raises:
        ConfigurationError: a variable has an impossible value; the message names the variable and
            never its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"{_variable(str(item['loc'][0]))}: {item['msg']}" for item in error.errors()
        )
    # Raised outside of the handler: the validation error would carry the values along.
    raise ConfigurationError(f"The environment is not valid: {problems}.", "Correct it and retry.")


def forget_settings() -> None:
    """Read the environment again at the next call; for tests and the stack runner."""
    get_settings.cache_clear()


def _variable(field: str) -> str:
    return field if field.isupper() else f"SCHEMABASE_{field.upper()}"
