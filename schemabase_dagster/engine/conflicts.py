"""Conflicts between records and rows: opened, told once, closed when newer data settles them."""

from collections.abc import Collection, Sequence
from uuid import UUID

import orjson
from psycopg import Connection

from schemabase_dagster.engine.entity import Entity
from schemabase_dagster.engine.match import Conflict, RecordKey

_OPEN_CONFLICT = """
INSERT INTO platform.match_conflict (tenant_id, app_id, entity, external_id, kind, detail)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (app_id, entity, external_id, kind) WHERE resolved_at IS NULL DO UPDATE
SET detail = excluded.detail
WHERE match_conflict.detail <> excluded.detail
"""


# Most batches meet no open conflict: asking that costs less than sending the batch's keys.
_HAS_CONFLICTS = """
SELECT EXISTS (
    SELECT FROM platform.match_conflict
    WHERE app_id = ANY(%s) AND entity = %s AND resolved_at IS NULL)
"""


_CLOSE_CONFLICTS = """
UPDATE platform.match_conflict AS c
SET resolved_at = now(), resolution = '{"by": "newer data"}'
FROM unnest(%s::uuid[], %s::text[]) AS s (app_id, external_id)
WHERE c.entity = %s AND c.app_id = s.app_id AND c.external_id = s.external_id
    AND c.resolved_at IS NULL
    AND NOT EXISTS (
        SELECT FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS told (app_id, external_id, kind)
        WHERE told.app_id = c.app_id AND told.external_id = c.external_id AND told.kind = c.kind)
"""


def write_conflicts(
    conn: Connection,
    entity: Entity,
    tenant_id: UUID,
    conflicts: Sequence[Conflict],
    batch: Collection[RecordKey],
) -> None:
    """Open the conflicts of the batch and close those that newer data settled."""
    concerned = list({record[0] for record in batch})
    if conn.execute(_HAS_CONFLICTS, (concerned, entity.name)).fetchone() == (True,):
        apps, ids = zip(*batch, strict=True)
        told = [conflict.record for conflict in conflicts]
        told_apps, told_ids = [record[0] for record in told], [record[1] for record in told]
        told_kinds = [conflict.kind for conflict in conflicts]
        values = (list(apps), list(ids), entity.name, told_apps, told_ids, told_kinds)
        conn.execute(_CLOSE_CONFLICTS, values)
    for conflict in conflicts:
        app_id, external_id = conflict.record
        detail = orjson.dumps(conflict.detail).decode()
        conn.execute(
            _OPEN_CONFLICT, (tenant_id, app_id, entity.name, external_id, conflict.kind, detail)
        )
