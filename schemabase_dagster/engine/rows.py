"""Core rows of a batch: resolve parties, decide fields, write rows and children that differ."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, sql

from schemabase_dagster.candidate import AddressFields
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.authority import Decided, Priorities, decide
from schemabase_dagster.engine.bearers import find_bearers, has_bearers
from schemabase_dagster.engine.entity import Child, Claim, Entity, Naming, Reference
from schemabase_dagster.engine.ids import new_id
from schemabase_dagster.engine.match import Conflict, Matched, RecordKey
from schemabase_dagster.engine.parents import AppKey, find_parents
from schemabase_dagster.engine.parties import (
    EMBEDDED_RANK,
    Mention,
    upsert_addresses,
    upsert_companies,
    upsert_contacts,
    upsert_named,
)
from schemabase_dagster.engine.references import find_natural
from schemabase_dagster.engine.rollup import keep_rolled, note_sources, roll_up_own
from schemabase_dagster.engine.todo import Mapped
from schemabase_dagster.engine.write import soft_delete, upsert
from schemabase_dagster.normalise.text import normalized_name
from schemabase_dagster.systems import ROLE_ORDER, Role
from schemabase_dagster.tables.parties import sales_channels

UNCONFIRMED_AFTER: Final = timedelta(days=30)
"""A source that did not confirm its stream for so long loses its authority (canonical C3)."""


@dataclass(frozen=True, slots=True)
class AppFacts:
    """What the merge knows of an app.

    Attributes:
        key: its key.
        system: name of its system.
        role: role of its system.
        enabled: whether it is enabled.
        config: its validated configuration.
        confirmed_at: latest complete sync by stream.
    """

    key: str
    system: str
    role: Role
    enabled: bool
    config: Any
    confirmed_at: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def rank(self) -> int:
        """Order of ownership: 0 for shops."""
        return ROLE_ORDER.index(self.role)

    def is_stale(self, stream: str, now: datetime) -> bool:
        """Tell whether the app has lost its authority."""
        confirmed = self.confirmed_at.get(stream)
        return not self.enabled or (confirmed is not None and now - confirmed > UNCONFIRMED_AFTER)


@dataclass(frozen=True, slots=True)
class Context:
    """What all steps of one batch share."""

    conn: Connection
    entity: Entity
    tenant_id: UUID
    apps: Mapping[UUID, AppFacts]
    priorities: Priorities


def write_rows(
    ctx: Context,
    members: Mapping[UUID, Sequence[Mapped]],
    matched: Matched,
    bearers: Mapping[str, UUID | None],
) -> tuple[set[UUID], list[Conflict]]:
    """Decide and write the rows of a batch.

    Args:
        ctx: connection and facts of the batch.
        members: row -> all live records linked to it; a row without any is deleted softly,
            unless other rows keep it.
        matched: which rows are new, and which are about to be removed and give their natural keys
            up.
        bearers: natural keys that were looked up in this transaction -> the row that bears it.

    Returns:
        The rows that changed, their children's changes included, and conflicts about numbers.
    """
    living = {row_id: records for row_id, records in members.items() if records}
    read = [item for records in living.values() for item in records]
    resolved = _resolve(ctx, read)
    for reference in ctx.entity.references:
        _refer(ctx, reference, read, resolved)
    decided = {row_id: _decide(ctx, records, resolved) for row_id, records in living.items()}
    if ctx.entity.roll_ups:
        keep_rolled(ctx.conn, ctx.entity, decided, matched.made)
    for child in ctx.entity.children:
        for naming in child.names:
            _name(ctx, child, naming, decided)
    _free_numbers(ctx, matched.merged)
    # merged rows have just given their natural keys up
    conflicts = _claim_numbers(ctx, decided, living, {} if matched.merged else bearers)
    rows = [
        {**decision.values, "id": row_id, "tenant_id": ctx.tenant_id, "sources": decision.sources}
        for row_id, decision in decided.items()
    ]
    columns = ("id", "tenant_id", *ctx.entity.columns, "sources")
    if "owner_app_id" in ctx.entity.table.c:
        columns = (*columns, "owner_app_id")
    changed = upsert(
        ctx.conn, ctx.entity.table, rows, columns, key=("id",),
        is_new=lambda row: row["id"] in matched.made,
    )  # fmt: skip
    for child in ctx.entity.children:
        changed |= _write_children(ctx, child, decided, matched.made)
    changed |= roll_up_own(ctx.conn, ctx.entity, decided, matched.made)
    ended = [row_id for row_id, records in members.items() if not records]
    changed |= soft_delete(ctx.conn, ctx.entity.table, _unkept(ctx, ended))
    return changed, conflicts


def remove_rows(ctx: Context, merged: Collection[UUID]) -> None:
    """Remove rows whose records all moved to another row; what other rows refer to stays."""
    gone = _unkept(ctx, merged) if merged else []
    if gone:
        table = sql.Identifier(str(ctx.entity.table.schema), ctx.entity.table.name)
        ctx.conn.execute(sql.SQL("DELETE FROM {} WHERE id = ANY(%s)").format(table), (gone,))


def _resolve(ctx: Context, records: Sequence[Mapped]) -> dict[RecordKey, dict[str, Any]]:
    """Upsert the parties that the records name; return the columns that refer to them."""
    columns = ctx.entity.columns
    contact_ids: dict[str, UUID] = {}
    company_ids: dict[str, UUID] = {}
    address_ids: dict[AddressFields, UUID] = {}
    if "contact_id" in columns:
        contact_ids = upsert_contacts(ctx.conn, ctx.tenant_id, _mentions(ctx, records))
    if "company_id" in columns:
        company_ids = upsert_companies(ctx.conn, ctx.tenant_id, _company_names(records))
    channel_ids: dict[str, UUID] = {}
    if "sales_channel_id" in columns:
        names = (item.candidate.channel for item in records if item.candidate.channel)
        channel_ids = upsert_named(ctx.conn, sales_channels, ctx.tenant_id, names)
    linked = ctx.entity.addresses is not None
    if not linked and any(item.candidate.addresses for item in records):
        wanted = (a for item in records for a in item.candidate.addresses.values())
        address_ids = upsert_addresses(ctx.conn, ctx.tenant_id, wanted)
    by_reference = _contacts_by_reference(ctx, records) if "contact_id" in columns else {}
    resolved: dict[RecordKey, dict[str, Any]] = {}
    for item in records:
        values: dict[str, Any] = {}
        party = item.candidate.contact
        if party is not None and "contact_id" in columns:
            values["contact_id"] = contact_ids.get(party.email or "") or by_reference.get(
                (item.app_id, f"#{party.external_id}")
            )
        if party is not None and party.company_name and "company_id" in columns:
            values["company_key"] = normalized_name(party.company_name)
            values["company_id"] = company_ids[values["company_key"]]
        if item.candidate.channel and "sales_channel_id" in columns:
            values["sales_channel_id"] = channel_ids[normalized_name(item.candidate.channel)]
        for column, address in item.candidate.addresses.items():
            values[column] = address_ids.get(address)
        resolved[item.app_id, item.external_id] = values
    return resolved


def _refer(
    ctx: Context,
    reference: Reference,
    records: Sequence[Mapped],
    resolved: Mapping[RecordKey, dict[str, Any]],
) -> None:
    """Find the parents that the records name; what is missing is mapped again when it comes."""
    keys = {
        (item.app_id, item.external_id): [
            (item.app_id, key) for key in item.candidate.parents.get(reference.entity, ())
        ]
        for item in records
    }
    wanted = {key for named in keys.values() for key in named}
    found = find_parents(ctx.conn, ctx.tenant_id, reference.entity, wanted)
    for record, named in keys.items():
        row_id = next((found[key] for key in named if key in found), None)
        if row_id is not None:
            resolved[record][reference.column] = row_id


def _name(ctx: Context, child: Child, naming: Naming, decided: Mapping[UUID, Decided]) -> None:
    """Find the rows that children name; what comes later finds the children itself."""
    if not has_bearers(ctx.conn, ctx.tenant_id, naming.entity):
        return
    rows = [row for decision in decided.values() for row in decision.children[child.kind]]
    keys = {key for row in rows if (key := row.get(naming.by))}
    found = find_bearers(ctx.conn, ctx.tenant_id, naming.entity, keys) if keys else {}
    for row in rows:
        row[naming.column] = found.get(row.get(naming.by) or "")


def _mentions(ctx: Context, records: Iterable[Mapped]) -> Iterable[Mention]:
    for item in records:
        party = item.candidate.contact
        if party is not None and party.email is not None:
            app = ctx.apps[item.app_id]
            at = item.candidate.values.get("ordered_at") or item.source_updated_at or utc_now()
            yield Mention(party, app.key, EMBEDDED_RANK + app.rank, at, item.external_id)


def _company_names(records: Iterable[Mapped]) -> Iterable[str]:
    for item in records:
        if item.candidate.contact is not None and item.candidate.contact.company_name:
            yield item.candidate.contact.company_name


def _contacts_by_reference(ctx: Context, records: Iterable[Mapped]) -> dict[AppKey, UUID]:
    """Find the contacts of parties without e-mail by the source's own contact id."""
    wanted = (
        (item.app_id, f"#{item.candidate.contact.external_id}")
        for item in records
        if item.candidate.contact is not None
        and item.candidate.contact.email is None
        and item.candidate.contact.external_id is not None
    )
    return find_parents(ctx.conn, ctx.tenant_id, "contact", wanted)


