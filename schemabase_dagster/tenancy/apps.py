"""Apps: add, find, enable; their streams."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final, LiteralString

import psycopg
from croniter import croniter
from psycopg import Connection
from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.systems import AppConfig, System
from schemabase_dagster.tenancy.credentials import set_credentials
from schemabase_dagster.tenancy.models import validate
from schemabase_dagster.tenancy.records import App, AppDraft, Tenant
from schemabase_dagster.tenancy.tenants import check_timezone

_KEY: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
CRON_FIELDS: Final = 5
_ENVIRONMENTS: Final = ("production", "sandbox")

_SELECT: LiteralString = """
SELECT
    a.id, a.tenant_id, t.slug AS tenant_slug, a.type, a.key, a.name, a.enabled, a.environment,
    a.instance_key, a.config, a.cron_schedule, a.cron_timezone, t.timezone AS tenant_timezone,
    a.credentials_enc IS NOT NULL AS has_credentials, a.credentials_failed_at,
    a.credentials_error, a.paused_until, a.created_at
FROM platform.app AS a
JOIN platform.tenant AS t ON t.id = a.tenant_id
WHERE a.deleted_at IS NULL
"""

_FILTERS: LiteralString = """
  AND (%(slug)s::text IS NULL OR t.slug = %(slug)s)
  AND (%(type)s::text IS NULL OR a.type = %(type)s)
  AND (%(enabled)s::boolean IS NULL OR a.enabled = %(enabled)s)
ORDER BY t.slug, a.key
"""

_INSERT: LiteralString = """
INSERT INTO platform.app (
    id, tenant_id, type, key, name, environment, instance_key, config, cron_schedule,
    cron_timezone)
VALUES (
    %(id)s, %(tenant_id)s, %(type)s, %(key)s, %(name)s, %(environment)s, %(instance_key)s,
    %(config)s, %(cron_schedule)s, %(cron_timezone)s)
