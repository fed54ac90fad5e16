"""Entity: the frozen description of one canonical entity, from which its merge and asset follow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString, TypeAlias
from uuid import UUID

from sqlalchemy import Table

from schemabase_dagster.systems import Role


@dataclass(frozen=True, slots=True)
class Claim:
    """What one live source record says about a row, with what decides how much it counts.

    Attributes:
        app_id: app of the record.
        app_key: its key, written to ``sources``.
        system: name of its system.
        role: role of its system.
        external_id: the record.
        is_owner: whether the app owns the row.
        stale: the app is disabled or has not confirmed its stream for 30 days.
        source_updated_at: modified time by the source.
        values: column -> value, as in ``Candidate``, and the parties it refers to.
        children: child kind -> rows, as in ``Candidate``.
    """

    app_id: UUID
    app_key: str
    system: str
    role: Role
    external_id: str
    is_owner: bool
    stale: bool
    source_updated_at: datetime | None
    values: Mapping[str, Any]
    children: Mapping[str, Sequence[Mapping[str, Any]]]


Clash: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]

Decide: TypeAlias = Callable[[Sequence[Claim]], Mapping[str, Any]]

Children: TypeAlias = Mapping[str, Sequence[Mapping[str, Any]]]
"""Child kind -> rows."""


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Columns that are decided together (canonical-model C3).

    Attributes:
        name: name in ``field_authority`` and ``sources``.
        columns: columns of the entity's table.
        priority: who decides, best first: ``owner`` or a role; others come last.
        atomic: all columns come from one source (amounts of one document belong together);
            otherwise a gap is filled by the next source.
        decide: replaces the rule of priority where several sources are combined.
    """

    name: str
    columns: tuple[str, ...]
    priority: tuple[str, ...] = ("owner",)
    atomic: bool = False
    decide: Decide | None = None


@dataclass(frozen=True, slots=True)
class Naming:
    """A column of a child that refers to the row of another entity that the child names.

    Attributes:
        entity: the other entity.
        column: column of the child's table with the id of its row.
        by: key in the child's values that names the row: its natural key, or ``#id`` in any app.
    """

    entity: str
    column: str
    by: str


@dataclass(frozen=True, slots=True)
class Child:
    """Rows that live and die with the entity's row, for instance order lines.

    Attributes:
        kind: key in ``Candidate.children``.
        table: their table.
        parent_column: column that refers to the entity's row.
        key: columns that identify a child within its parent.
        fill: columns that a source other than the deciding one may fill when they are empty.
        priority: who decides, best first, as in ``FieldGroup``.
        names: columns that refer to what the child names (the variant of a SKU).
    """

    kind: str
    table: Table
    parent_column: str
    key: tuple[str, ...]
    fill: tuple[str, ...] = ()
    priority: tuple[str, ...] = ("owner", "erp")
    names: tuple[Naming, ...] = ()


@dataclass(frozen=True, slots=True)
class AddressLink:
    """Where the addresses of a row are, when it may have any number of each kind.

    Attributes:
        table: link table with ``address_id``, ``kind`` and ``removed_at``.
        own_column: column with the row's id.
    """

    table: Table
    own_column: str


@dataclass(frozen=True, slots=True)
class Bearer:
    """A table whose rows bear the natural key of an entity (the SKU of an order line).

    Rows that came before the entity's row, or while it bore another key, find it by this.

    Attributes:
        table: the table; it has ``updated_at``.
        key: column with the natural key.
        column: column with the id of the entity's row.
    """

    table: Table
    key: str
    column: str


