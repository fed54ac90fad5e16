"""Relations to parents that may arrive later, such as an invoice's orders."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import sql

from schemabase_dagster.engine.entity import Link
from schemabase_dagster.engine.parents import AppKey, find_parents, follow, replace_links
from schemabase_dagster.engine.parties import upsert_addresses
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


_REPLACE_ADDRESSES = sql.SQL("""
WITH wanted AS (
    SELECT DISTINCT * FROM unnest(%(own)s::uuid[], %(address)s::uuid[], %(kind)s::text[])
        AS w (own_id, address_id, kind)
), removed AS (
    UPDATE {table} AS t SET removed_at = now()
    WHERE t.{own} = ANY(%(rows)s) AND t.removed_at IS NULL AND NOT EXISTS (
        SELECT FROM wanted AS w
        WHERE w.own_id = t.{own} AND w.address_id = t.address_id AND w.kind = t.kind)
    RETURNING t.{own}
), made AS (
    INSERT INTO {table} AS t (tenant_id, {own}, address_id, kind)
    SELECT %(tenant)s, w.own_id, w.address_id, w.kind FROM wanted AS w
    ON CONFLICT ({own}, address_id, kind) DO UPDATE SET removed_at = NULL
    WHERE t.removed_at IS NOT NULL
    RETURNING t.{own}
)
SELECT {own} FROM removed UNION SELECT {own} FROM made
""")


def link_addresses(ctx: Context, members: Mapping[UUID, Sequence[Mapped]]) -> set[UUID]:
    """Link rows to the addresses that their records keep; return the rows whose links changed.

    An address that no record keeps any more stays, marked as removed.
    """
    link = ctx.entity.addresses
    if link is None:
        return set()
    kept = [
        (row_id, kind.partition(":")[0], address)
        for row_id, records in members.items()
        for item in records
        for kind, address in item.candidate.addresses.items()
    ]
    ids = upsert_addresses(ctx.conn, ctx.tenant_id, (address for _, _, address in kept))
    known = [(row_id, kind, ids[address]) for row_id, kind, address in kept if address in ids]
    values = {
        "tenant": ctx.tenant_id,
        "rows": list(members),
        "own": [row_id for row_id, _, _ in known],
        "kind": [kind for _, kind, _ in known],
        "address": [address_id for _, _, address_id in known],
    }
    statement = _REPLACE_ADDRESSES.format(
        table=sql.Identifier(str(link.table.schema), link.table.name),
        own=sql.Identifier(link.own_column),
    )
    return {row[0] for row in ctx.conn.execute(statement, values)}


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