"""

# Two apps that are added at once must not both pass the checks.
_LOCK_TENANT: LiteralString = "SELECT id FROM platform.tenant WHERE id = %s FOR UPDATE"

_SAME_VALUE: LiteralString = """
SELECT key
FROM platform.app
WHERE tenant_id = %s AND deleted_at IS NULL AND config -> %s = %s
"""

# Deleted apps keep their key: it names them in what they left behind.
_HAS_KEY: LiteralString = "SELECT true FROM platform.app WHERE tenant_id = %s AND key = %s"

_SET_ENABLED: LiteralString = """
UPDATE platform.app
SET enabled = %(enabled)s, updated_at = now()
WHERE id = %(id)s AND enabled <> %(enabled)s
"""

_SET_STREAMS: LiteralString = """
INSERT INTO platform.app_entity (app_id, entity, direction, enabled)
SELECT %(app_id)s, unnest(%(streams)s::text[]), 'pull', %(enabled)s
ON CONFLICT (app_id, entity, direction) DO UPDATE SET enabled = excluded.enabled
"""

_STREAMS: LiteralString = """
SELECT entity
FROM platform.app_entity
WHERE app_id = %s AND direction = 'pull' AND enabled
ORDER BY entity
"""


def list_apps(
    conn: Connection[Any],
    tenant: Tenant | str | None = None,
    type: str | None = None,  # noqa: A002 - the column's name
    enabled: bool | None = None,
) -> list[App]:
    """Return apps by tenant and key.

    Args:
        conn: connection.
        tenant: only this tenant's.
        type: only those of this system.
        enabled: only enabled or only disabled ones.
    """
    values = {"slug": _slug(tenant), "type": type, "enabled": enabled}
    with conn.cursor(row_factory=class_row(App)) as cursor:
        return cursor.execute(_SELECT + _FILTERS, values).fetchall()


def get_app(conn: Connection[Any], tenant: Tenant | str, key: str) -> App:
    """Return an app of a tenant by its key.

    Raises:
        ConfigurationError: the tenant has no such app.
    """
    query = _SELECT + "AND t.slug = %s AND a.key = %s"
    with conn.cursor(row_factory=class_row(App)) as cursor:
        app = cursor.execute(query, (_slug(tenant), key)).fetchone()
    if app is None:
        raise ConfigurationError(
            f"Tenant '{_slug(tenant)}' has no app '{key}'.",
            f"Run 'schemabase app list {_slug(tenant)}' to see its apps.",
        )
    return app


def check_app(
    conn: Connection[Any], tenant: Tenant, system: System, key: str, config: Mapping[str, Any]
) -> AppConfig:
    """Return the validated configuration of an app that could be added; writes nothing.

    Raises:
        ConfigurationError: as ``add_app``.
    """
    if not _KEY.fullmatch(key):
        raise ConfigurationError(
            f"'{key}' is not a possible key of an app.",
            "Use lower-case letters, digits, dashes and underscores, like 'shop'.",
        )
    model = validate(system.config, config, f"configuration of a {system.title} app")
    with conn.cursor(row_factory=scalar_row) as cursor:
        if cursor.execute(_HAS_KEY, (tenant.id, key)).fetchone():
            raise _key_taken(tenant, key)
    _check_exclusive(conn, tenant, system.exclusive_config, model.model_dump(mode="json"))
    return model


def check_cron(expression: str) -> None:
    """Raise ConfigurationError unless an expression is a cron of five fields."""
    if not croniter.is_valid(expression) or len(expression.split()) != CRON_FIELDS:
        raise ConfigurationError(
            f"'{expression}' is not a cron expression of five fields.",
            "Write '*/15 * * * *' for every quarter of an hour.",
        )


def add_app(  # noqa: PLR0917 - the order of `app add TENANT TYPE KEY`
    conn: Connection[Any],
    tenant: Tenant,
    system: System,
    key: str,
    config: Mapping[str, Any],
    credentials: Mapping[str, Any] | None = None,
    streams: Iterable[str] = (),
    *,
    name: str | None = None,
    environment: str = "production",
    cron_schedule: str | None = None,
    cron_timezone: str | None = None,
) -> App:
    """Connect an account of a system to a tenant, in one transaction.

    Args:
        conn: connection.
        tenant: the tenant.
        system: the system behind the app.
        key: stable name within the tenant, such as ``shop``.
        config: validated by the system's model.
        credentials: validated by the system's model and encrypted; None = set later.
        streams: names of the streams that are pulled.
        name: name for people; None = the system's title.
        environment: ``production`` or ``sandbox``.
        cron_schedule: when it is pulled; None = the system's default.
        cron_timezone: zone of the cron; None = the tenant's.

    Raises:
        ConfigurationError: a value is not valid, the key is taken, the remote instance is
            connected already, or a value that must be unique among the tenant's apps is not.
    """
    with conn.transaction():
        conn.execute(_LOCK_TENANT, (tenant.id,))
        draft = draft_app(
            conn,
            tenant,
            system,
            key,
            config,
            name=name,
            environment=environment,
            cron_schedule=cron_schedule,
            cron_timezone=cron_timezone,
        )
        app = store_app(conn, tenant, draft, streams)
        if credentials is not None:
            set_credentials(conn, app, system, credentials)
        return get_app(conn, tenant, key)


def draft_app(
    conn: Connection[Any],
    tenant: Tenant,
    system: System,
    key: str,
    config: Mapping[str, Any],
    *,
    name: str | None = None,
    environment: str = "production",
    cron_schedule: str | None = None,
    cron_timezone: str | None = None,
) -> AppDraft:
    """Return an app that could be added as ``add_app`` does; writes nothing.

    Raises:
        ConfigurationError: as ``add_app``.
    """
    if environment not in _ENVIRONMENTS:
        raise ConfigurationError(
            f"'{environment}' is not an environment.", "Use 'production' or 'sandbox'."
        )
    if cron_timezone is not None:
        check_timezone(cron_timezone)
    if cron_schedule is not None:
        check_cron(cron_schedule)
    model = check_app(conn, tenant, system, key, config)
    return AppDraft(
        type=system.name,
        key=key,
        name=name or system.title,
        config=model.model_dump(mode="json"),
        exclusive=system.exclusive_config,
        instance_key=system.instance_key(model),
        environment=environment,
        cron_schedule=cron_schedule,
        cron_timezone=cron_timezone,
    )


def store_app(
    conn: Connection[Any], tenant: Tenant, draft: AppDraft, streams: Iterable[str]
) -> App:
    """Store a drafted app without credentials; what may have changed since is checked again.

    Raises:
        ConfigurationError: the key is taken, the remote instance is connected already, or a value
            that must be unique among the tenant's apps is not.
    """
    with conn.transaction():
        conn.execute(_LOCK_TENANT, (tenant.id,))
        _check_exclusive(conn, tenant, draft.exclusive, draft.config)
        _insert(conn, draft, tenant)
        app = get_app(conn, tenant, draft.key)
        enable_streams(conn, app, streams)
        return app


def enable_streams(conn: Connection[Any], app: App, streams: Iterable[str]) -> None:
    """Pull streams of an app from now on."""
    values = {"app_id": app.id, "streams": list(streams), "enabled": True}
    conn.execute(_SET_STREAMS, values)


def disable_streams(conn: Connection[Any], app: App, streams: Iterable[str]) -> None:
    """Pull streams of an app no more; ``migrate`` does not enable them again."""
    values = {"app_id": app.id, "streams": list(streams), "enabled": False}
    conn.execute(_SET_STREAMS, values)


def enabled_streams(conn: Connection[Any], app: App) -> list[str]:
    """Return the names of the streams that are pulled from an app."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_STREAMS, (app.id,)).fetchall()