@dataclass(frozen=True, slots=True)
class Link:
    """A relation to a parent entity that may arrive later (an invoice's orders).

    Attributes:
        entity: the parent entity, key in ``Candidate.parents``.
        role: tells several relations to one entity apart; the key is then ``<entity>:<role>``.
        table: link table; links to several entities may share one, with a column for each.
        own_column: column with the entity's id.
        parent_column: column with the parent's id.
        columns: further columns of the table, from ``Candidate.shares`` (a payment's share of an
            order).
        priority: roles, best first: of several sources only the first counts that names a parent
            that is there; empty = all links that any source names.
        through: (another parent entity, its own link to ``entity``): where no source names a parent
            that is there, what those parents are linked to is linked (a credit note's orders are
            those of the invoice it corrects).
    """

    entity: str
    table: Table
    own_column: str
    parent_column: str
    columns: tuple[str, ...] = ()
    priority: tuple[Role, ...] = ()
    through: "tuple[str, Link] | None" = None
    role: str = ""

    @property
    def key(self) -> str:
        """Key in ``parents`` and ``shares`` of a ``Candidate``."""
        return f"{self.entity}:{self.role}" if self.role else self.entity


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that refers to a row of a parent entity that may arrive later (a package's order).

    Attributes:
        entity: the parent entity, key in ``Candidate.parents``; the first known key counts.
        column: column of the entity's table, also named in one of its groups.
    """

    entity: str
    column: str


@dataclass(frozen=True, slots=True)
class RollUp:
    """Columns of a row that its children decide as soon as there is one, else its sources.

    An order's shipment status follows its packages. What the sources say is kept in ``sources``
    (``says``), so that the columns are a function of children and sources only, whoever changes.

    Attributes:
        entity: name of the parent entity.
        table: the parent's table.
        group: field group of the columns; a name of its own where children alone decide.
        columns: columns that the children decide.
        children: child entity -> query of (child id, parent id) of the children ``%(rows)s``.
        values: query of ``id`` and the columns of those parents ``%(rows)s`` that have a child.
        early: children may be there before the row, as they name it without referring to it.
        sole: no source says anything of the columns: they are in no group, and ``values`` tells
            them of every parent (the sums of an order's payments).
        feeds: what the parent's row decides in its turn.
    """

    entity: str
    table: Table
    group: str
    columns: tuple[str, ...]
    children: Mapping[str, LiteralString]
    values: LiteralString
    early: bool = False
    sole: bool = False
    feeds: "tuple[RollUp, ...]" = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """Columns that sum up what a row is made of, kept so that reports need not count it again.

    Attributes:
        columns: columns of the entity's table; in no group.
        sum_up: from all claims and the decided children to the values of ``columns``.
    """

    columns: tuple[str, ...]
    sum_up: Callable[[Sequence[Claim], Children], Mapping[str, Any]]


def name_systems(claims: Sequence[Claim]) -> list[str]:
    """Return the systems that know a row, in alphabetical order: for ``Totals``."""
    return sorted({claim.system for claim in claims})


@dataclass(frozen=True, slots=True)
class Series:
    """Columns that the rows of one series decide together, in its order (a parcel's events).

    Attributes:
        columns: columns that the fold decides; in no group.
        query: all rows of the series that the rows ``%(rows)s`` belong to: ``id``, ``series``, and
            what the fold needs, ordered by series and then as the fold needs them.
        fold: from the rows of one series to the values of ``columns``, one tuple per row.
    """

    columns: tuple[str, ...]
    query: LiteralString
    fold: Callable[[Sequence[Mapping[str, Any]]], Sequence[tuple[Any, ...]]]


Pair: TypeAlias = Callable[[Sequence[Sequence[Mapping[str, Any]]]], Sequence[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Pairing:
    """How records without a common key are found to be one row, by what they say.

    It is decided among all records of a series (those about one order), so that it depends on no
    order of arrival: what a later record makes uncertain is parted again.

    Attributes:
        series: query of the ids ``series`` that the rows ``%(rows)s`` belong to; a row that could
            be of several belongs to none.
        records: all live records of the series ``%(series)s``: ``series``, ``stream``, ``app_id``,
            ``external_id``, ``match_key``, ``other_key``, and what ``pair`` needs.
        pair: from the groups of one series, each of records that a key or a person holds together,
            to (place of a group, place of the group that it joins). Every record also has ``role``,
            that of its app's system.
    """

    series: LiteralString
    records: LiteralString
    pair: Pair


@dataclass(frozen=True, slots=True)
class Entity:
    """One canonical entity.

    Attributes:
        name: kind of row in ``core.external_ref``.
        table: its core table; the asset is ``core/<table name>``.
        group: Dagster asset group.
        description: product text for the data team.
        number_column: column of the natural key; None = rows are known by their records only.
        groups: all columns that sources decide.
        sample: columns shown in Dagster's tables, none of them personal; few, because what is
            wider than the page of a laptop is broken into three lines a cell.
        day_column: column by which rows are counted per day in the picture; None = no picture.
        children: dependent rows.
        totals: columns that sum up claims and children.
        links: relations to any number of parents.
        references: columns that refer to one parent.
        roll_ups: columns of this entity that its children decide.
        feeds: columns of parents that rows of this entity decide.
        series: columns that depend on the row's place among others.
        pairing: how records without a common key are found to be one row.
        exclusive: at most one live record per app and row.
        regroups: a record whose changed keys no other record of its row has leaves that row (a
            contact that changes its company); otherwise it takes the row's key along.
        addresses: table of the row's addresses, by the kinds that ``Candidate.addresses`` names
            (``other:2`` is an ``other``); None = its addresses are columns.
        clash: tells by ``Candidate.attrs`` of two records that they never are one row, although
            they bear one natural key.
        bearers: tables whose rows name rows of this entity by the natural key; the keys that a
            row bore once are kept for them.
        kept_by: (table, column) references that keep a row alive without a live record.
        defaults: column -> value where no source says anything.
        rank: order of merging and locking: an entity comes after what it refers to.
    """

    name: str
    table: Table
    group: str
    description: str
    number_column: str | None
    groups: tuple[FieldGroup, ...]
    sample: tuple[str, ...] = ("id",)
    day_column: str | None = None
    children: tuple[Child, ...] = ()
    totals: Totals | None = None
    links: tuple[Link, ...] = ()
    references: tuple[Reference, ...] = ()
    roll_ups: tuple[RollUp, ...] = ()
    feeds: tuple[RollUp, ...] = ()
    series: Series | None = None
    pairing: Pairing | None = None
    exclusive: bool = True
    regroups: bool = False
    addresses: AddressLink | None = None
    clash: Clash | None = None
    bearers: tuple[Bearer, ...] = ()
    kept_by: tuple[tuple[Table, str], ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    rank: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that sources decide, in order."""
        totals = self.totals.columns if self.totals else ()
        return (*(column for group in self.groups for column in group.columns), *totals)
