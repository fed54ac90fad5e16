"""What ``schemabase doctor`` looks at: each check is a function that returns one finding."""

import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg

from schemabase_dagster import database, embedded
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.ports import accepts, is_free
from schemabase_dagster.settings import get_settings
from schemabase_dagster.stack import services
from schemabase_dagster.warm.messages import is_serving

OLDEST_PYTHON = (3, 11)
OLDEST_POSTGRES = 15
PRIVATE_MODE = 0o600
WARM_LAUNCHER = "schemabase_dagster.warm_launcher"
DAGSTER_SCHEME = "postgresql+psycopg2://"

Level = Literal["ok", "warning", "failure"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check.

    Attributes:
        subject: what was looked at.
        level: ``failure`` = something cannot work; ``warning`` = works, but know about it.
        text: what was found; never a secret.
        hint: what to do next, empty when all is well.
    """

    subject: str
    level: Level
    text: str
    hint: str = ""


def diagnose() -> Iterator[Finding]:
    """Yield the finding of each check, in the order in which they depend on one another."""
    for subject, check in CHECKS.items():
        try:
            yield check(subject)
        except ConfigurationError as error:
            yield Finding(subject, "failure", error.what, error.hint)


def check_python(subject: str) -> Finding:
    """Look at the interpreter and whether it may keep bytecode."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < OLDEST_PYTHON:
        return Finding(subject, "failure", version, "Use Python 3.11 or newer.")
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):
        return Finding(
            subject,
            "warning",
            f"{version}, keeps no bytecode: every run starts twice as slow",
            "Unset PYTHONDONTWRITEBYTECODE.",
        )
    return Finding(subject, "ok", version)


def check_time_zones(subject: str) -> Finding:
    """Look for the time zone data that nightly syncs need."""
    try:
        ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        return Finding(subject, "failure", "no data", "Install the package tzdata.")
    return Finding(subject, "ok", "found")


def check_state(subject: str) -> Finding:
    """Look whether the state directory can be written."""
    state = get_settings().state_dir
    nearest = next(path for path in (state, *state.resolve().parents) if path.exists())
    if not os.access(nearest, os.W_OK):
        return Finding(
            subject, "failure", f"{state} cannot be written", "Set SCHEMABASE_STATE_DIR."
        )
    return Finding(subject, "ok", str(state))


def check_database(subject: str) -> Finding:
    """Look whether our database answers and is new enough."""
    settings = get_settings()
    if settings.database_url is None and embedded.running_url(settings.state_dir) is None:
        embedded.binaries()
        return Finding(
            subject,
            "warning",
            "the embedded PostgreSQL does not run",
            "Run 'schemabase up', or set DATABASE_URL.",
        )
    try:
        with database.connect() as connection:
            version = connection.info.server_version // 10000
    except psycopg.OperationalError:
        return Finding(
            subject, "failure", "does not answer", "Check DATABASE_URL and the server behind it."
        )
    if version < OLDEST_POSTGRES:
        return Finding(
            subject, "failure", f"PostgreSQL {version}", f"Use {OLDEST_POSTGRES} or newer."
        )
    return Finding(subject, "ok", f"PostgreSQL {version}")


def check_migrations(subject: str) -> Finding:
    """Look whether the database has the tables that the code expects."""
    from schemabase_dagster.migrations import upgrade  # noqa: PLC0415 - Alembic, needed here only

    try:
        with database.connect() as connection:
            current = upgrade.current_revision(connection)
    except (psycopg.OperationalError, ConfigurationError):
        return Finding(subject, "warning", "not known without a database")
    newest = upgrade.newest_revision()
    if current != newest:
        found = current or "none"
        return Finding(
            subject, "failure", f"{found}, expected {newest}", "Run 'schemabase migrate'."
        )
    return Finding(subject, "ok", newest)


def check_keys(subject: str) -> Finding:
    """Look where the keys of the vault come from and who may read them."""
    settings = get_settings()
    if settings.keys is not None:
        count = len(settings.keys.get_secret_value().split(","))
        return Finding(subject, "ok", f"{count} in SCHEMABASE_KEYS")
    file = settings.state_dir / "keys"
    if not file.exists():
        return Finding(
            subject, "warning", "none yet", "A key file is made at first use; production sets "
            "SCHEMABASE_KEYS ('schemabase keys generate').",
        )  # fmt: skip
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode != PRIVATE_MODE:
        return Finding(subject, "failure", f"{file} has mode {mode:o}", f"Run 'chmod 600 {file}'.")
    return Finding(subject, "ok", f"in {file}")


def check_dagster(subject: str) -> Finding:
    """Look at the instance: its home and the driver of its database."""
    url = os.environ.get("DAGSTER_POSTGRES_URL", "")
    if url and not url.startswith(DAGSTER_SCHEME):
        return Finding(
            subject,
            "failure",
            "DAGSTER_POSTGRES_URL does not name the driver psycopg2",
            f"It must begin with {DAGSTER_SCHEME}: on another driver runs fail at their start.",
        )
    home = os.environ.get("DAGSTER_HOME")
    if not home:
        return Finding(
            subject, "warning", "DAGSTER_HOME is not set",
            "Commands run without the stack's instance; 'schemabase up' prints how to join it.",
        )  # fmt: skip
    file = Path(home) / "dagster.yaml"
    if not file.exists():
        return Finding(
            subject, "failure", f"no dagster.yaml in {home}", "Copy the one of the repository."
        )
    if WARM_LAUNCHER in file.read_text("utf-8") and not is_serving():
        return Finding(
            subject, "warning", "no warm process serves, the stock launcher starts the runs",
            "Start 'python -m schemabase_dagster.warm' beside the daemon.",
        )  # fmt: skip
    return Finding(subject, "ok", home)


def check_ports(subject: str) -> Finding:
    """Look whether the usual ports are free, or used by something of ours or of others."""
    usual = {
        "web server": services.WEBSERVER_PORT,
        "gateway": services.GATEWAY_PORT,
        "sandbox": services.SANDBOX_PORT,
    }
    taken = [f"{name} {port}" for name, port in usual.items() if not is_free(port) or accepts(port)]
    if taken:
        return Finding(
            subject,
            "warning",
            f"in use: {', '.join(taken)}",
            "'schemabase up' takes free ports instead and prints them.",
        )
    return Finding(subject, "ok", ", ".join(f"{name} {port}" for name, port in usual.items()))


def check_alerts(subject: str) -> Finding:
    """Look whether a failure reaches somebody."""
    settings = get_settings()
    targets = [
        name
        for name, value in (("webhook", settings.alert_webhook_url), ("mail", settings.alert_email))
        if value
    ]
    if not targets:
        return Finding(
            subject,
            "warning",
            "only in the log",
            "Set SCHEMABASE_ALERT_WEBHOOK_URL or SCHEMABASE_ALERT_EMAIL.",
        )
    return Finding(subject, "ok", " and ".join(targets))


CHECKS: dict[str, Callable[[str], Finding]] = {
    "Python": check_python,
    "Time zones": check_time_zones,
    "State directory": check_state,
    "Database": check_database,
    "Migrations": check_migrations,
    "Vault keys": check_keys,
    "Dagster": check_dagster,
    "Ports": check_ports,
    "Alerts": check_alerts,
}
