"""Field authority: a core row as a pure function of all live records linked to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from schemabase_dagster.engine.entity import Child, Claim, Entity, FieldGroup

Priorities: TypeAlias = Mapping[tuple[str, UUID], int]
"""(field group, app id) -> priority of ``platform.field_authority``, 1 = best."""

_LAST = 1000
_STALE = 2000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Decided:
    """What the claims give together.

    Attributes:
        values: column -> value.
        sources: field group -> {app, at} of the source that decided it.
        children: kind -> rows; each has the key columns, values and ``sources``.
    """

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def decide(entity: Entity, claims: Sequence[Claim], priorities: Priorities) -> Decided:
    """Decide every column of a row (canonical-model C3).

    The result depends on the set of claims only, never on the order in which they came.

    Args:
        entity: what the row is.
        claims: all live records linked to the row; at least one.
        priorities: what a tenant set differently from the entity's defaults.
    """
    out = Decided(values=dict(entity.defaults))
    known = {id(claim): _source(claim) for claim in claims}
    for group in entity.groups:
        ordered = _ordered(group.name, group.priority, claims, priorities)
        if group.decide is not None:
            out.values.update(group.decide(ordered))
            continue
        winner = _decide_group(group, ordered, out.values)
        if winner is not None:
            out.sources[group.name] = known[id(winner)]
    for child in entity.children:
        ordered = _ordered(child.kind, child.priority, claims, priorities)
        out.children[child.kind] = _children(child, ordered)
    if entity.totals is not None:
        out.values.update(entity.totals.sum_up(claims, out.children))
    return out


def _ordered(
    name: str, priority: Sequence[str], claims: Sequence[Claim], priorities: Priorities
) -> Sequence[Claim]:
    if len(claims) == 1:
        return claims

    def order(claim: Claim) -> tuple[int, float, UUID, str]:
        rank = priorities.get((name, claim.app_id))
        if rank is None:
            rank = _default_rank(priority, claim)
        if claim.stale:
            rank += _STALE
        age = -(claim.source_updated_at or _EPOCH).timestamp()
        return (rank, age, claim.app_id, claim.external_id)

    return sorted(claims, key=order)


def _default_rank(priority: Sequence[str], claim: Claim) -> int:
    ranks = [
        rank
        for rank, name in enumerate(priority, start=1)
        if name == claim.role or (name == "owner" and claim.is_owner)
    ]
    return min(ranks, default=_LAST)


def _decide_group(
    group: FieldGroup, ordered: Sequence[Claim], values: dict[str, Any]
) -> Claim | None:
    """Write the group's columns into ``values``; return the claim that decided."""
    for winner in ordered:
        if _says(winner.values, group.columns):
            break
    else:
        return None
    given = winner.values
    for column in group.columns:
        value = given.get(column)
        # Null never erases, unless it comes from the best source and its payload has the field.
        may_fill = not group.atomic and (column not in given or winner is not ordered[0])
        if value is None and may_fill and len(ordered) > 1:
            value = next(
                (claim.values[column] for claim in ordered if claim.values.get(column) is not None),
                None,
            )
        if value is not None or column not in values:
            values[column] = value
    return winner


def _says(given: Mapping[str, Any], columns: Sequence[str]) -> bool:
    for column in columns:  # noqa: SIM110 - ``any`` starts a generator, which costs most here
        if given.get(column) is not None:
            return True
    return False


def _source(claim: Claim) -> dict[str, Any]:
    at = claim.source_updated_at
    return {"app": claim.app_key, "at": at.isoformat() if at else None}


def _children(child: Child, ordered: Sequence[Claim]) -> list[dict[str, Any]]:
    """Unite the children of all claims: the best source's values, gaps filled by the others.

    A child that only another source has is kept: a freight line typed in the ERP is a line.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for claim in ordered:
        for given in claim.children.get(child.kind, ()):
            key = tuple(given[column] for column in child.key)
            row = rows.get(key)
            if row is None:
                row = rows[key] = {**given, "sources": {"by": claim.app_key}}
                row.pop("source_id", None)
            else:
                for column in child.fill:
                    if row.get(column) is None:
                        row[column] = given.get(column)
            if given.get("source_id") is not None:
                row["sources"][claim.app_key] = given["source_id"]
    return list(rows.values())
