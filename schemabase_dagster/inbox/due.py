"""What waits for a run, and what is held until a tenant may process it again."""

from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from schemabase_dagster.inbox.records import DueGroup
from schemabase_dagster.tenancy import is_entitled

FEATURE: Final = "webhooks"
"""Entitlement without which deliveries are stored and held."""

# An app whose credentials were refused is left alone until they are set (errors.CredentialError).
_DUE_GROUPS: Final = """
WITH due AS (
    SELECT tenant_id, app_id, endpoint_id, received_at
    FROM platform.webhook_inbox
    WHERE status IN ('received', 'failed')
      AND next_attempt_at <= now()
    UNION ALL
    SELECT tenant_id, app_id, endpoint_id, received_at
    FROM platform.webhook_inbox
    WHERE status = 'claimed'
      AND claimed_until <= now()
),
leased AS (
    SELECT tenant_id, provider, max(claimed_until) AS until
    FROM platform.webhook_inbox
    WHERE status = 'claimed'
      AND claimed_until > now()
    GROUP BY tenant_id, provider
),
waiting AS (
    SELECT t.id AS tenant_id, t.slug AS tenant_slug, a.type AS system,
           count(*) AS count, min(due.received_at) AS oldest_received_at
    FROM due
    JOIN platform.app AS a ON a.id = due.app_id
    JOIN platform.tenant AS t ON t.id = due.tenant_id
    LEFT JOIN platform.webhook_endpoint AS e ON e.id = due.endpoint_id
    WHERE t.active
      AND a.enabled
      AND a.deleted_at IS NULL
      AND a.credentials_failed_at IS NULL
      AND e.paused_at IS NULL
    GROUP BY t.id, t.slug, a.type
)
SELECT w.tenant_id, w.tenant_slug, w.system, w.count, w.oldest_received_at,
       l.until AS leased_until
FROM waiting AS w
LEFT JOIN leased AS l ON l.tenant_id = w.tenant_id AND l.provider = w.system
ORDER BY row_number() OVER (PARTITION BY w.tenant_id ORDER BY w.oldest_received_at, w.system),
         w.oldest_received_at, w.tenant_slug
"""

_HELD_TENANTS: Final = """
SELECT DISTINCT w.tenant_id
FROM platform.webhook_inbox AS w
JOIN platform.tenant AS t ON t.id = w.tenant_id
WHERE w.status IN ('received', 'failed')
  AND w.next_attempt_at = 'infinity'
  AND t.active
  AND (%(tenant_id)s::uuid IS NULL OR w.tenant_id = %(tenant_id)s)
"""

_RELEASE: Final = """
UPDATE platform.webhook_inbox AS w
SET next_attempt_at = now(),
    last_error = NULL
WHERE w.status IN ('received', 'failed')
  AND w.next_attempt_at = 'infinity'
  AND w.tenant_id = %(tenant_id)s
  AND NOT EXISTS (
      SELECT 1
      FROM platform.webhook_endpoint AS e
      WHERE e.id = w.endpoint_id
        AND e.paused_at IS NOT NULL)
"""


def due_groups(conn: Connection[Any], limit: int = 100) -> list[DueGroup]:
    """List what a run could work on now, each tenant's oldest group first, then the second ones.

    Left out are archived and not entitled tenants, disabled apps, apps with refused credentials
    and paused endpoints.
    """
    with conn.cursor(row_factory=class_row(DueGroup)) as cursor:
        found = cursor.execute(_DUE_GROUPS).fetchall()
    allowed: dict[UUID, bool] = {}
    groups: list[DueGroup] = []
    for group in found:
        if group.tenant_id not in allowed:
            allowed[group.tenant_id] = is_entitled(conn, group.tenant_id, FEATURE)
        if allowed[group.tenant_id]:
            groups.append(group)
        if len(groups) == limit:
            break
    return groups


def release_held(conn: Connection[Any], tenant_id: UUID | None = None) -> int:
    """Make held deliveries due whose reason is gone, and return how many.

    Held are those of archived or not entitled tenants and of paused endpoints. Called when that
    changes, and regularly, because a gateway may hold deliveries for seconds after the change.
    """
    tenants = conn.execute(_HELD_TENANTS, {"tenant_id": tenant_id}).fetchall()
    return sum(
        conn.execute(_RELEASE, {"tenant_id": row[0]}).rowcount
        for row in tenants
        if is_entitled(conn, row[0], FEATURE)
    )
