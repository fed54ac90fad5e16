"""Relations to parents that may arrive later, such as an invoice's orders."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from schemabase_dagster.engine.entity import Link
from schemabase_dagster.engine.references import AppKey, find_parents, follow, replace_links
from schemabase_dagster.engine.rows import Context
from schemabase_dagster.engine.todo import Mapped


def link_parents(ctx: Context, members: Mapping[UUID, Sequence[Mapped]]) -> set[UUID]:
    """Link rows to the parents that exist; return the rows whose links changed.

    What is missing stays unlinked: its natural key was kept, and when a row takes it the record
    is mapped again.
    """
    changed: set[UUID] = set()
    for link in ctx.entity.links:
        wanted = {
            (item.app_id, key)
            for records in members.values()
            for item in records
            for key in item.candidate.parents.get(link.key, ())
        }
        found = find_parents(ctx.conn, ctx.tenant_id, link.entity, wanted)
        links = {
            (row_id, parent_id): shares
            for row_id, records in members.items()
            for parent_id, shares in _links(ctx, link, records, found).items()
        }
        if link.through is not None:
            named = {row_id for row_id, _ in links}
            others = {row_id: rows for row_id, rows in members.items() if row_id not in named}
            links |= {pair: {} for pair in _led_to(ctx, link.through, others)}
        changed |= replace_links(ctx.conn, link, ctx.tenant_id, list(members), links)
    return changed


def _links(
    ctx: Context, link: Link, records: Sequence[Mapped], found: Mapping[AppKey, UUID]
) -> dict[UUID, Mapping[str, Any]]:
    """Return the parents of one row with the columns of each link."""
    links: dict[UUID, Mapping[str, Any]] = {}
    for item in _by_priority(ctx, link, records):
        shares = item.candidate.shares.get(link.key, {})
        for key in item.candidate.parents.get(link.key, ()):
            parent_id = found.get((item.app_id, key))
            if parent_id is not None:
                links.setdefault(parent_id, shares.get(key, {}))
        if links and link.priority:
            break
    return links


def _by_priority(ctx: Context, link: Link, records: Sequence[Mapped]) -> Sequence[Mapped]:
    """Return the records of a row, those of the best role first."""
    if not link.priority or len(records) == 1:
        return records
    ranks = {role: rank for rank, role in enumerate(link.priority)}

    def order(item: Mapped) -> tuple[int, UUID, str]:
        rank = ranks.get(ctx.apps[item.app_id].role, len(ranks))
        return (rank, item.app_id, item.external_id)

    return sorted(records, key=order)


def _led_to(
    ctx: Context, through: tuple[str, Link], members: Mapping[UUID, Sequence[Mapped]]
) -> list[tuple[UUID, UUID]]:
    """Return (row, row that another parent of it is linked to)."""
    between, further = through
    named = [
        (row_id, (item.app_id, key))
        for row_id, records in members.items()
        for item in records
        for key in item.candidate.parents.get(between, ())
    ]
    found = find_parents(ctx.conn, ctx.tenant_id, between, {key for _, key in named})
    pairs = [(row_id, found[key]) for row_id, key in named if key in found]
    return follow(ctx.conn, further, pairs)