def _decide(
    ctx: Context, records: Sequence[Mapped], resolved: Mapping[RecordKey, Mapping[str, Any]]
) -> Decided:
    now = utc_now()
    owner = _owner(ctx, records)
    claims = []
    for item in records:
        app = ctx.apps[item.app_id]
        claims.append(
            Claim(
                app_id=item.app_id,
                app_key=app.key,
                system=app.system,
                role=app.role,
                external_id=item.external_id,
                is_owner=item is owner,
                stale=app.is_stale(item.stream, now),
                source_updated_at=item.source_updated_at,
                values={**item.candidate.values, **resolved[item.app_id, item.external_id]},
                children=item.candidate.children,
            )
        )
    decision = decide(ctx.entity, claims, ctx.priorities)
    if "owner_app_id" in ctx.entity.table.c:
        decision.values["owner_app_id"] = owner.app_id
    note_sources(ctx.entity, decision)
    return decision


def _owner(ctx: Context, records: Sequence[Mapped]) -> Mapped:
    if len(records) == 1:
        return records[0]
    return min(records, key=lambda item: _ownership(ctx, item))


def _ownership(ctx: Context, item: Mapped) -> tuple[int, UUID, str]:
    return (ctx.apps[item.app_id].rank, item.app_id, item.external_id)


