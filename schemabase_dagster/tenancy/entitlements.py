"""Entitlements: the one place that knows what a tenant may use."""

from datetime import UTC, datetime
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row, scalar_row
from uuid_utils.compat import uuid7

from schemabase_dagster.errors import ConfigurationError, NotEntitledError
from schemabase_dagster.tenancy.records import Entitlement, Tenant

EVERYTHING: Final = "*"
"""Feature that stands for all."""

FOREVER: Final = datetime(9999, 12, 31, tzinfo=UTC)

FEATURES: Final = (
    EVERYTHING,
    "sync",
    "webhooks",
    "entity_sync",
    "read_api",
    "product_feed",
    "logistics_stats",
)
"""All there are; what is granted for later use must not be a spelling mistake."""

# A null end is never later than now: it means that nobody paid.
_IS_ENTITLED: LiteralString = """
SELECT 1
FROM platform.entitlement
WHERE tenant_id = %s
  AND feature IN (%s, '*')
  AND valid_from <= now()
  AND valid_until > now()
LIMIT 1
"""

_GRANT: LiteralString = """
INSERT INTO platform.entitlement (id, tenant_id, feature, valid_until)
VALUES (%s, %s, %s, %s)
ON CONFLICT (tenant_id, feature) DO UPDATE
SET valid_from = least(entitlement.valid_from, excluded.valid_from),
    valid_until = excluded.valid_until
"""

_REVOKE: LiteralString = """
UPDATE platform.entitlement
SET valid_until = now()
WHERE tenant_id = %s AND feature = %s AND valid_until > now()
"""

_LIST: LiteralString = """
SELECT
    feature, valid_from, valid_until,
    coalesce(valid_from <= now() AND valid_until > now(), false) AS is_valid
FROM platform.entitlement
WHERE tenant_id = %s
ORDER BY feature
"""


def is_entitled(conn: Connection[Any], tenant_id: UUID, feature: str) -> bool:
    """Tell whether a tenant may use a feature now: by a row for it, or one for everything."""
    return conn.execute(_IS_ENTITLED, (tenant_id, feature)).fetchone() is not None


def require_entitled(conn: Connection[Any], tenant: Tenant | UUID, feature: str) -> None:
    """Raise NotEntitledError unless a tenant may use a feature now."""
    tenant_id = tenant.id if isinstance(tenant, Tenant) else tenant
    if not is_entitled(conn, tenant_id, feature):
        name = tenant.slug if isinstance(tenant, Tenant) else _slug(conn, tenant_id)
        raise NotEntitledError(name, feature)


def grant(
    conn: Connection[Any], tenant: Tenant, feature: str, *, until: datetime = FOREVER
) -> None:
    """Entitle a tenant to a feature until an instant.

    Raises:
        ConfigurationError: there is no such feature.
    """
    if feature not in FEATURES:
        raise ConfigurationError(
            f"There is no feature '{feature}'.", f"Known: {', '.join(FEATURES)}; * is all of them."
        )
    conn.execute(_GRANT, (uuid7(), tenant.id, feature, until))


def revoke(conn: Connection[Any], tenant: Tenant, feature: str) -> bool:
    """End an entitlement now; return False when there was none that holds."""
    return conn.execute(_REVOKE, (tenant.id, feature)).rowcount > 0


def list_entitlements(conn: Connection[Any], tenant: Tenant) -> list[Entitlement]:
    """Return a tenant's entitlements, ended ones included, by feature."""
    with conn.cursor(row_factory=class_row(Entitlement)) as cursor:
        return cursor.execute(_LIST, (tenant.id,)).fetchall()


def _slug(conn: Connection[Any], tenant_id: UUID) -> str:
    with conn.cursor(row_factory=scalar_row) as cursor:
        slug = cursor.execute("SELECT slug FROM platform.tenant WHERE id = %s", (tenant_id,))
        return str(slug.fetchone() or tenant_id)