def enable_app(conn: Connection[Any], app: App) -> bool:
    """Pull and process an app again; return False when it was enabled already."""
    return conn.execute(_SET_ENABLED, {"id": app.id, "enabled": True}).rowcount > 0


def disable_app(conn: Connection[Any], app: App) -> bool:
    """Neither pull nor process an app any more; return False when it was disabled already."""
    return conn.execute(_SET_ENABLED, {"id": app.id, "enabled": False}).rowcount > 0


def _slug(tenant: Tenant | str | None) -> str | None:
    return tenant.slug if isinstance(tenant, Tenant) else tenant


def _check_exclusive(
    conn: Connection[Any], tenant: Tenant, fields: Iterable[str], config: Mapping[str, Any]
) -> None:
    for field in fields:
        with conn.cursor(row_factory=scalar_row) as cursor:
            found = cursor.execute(_SAME_VALUE, (tenant.id, field, Jsonb(config[field])))
            other = found.fetchone()
        if other is not None:
            raise ConfigurationError(
                f"App '{other}' of tenant '{tenant.slug}' already has the {field} "
                f"'{config[field]}'.",
                f"Choose another one with --set {field}=...: equal numbers of two apps would "
                "count as one.",
            )


def _insert(conn: Connection[Any], draft: AppDraft, tenant: Tenant) -> None:
    values = {
        **asdict(draft), "id": uuid7(), "tenant_id": tenant.id, "config": Jsonb(draft.config)
    }  # fmt: skip
    try:
        with conn.transaction():
            conn.execute(_INSERT, values)
    except psycopg.errors.UniqueViolation as error:
        if error.diag.constraint_name == "app_instance":
            raise ConfigurationError(
                f"'{draft.instance_key}' is already connected as an app.",
                "Run 'schemabase app list' to find it: one account belongs to one app.",
            ) from None
        raise _key_taken(tenant, draft.key) from None


def _key_taken(tenant: Tenant, key: str) -> ConfigurationError:
    return ConfigurationError(
        f"Tenant '{tenant.slug}' already has an app '{key}'.", "Choose another --key."
    )