def _claim_numbers(
    ctx: Context,
    decided: Mapping[UUID, Decided],
    members: Mapping[UUID, Sequence[Mapped]],
    bearers: Mapping[str, UUID | None],
) -> list[Conflict]:
    """Give every row its natural key; of two rows with one key the better owner's keeps it."""
    column = ctx.entity.number_column
    if column is None:
        return []
    numbers = [d.values[column] for d in decided.values() if d.values.get(column) is not None]
    wanted = set(numbers)
    unknown = find_natural(ctx.conn, ctx.entity, ctx.tenant_id, wanted - bearers.keys())
    # A row of the batch does not hold a number that it is about to give up.
    taken = {
        number: row_id
        for number, row_id in {**bearers, **unknown}.items()
        if row_id is not None and row_id not in decided
    }
    if len(wanted) == len(numbers) and taken.keys().isdisjoint(wanted):
        return []
    owners = {row_id: _owner(ctx, records) for row_id, records in members.items()}
    conflicts = []
    for row_id in sorted(decided, key=lambda row_id: _ownership(ctx, owners[row_id])):
        values, owner = decided[row_id].values, owners[row_id]
        number = values.get(column)
        if number is None or taken.setdefault(number, row_id) == row_id:
            continue
        values[column] = f"{number}~{ctx.apps[owner.app_id].key}"
        if taken.setdefault(values[column], row_id) != row_id:
            values[column] = f"{number}~{owner.external_id}"
        record = (owner.app_id, owner.external_id)
        detail = {"number": number, "row": str(taken[number])}
        conflicts.append(Conflict(record, "number_taken", detail))
    return conflicts


