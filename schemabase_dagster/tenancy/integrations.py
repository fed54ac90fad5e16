"""Integrations: features that connect several apps of a tenant, each in its role."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from uuid_utils.compat import uuid7

from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.tenancy.records import App, Tenant


@dataclass(frozen=True, slots=True)
class IntegrationType:
    """A kind of integration.

    Attributes:
        name: stored in ``platform.integration.type``.
        roles: what an app can be in it.
        feature: entitlement that it needs.
        description: what it is for.
    """

    name: str
    roles: tuple[str, ...]
    feature: str
    description: str


ENTITY_SYNC: Final = IntegrationType(
    "entity_sync",
    ("source", "target"),
    "entity_sync",
    "records of the sources are brought into the targets",
)

TYPES: Final = {each.name: each for each in (ENTITY_SYNC,)}


@dataclass(frozen=True, slots=True)
class Integration:
    """A feature that connects apps.

    Attributes:
        id: our id.
        tenant_slug: its tenant.
        type: name of its ``IntegrationType``.
        enabled: whether it works.
        apps: ``role:key`` of each app, sorted.
        created_at: when it was added.
    """

    id: UUID
    tenant_slug: str
    type: str
    enabled: bool
    apps: Sequence[str]
    created_at: datetime


_SELECT: LiteralString = """
SELECT
    i.id, t.slug AS tenant_slug, i.type, i.enabled, i.created_at,
    coalesce(
        array_agg(m.role || ':' || a.key ORDER BY m.role, a.key) FILTER (WHERE a.id IS NOT NULL),
        '{}'
    ) AS apps
FROM platform.integration AS i
JOIN platform.tenant AS t ON t.id = i.tenant_id
LEFT JOIN platform.integration_app AS m ON m.integration_id = i.id
LEFT JOIN platform.app AS a ON a.id = m.app_id AND a.deleted_at IS NULL
WHERE (%(slug)s::text IS NULL OR t.slug = %(slug)s)
  AND (%(id)s::text IS NULL OR i.id::text LIKE %(id)s || '%%')
GROUP BY i.id, t.slug
ORDER BY t.slug, i.created_at
"""

_INSERT: LiteralString = """
INSERT INTO platform.integration (id, tenant_id, type, entitlement_id)
SELECT %(id)s, %(tenant_id)s, %(type)s, (
    SELECT id
    FROM platform.entitlement
    WHERE tenant_id = %(tenant_id)s AND feature IN (%(feature)s, '*')
    ORDER BY feature = '*'
    LIMIT 1)
"""

_INSERT_APP: LiteralString = """
INSERT INTO platform.integration_app (tenant_id, integration_id, app_id, role)
VALUES (%s, %s, %s, %s)
"""

_SET_ENABLED: LiteralString = """
UPDATE platform.integration
SET enabled = %(enabled)s, updated_at = now()
WHERE id = %(id)s AND enabled <> %(enabled)s
"""


def list_integrations(conn: Connection[Any], tenant: Tenant | None = None) -> list[Integration]:
    """Return integrations by tenant and age."""
    return _select(conn, tenant.slug if tenant else None, None)


def get_integration(conn: Connection[Any], tenant: Tenant, integration_id: str) -> Integration:
    """Return an integration by its id or an unambiguous beginning of it.

    Raises:
        ConfigurationError: there is none, or more than one.
    """
    found = _select(conn, tenant.slug, integration_id.lower())
    if len(found) != 1:
        what = "no" if not found else "more than one"
        raise ConfigurationError(
            f"Tenant '{tenant.slug}' has {what} integration '{integration_id}'.",
            f"Run 'schemabase integration list {tenant.slug}' to see its integrations.",
        )
    return found[0]


def add_integration(
    conn: Connection[Any], tenant: Tenant, kind: str, members: Sequence[tuple[str, App]]
) -> Integration:
    """Connect apps by an integration, in one transaction.

    Args:
        conn: connection.
        tenant: the tenant.
        kind: name of an integration type.
        members: pairs of role and app.

    Raises:
        ConfigurationError: the type or a role is unknown, or an app is named twice in a role.
    """
    chosen = TYPES.get(kind)
    if chosen is None:
        raise ConfigurationError(
            f"There is no integration type '{kind}'.", f"Known types: {', '.join(TYPES)}."
        )
    for role, app in members:
        if role not in chosen.roles or app.tenant_id != tenant.id:
            raise ConfigurationError(
                f"App '{app.key}' cannot be '{role}' of an integration of type '{kind}'.",
                f"Roles: {', '.join(chosen.roles)}.",
            )
    if len({(role, app.id) for role, app in members}) < len(members):
        raise ConfigurationError("An app is named twice in the same role.", "Name it once.")
    values = {
        "id": uuid7(),
        "tenant_id": tenant.id,
        "type": chosen.name,
        "feature": chosen.feature,
    }
    with conn.transaction():
        conn.execute(_INSERT, values)
        for role, app in members:
            conn.execute(_INSERT_APP, (tenant.id, values["id"], app.id, role))
        return get_integration(conn, tenant, str(values["id"]))


def set_integration_enabled(
    conn: Connection[Any], integration: Integration, *, enabled: bool
) -> bool:
    """Switch an integration on or off; return False when it was so already."""
    values = {"id": integration.id, "enabled": enabled}
    return conn.execute(_SET_ENABLED, values).rowcount > 0


def _select(conn: Connection[Any], slug: str | None, beginning: str | None) -> list[Integration]:
    with conn.cursor(row_factory=class_row(Integration)) as cursor:
        return cursor.execute(_SELECT, {"slug": slug, "id": beginning}).fetchall()
