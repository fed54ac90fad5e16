"""The sensor that tells people about failed runs, and how an alert reaches them.

Alerts of one (system, class of error) within an hour are one: a dead credential or a system that is
down is told once, with a count, whatever number of tenants it stops.
"""

import logging
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final

import dagster as dg
import httpx
from psycopg import Connection

from assets import failures
from schemabase_dagster import database, tags
from schemabase_dagster.settings import Settings, get_settings

GROUP_MINUTES: Final = 60
TARGET_SECONDS: Final = 10.0

log = logging.getLogger("schemabase_dagster.alerts")

_GROUP: Final = """
WITH known AS (
    UPDATE platform.alert
    SET count = count + 1, last_at = now()
    WHERE id = (SELECT id FROM platform.alert
                WHERE key = %(key)s AND first_at > now() - make_interval(mins => %(minutes)s)
                ORDER BY id DESC LIMIT 1)
    RETURNING id
)
INSERT INTO platform.alert (key, message)
SELECT %(key)s, %(message)s
WHERE NOT EXISTS (SELECT FROM known)
RETURNING id
"""

_DELIVERED: Final = "UPDATE platform.alert SET delivered = true WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Alert:
    """What went wrong, in words without secrets.

    Attributes:
        key: alerts of one key within an hour are one.
        message: what happened and what to do.
        url: page of the UI that tells more.
    """

    key: str
    message: str
    url: str = ""


@dg.run_failure_sensor(
    name="run_failure_alert",
    minimum_interval_seconds=3,
    default_status=dg.DefaultSensorStatus.RUNNING,
    monitor_all_code_locations=False,
    description="Tells people about failed runs, one alert per system and class of error an hour.",
)
def run_failure_alert(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """Send an alert unless the run is retried."""
    run = context.dagster_run
    if run.tags.get("dagster/will_retry") == "true":
        return dg.SkipReason("the run is retried")
    error, system, message = _cause(context)
    tenant = run.tags.get("dagster/partition", "")
    url = f"{get_settings().ui_url}/runs/{run.run_id}"
    send(Alert(f"run/{system or run.tags.get(tags.SYSTEM, '')}/{error}", message, url), tenant)
    return None


def send(alert: Alert, tenant: str = "") -> bool:
    """Record an alert and tell it, unless one of its key was told within the hour.

    Returns:
        Whether it was new. A target that does not answer is logged and never raises: the row in
        ``platform.alert`` stays undelivered.
    """
    with database.transaction() as conn:
        alert_id = _group(conn, alert)
    if alert_id is None:
        return False
    log.error("alert %s: %s", alert.key, alert.message)
    if _deliver(alert, tenant, get_settings()):
        with database.transaction() as conn:
            conn.execute(_DELIVERED, (alert_id,))
    return True


def _group(conn: Connection[Any], alert: Alert) -> int | None:
    """Count an alert that is known, or write a new one and return its id."""
    database.advisory_xact_lock(conn, "alert", alert.key)
    values = {"key": alert.key, "message": alert.message, "minutes": GROUP_MINUTES}
    row = conn.execute(_GROUP, values).fetchone()
    return row[0] if row else None


def _cause(context: dg.RunFailureSensorContext) -> tuple[str, str, str]:
    """Return class of error, system and message of the first failed step, else of the run."""
    for event in context.get_step_failure_events():
        data = event.step_failure_data.user_failure_data
        if data is not None:
            return (
                _text(data.metadata, failures.ERROR) or "Failure",
                _text(data.metadata, failures.SYSTEM),
                data.description or "A step failed.",
            )
    return "RunFailed", "", f"Run of {context.dagster_run.job_name} failed; open it in the UI."


def _text(metadata: Mapping[str, Any], key: str) -> str:
    value = metadata.get(key)
    return str(value.value) if value is not None else ""


def _deliver(alert: Alert, tenant: str, settings: Settings) -> bool:
    """Tell all configured targets; the log is the target when there is none."""
    told = [
        _post(alert, tenant, settings) if settings.alert_webhook_url else True,
        _mail(alert, settings) if settings.alert_email and settings.smtp_host else True,
    ]
    return all(told)


def _post(alert: Alert, tenant: str, settings: Settings) -> bool:
    body = {"key": alert.key, "message": alert.message, "tenant": tenant, "url": alert.url}
    url = settings.alert_webhook_url.get_secret_value() if settings.alert_webhook_url else ""
    try:
        answer = httpx.post(url, json={**body, "text": alert.message}, timeout=TARGET_SECONDS)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        # The exception's text could name the URL, which may hold a token.
        log.warning("alert target did not answer: %s", type(error).__name__)
        return False
    return True


def _mail(alert: Alert, settings: Settings) -> bool:
    mail = EmailMessage()
    mail["Subject"] = f"[schemabase] {alert.key}"
    mail["From"] = settings.smtp_from or settings.alert_email
    mail["To"] = settings.alert_email
    mail.set_content(f"{alert.message}\n\n{alert.url}\n")
    try:
        with smtplib.SMTP(
            settings.smtp_host or "", settings.smtp_port, timeout=TARGET_SECONDS
        ) as smtp:
            if settings.smtp_user and settings.smtp_password:
                smtp.starttls()
                smtp.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            smtp.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        log.warning("mail server did not take the alert: %s", type(error).__name__)
        return False
    return True
