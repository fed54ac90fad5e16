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
            (row_id, (item.app_id, key))
            for row_id, records in members.items()
            for item in records
            for key in item.candidate.parents.get(link.entity, ())
        ]
        found = find_parents(ctx.conn, ctx.tenant_id, link.entity, {key for _, key in wanted})
        pairs = [(row_id, found[key]) for row_id, key in wanted if key in found]
        changed |= replace_links(ctx.conn, link, ctx.tenant_id, list(members), pairs)
    return changed
