"""What deliveries changed: their records in raw and the canonical rows of these.

Landing and merging write it (``engine.effects``); here it is read for people.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

_EFFECTS: Final = """
SELECT inbox_id, stream, external_id, raw, entity, core, core_id
FROM platform.webhook_effect
WHERE inbox_id = ANY(%s)
ORDER BY received_at, inbox_id, stream, external_id
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one delivery did to one record: a row of ``platform.webhook_effect``.

    Attributes:
        inbox_id: the delivery.
        stream: stream of the record.
        external_id: the record; None when it has no id.
        raw: what became of it in raw.
        entity: kind of the canonical row; None = the stream stays raw.
        core: what became of the row; None = nothing was to be merged.
        core_id: the row, where there is one.
    """

    inbox_id: UUID
    stream: str
    external_id: str | None
    raw: str
    entity: str | None
    core: str | None
    core_id: UUID | None


def list_effects(conn: Connection[Any], inbox_ids: Sequence[UUID]) -> list[Effect]:
    """List what deliveries did, in their order of arrival."""
    with conn.cursor(row_factory=class_row(Effect)) as cursor:
        return cursor.execute(_EFFECTS, (list(inbox_ids),)).fetchall()
