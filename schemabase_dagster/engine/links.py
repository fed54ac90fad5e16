"""Relations to parents that may arrive later, such as an invoice's orders."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from schemabase_dagster.engine.references import find_parents, replace_links
from schemabase_dagster.engine.rows import Context
from schemabase_dagster.engine.todo import Mapped


def link_parents(ctx: Context, members: Mapping[UUID, Sequence[Mapped]]) -> set[UUID]:
    """Link rows to the parents that exist; return the rows whose links changed.

    What is missing stays unlinked: its natural key was kept, and when a row takes it the record
    is mapped again.
    """
    changed: set[UUID] = set()
    for link in ctx.entity.links:
        wanted = [
            (row_id, item, key)
            for row_id, records in members.items()
            for item in records
            for key in item.candidate.parents.get(link.entity, ())
        ]
        keys = {key for _, _, key in wanted}
        found = find_parents(ctx.conn, ctx.tenant_id, link.entity, keys)
        pairs = [(row_id, _best(found[key], item)) for row_id, item, key in wanted if key in found]
        changed |= replace_links(ctx.conn, link, ctx.tenant_id, list(members), pairs)
    return changed


def _best(found: Sequence[tuple[UUID, bool, UUID]], item: Mapped) -> UUID:
    """Prefer the row that the same app knows, then the one that bears the number itself."""
    return min(found, key=lambda hit: (hit[0] != item.app_id, not hit[1], hit[2]))[2]