def _free_numbers(ctx: Context, merged: Collection[UUID]) -> None:
    column = ctx.entity.number_column
    gone = _unkept(ctx, merged) if merged and column else []
    if gone and column:
        statement = sql.SQL(
            "UPDATE {table} SET {number} = {number} || '~' || id WHERE id = ANY(%s)"
        )
        table = sql.Identifier(str(ctx.entity.table.schema), ctx.entity.table.name)
        number = sql.Identifier(column)
        ctx.conn.execute(statement.format(table=table, number=number), (gone,))


def _write_children(
    ctx: Context, child: Child, decided: Mapping[UUID, Decided], made: Collection[UUID]
) -> set[UUID]:
    parent = child.parent_column
    rows = []
    for row_id, decision in decided.items():
        for row in decision.children[child.kind]:
            row |= {"id": new_id(), "tenant_id": ctx.tenant_id, parent: row_id}
            rows.append(row)
    generated = {"created_at", "updated_at", "deleted_at"}
    columns = [column.name for column in child.table.columns if column.name not in generated]
    changed = upsert(
        ctx.conn, child.table, rows, columns,
        key=(parent, *child.key), returning=parent, is_new=lambda row: row[parent] in made,
    )  # fmt: skip
    old = [row_id for row_id in decided if row_id not in made]
    if old:
        staged = any(decided[row_id].children[child.kind] for row_id in old)
        changed |= _delete_children(ctx, child, old, staged=staged)
    touched = changed.difference(made)
    if touched:
        table = sql.Identifier(str(ctx.entity.table.schema), ctx.entity.table.name)
        touch = sql.SQL(
            "UPDATE {} SET updated_at = now() WHERE id = ANY(%s) AND updated_at < now()"
        )
        ctx.conn.execute(touch.format(table), (list(touched),))
    return changed


_DELETE_CHILDREN = sql.SQL("""
UPDATE {table} AS t SET deleted_at = now(), updated_at = now()
WHERE t.{parent} = ANY(%s) AND t.deleted_at IS NULL AND NOT ({staged})
RETURNING t.{parent}
""")


def _delete_children(
    ctx: Context, child: Child, parents: Sequence[UUID], *, staged: bool
) -> set[UUID]:
    """Mark children that no source has any more; what was just staged is still in the stage."""
    same = [
        sql.SQL("s.{0} = t.{0}").format(sql.Identifier(column))
        for column in (child.parent_column, *child.key)
    ]
    present = sql.SQL("EXISTS (SELECT FROM {} AS s WHERE {})").format(
        sql.Identifier(f"stage_{child.table.name}"), sql.SQL(" AND ").join(same)
    )
    statement = _DELETE_CHILDREN.format(
        table=sql.Identifier(str(child.table.schema), child.table.name),
        parent=sql.Identifier(child.parent_column),
        staged=present if staged else sql.SQL("false"),
    )
    return {row[0] for row in ctx.conn.execute(statement, (list(parents),))}


def _unkept(ctx: Context, rows: Iterable[UUID]) -> list[UUID]:
    """Leave out the rows that other tables refer to."""
    ids = set(rows)
    for table, column in ctx.entity.kept_by:
        if not ids:
            break
        statement = sql.SQL("SELECT DISTINCT {column} FROM {table} WHERE {column} = ANY(%s)")
        found = ctx.conn.execute(
            statement.format(
                column=sql.Identifier(column),
                table=sql.Identifier(str(table.schema), table.name),
            ),
            (list(ids),),
        )
        ids -= {row[0] for row in found}
    return list(ids)
