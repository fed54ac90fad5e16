"""Facts about a tenant's apps and authorities that every batch of a merge needs."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from psycopg import Connection

from schemabase_dagster.engine.authority import Priorities
from schemabase_dagster.engine.rows import AppFacts
from schemabase_dagster.systems import System

_APPS = "SELECT id, key, type, enabled, config FROM platform.app WHERE tenant_id = %s"

_CONFIRMED = """
SELECT s.app_id, s.stream, s.last_success_at
FROM platform.sync_state AS s
JOIN platform.app AS a ON a.id = s.app_id
WHERE a.tenant_id = %s AND s.last_success_at IS NOT NULL
"""

_PRIORITIES = """
SELECT field_group, app_id, priority FROM platform.field_authority
WHERE tenant_id = %s AND entity = %s
"""


def load_apps(
    conn: Connection, tenant_id: UUID, systems: Mapping[str, System]
) -> dict[UUID, AppFacts]:
    """Return the apps of a tenant whose systems are known, disabled ones included."""
    confirmed: dict[UUID, dict[str, datetime]] = defaultdict(dict)
    for app_id, stream, at in conn.execute(_CONFIRMED, (tenant_id,)):
        confirmed[app_id][stream] = at
    return {
        app_id: AppFacts(
            key=key,
            system=kind,
            role=systems[kind].role,
            enabled=enabled,
            config=systems[kind].config.model_validate(config),
            confirmed_at=confirmed[app_id],
        )
        for app_id, key, kind, enabled, config in conn.execute(_APPS, (tenant_id,))
        if kind in systems
    }


def load_priorities(conn: Connection, tenant_id: UUID, entity: str) -> Priorities:
    """Return what a tenant set differently from the entity's default authorities."""
    rows = conn.execute(_PRIORITIES, (tenant_id, entity))
    return {(group, app_id): priority for group, app_id, priority in rows}
