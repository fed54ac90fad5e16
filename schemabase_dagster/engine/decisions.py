"""Decisions of people about records that no rule can match: link, split, and what waits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from schemabase_dagster import database, tenancy
from schemabase_dagster.errors import ConfigurationError
from schemabase_dagster.tenancy import Tenant

KINDS: Final = ("link", "split")

_DECIDE = """
INSERT INTO platform.match_decision (
    tenant_id, entity, kind, app_id, external_id, other_app_id, other_external_id, note)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, entity, app_id, external_id, other_app_id, other_external_id)
DO UPDATE SET kind = excluded.kind, note = excluded.note, decided_at = now()
"""

# The latest decision about a pair counts, in whichever order its records were named.
_FORGET_MIRRORED = """
DELETE FROM platform.match_decision
WHERE tenant_id = %s AND entity = %s AND app_id = %s AND external_id = %s
    AND other_app_id = %s AND other_external_id = %s
"""

_QUEUE = """
INSERT INTO platform.todo (tenant_id, stream, app_id, external_id)
SELECT r.tenant_id, r.stream, r.app_id, r.external_id
FROM core.external_ref AS r
WHERE r.entity = %s AND r.app_id = %s AND r.external_id = %s
"""

_CLOSE = """
UPDATE platform.match_conflict SET resolved_at = now(), resolution = %s
WHERE entity = %s AND app_id = %s AND external_id = %s AND resolved_at IS NULL
"""

_LIST = """
SELECT c.id, t.slug AS tenant, c.entity, a.key AS app, c.external_id, c.kind, c.detail, c.opened_at
FROM platform.match_conflict AS c
JOIN platform.tenant AS t ON t.id = c.tenant_id
JOIN platform.app AS a ON a.id = c.app_id
WHERE c.resolved_at IS NULL AND (%(tenant)s::text IS NULL OR t.slug = %(tenant)s)
ORDER BY c.opened_at, c.id
"""


@dataclass(frozen=True, slots=True)
class OpenConflict:
    """One contradiction that waits for a person."""

    id: int
    tenant: str
    entity: str
    app: str
    external_id: str
    kind: str
    detail: dict[str, Any]
    opened_at: datetime


def list_conflicts(tenant: str | None = None) -> list[OpenConflict]:
    """Return the open conflicts of a tenant or of all, oldest first."""
    with (
        database.transaction() as conn,
        conn.cursor(row_factory=class_row(OpenConflict)) as cursor,
    ):
        return cursor.execute(_LIST, {"tenant": tenant}).fetchall()


def decide(
    tenant: Tenant,
    entity: str,
    kind: str,
    *,
    record: tuple[str, str],
    other: tuple[str, str],
    note: str = "",
) -> None:
    """Keep a decision, queue both records and close their conflicts, in one transaction.

    Args:
        tenant: the tenant.
        entity: name of the entity.
        kind: ``link``: one row; ``split``: never one row.
        record: key of an app and id of a record there.
        other: the other record.
        note: why.

    Raises:
        ConfigurationError: unknown kind, app or record.
    """
    if kind not in KINDS:
        raise ConfigurationError(f"'{kind}' is no decision.", f"Known: {', '.join(KINDS)}.")
    with database.transaction() as conn:
        pair = [(tenancy.get_app(conn, tenant, key).id, id_) for key, id_ in (record, other)]
        for (app_id, external_id), (key, _) in zip(pair, (record, other), strict=True):
            if conn.execute(_QUEUE, (entity, app_id, external_id)).rowcount == 0:
                raise ConfigurationError(
                    f"App '{key}' has no {entity} '{external_id}' in core.",
                    "Run 'schemabase conflict list' to see the records.",
                )
        first, second = pair
        conn.execute(_FORGET_MIRRORED, (tenant.id, entity, *second, *first))
        conn.execute(_DECIDE, (tenant.id, entity, kind, *first, *second, note or None))
        _close(conn, entity, pair, kind)


def _close(conn: Connection[Any], entity: str, pair: list[tuple[Any, str]], kind: str) -> None:
    for app_id, external_id in pair:
        resolution = f'{{"by": "a person", "kind": "{kind}"}}'
        conn.execute(_CLOSE, (resolution, entity, app_id, external_id))
