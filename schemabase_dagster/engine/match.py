"""Matching: which source records are one canonical row; pure, so that it can be proved.

A record that is linked stays where it is. A new one joins the row that shares its natural key, or
whose other key names it (an ERP order that carries the shop's number as its reference). Records
that arrive in another order join the same row, because a record that finds two rows brings them
together. What would put two live records of one app, or orders of two shops, into one row, or what
a person has split, never joins; it is reported as a conflict. Records that only add to what others
tell never make a row, hold no place in one, and wait while there is none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import UUID

RecordKey: TypeAlias = tuple[UUID, str]
"""(app id, external id) of a source record."""

Facts: TypeAlias = Mapping[str, Any]
"""What ``external_ref.attrs`` holds of a record."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A reference that exists: a source record and the row it belongs to."""

    record: RecordKey
    row_id: UUID
    match_key: str | None
    other_key: str | None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Arriving:
    """A record of the batch, live, as mapped."""

    record: RecordKey
    match_key: str | None
    other_key: str | None
    rank: int
    """Order of ownership of its system: shop before ERP; a better one keeps its row."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What people decided: pairs of records that are, or never are, one row."""

    links: frozenset[frozenset[RecordKey]] = frozenset()
    splits: frozenset[frozenset[RecordKey]] = frozenset()


@dataclass(frozen=True, slots=True)
class Conflict:
    """Input that no rule decides."""

    record: RecordKey
    kind: str
    detail: dict[str, Any]


@dataclass(slots=True)
class Matched:
    """Outcome of matching a batch.

    Attributes:
        rows: record -> row, of every record of the batch.
        made: rows that are new.
        moved: record outside the batch -> its new row.
        left: rows that lost a record to another row.
        merged: rows that were emptied because all their records moved, to the row that took them.
        waiting: records that only add, and found no row.
        conflicts: what a person has to settle.
    """

    rows: dict[RecordKey, UUID] = field(default_factory=dict)
    made: set[UUID] = field(default_factory=set)
    moved: dict[RecordKey, UUID] = field(default_factory=dict)
    left: set[UUID] = field(default_factory=set)
    merged: dict[UUID, UUID] = field(default_factory=dict)
    waiting: set[RecordKey] = field(default_factory=set)
    conflicts: list[Conflict] = field(default_factory=list)

    def touched(self) -> set[UUID]:
        """Return the rows whose records are not the same as before; emptied ones left out."""
        rows = {*self.rows.values(), *self.moved.values(), *self.left}
        return rows - set(self.merged)


@dataclass(slots=True)
class _Row:
    """A canonical row and the records linked to it."""

    id: UUID
    live: dict[RecordKey, Linked] = field(default_factory=dict)
    deleted: dict[RecordKey, Linked] = field(default_factory=dict)


class Matcher:
    """Matches one batch against what is linked already.

    Args:
        linked: references of every row that a key or a record of the batch touches.
        natural: natural key -> row, for rows that may have no reference (contacts of orders).
        decisions: decisions about records of the batch.
        exclusive: at most one live record per app and row.
        regroups: a record whose changed keys no other record of its row has leaves that row;
            otherwise it takes the row's key along.
        clash: of two records' facts, in any order: whether they never are one row.
        facts: record -> facts of it, of all live records, where ``clash`` is given.
        shops: apps of which at most one may know a row: equal numbers of two shops are two orders.
        adding: records, of the batch or linked, that only add to rows of others.
        new_id: makes the id of a new row.
    """

    def __init__(
        self,
        linked: Iterable[Linked],
        natural: dict[str, UUID],
        decisions: Decisions,
        *,
        exclusive: bool,
        regroups: bool = False,
        clash: Callable[[Facts, Facts], bool] | None = None,
        facts: Mapping[RecordKey, Facts] = MappingProxyType({}),
        shops: frozenset[UUID],
        new_id: Callable[[], UUID],
        adding: frozenset[RecordKey] = frozenset(),
    ) -> None:
        self._rows: dict[UUID, _Row] = {}
        self._row_of: dict[RecordKey, UUID] = {}
        self._by_match: dict[str, set[UUID]] = {}
        self._by_other: dict[str, set[UUID]] = {}
        self._natural = natural
        self._links = _partners(decisions.links)
        self._splits = _partners(decisions.splits)
        self._exclusive = exclusive
        self._regroups = regroups
        self._clash = clash
        self._facts = facts
        self._shops = shops
        self._adding = adding
        self._new_id = new_id
        self._out = Matched()
        self._batch: set[RecordKey] = set()
        for row_id in natural.values():
            self._rows.setdefault(row_id, _Row(row_id))
        for link in linked:
            self._attach(link)

    def match(self, arriving: Sequence[Arriving]) -> Matched:
        """Find the row of every record; deterministic in the set of records, not their order."""
        ordered = sorted(
            arriving, key=lambda item: (item.record in self._adding, item.rank, item.record)
        )
        self._batch = {item.record for item in ordered}
        for item in ordered:
            self._match_one(item)
        self._batch -= self._out.waiting
        self._out.rows = {record: self._row_of[record] for record in self._batch}
        self._out.moved = {
            record: row for record, row in self._out.moved.items() if record not in self._batch
        }
        return self._out

    def members(self, row_ids: Iterable[UUID]) -> dict[UUID, list[RecordKey]]:
        """Return the live records of rows."""
        return {
            row_id: sorted(self._rows[row_id].live) if row_id in self._rows else []
            for row_id in row_ids
        }

    def _match_one(self, item: Arriving) -> None:
        current = self._row_of.get(item.record)
        conflict: Conflict | None = None
        if current is not None and self._must_leave(item, self._rows[current]):
            self._out.left.add(current)
            current = None
        elif current is not None and self._is_stranger(item, self._rows[current]):
            self._detach(item.record)
            self._out.left.add(current)
            current = None
        targets, refused = self._targets(item, current)
        if current is None and not targets and item.record in self._adding:
            self._out.waiting.add(item.record)
            return
        if current is None:
            current, conflict = self._place(item, targets, refused)
        elif targets:
            current, conflict = self._move(item, self._rows[current], targets)
        elif refused:
            conflict = Conflict(item.record, "second_id", {"rows": _texts(refused)})
        self._detach(item.record)
        self._attach(Linked(item.record, current, item.match_key, item.other_key))
        if conflict is not None:
            self._out.conflicts.append(conflict)

    def _place(
        self, item: Arriving, targets: list[UUID], refused: list[UUID]
    ) -> tuple[UUID, Conflict | None]:
        """Find a row for a record without one."""
        if not targets:
            row = _Row(self._new_id())
            self._rows[row.id] = row
            self._out.made.add(row.id)
            rows = {"rows": _texts(refused)}
            return row.id, Conflict(item.record, "second_id", rows) if refused else None
        return self._unite(item, targets)

    def _move(self, item: Arriving, row: _Row, targets: list[UUID]) -> tuple[UUID, Conflict | None]:
        """Bring a linked record to where its changed keys point, if nobody else holds its row."""
        if item.record in self._adding:
            return self._add(item, row, targets)
        if set(row.live) <= {item.record}:
            self._detach(item.record)
            self._out.left.add(row.id)
            self._merge(row, targets[0])
            return self._unite(item, targets)
        linked_by_hand = [target for target in targets if self._is_decided(item, target)]
        if linked_by_hand:
            self._out.left.add(row.id)
            return linked_by_hand[0], None
        return row.id, Conflict(item.record, "key_moved", {"rows": _texts([row.id, *targets])})

    def _add(self, item: Arriving, row: _Row, targets: list[UUID]) -> tuple[UUID, Conflict | None]:
        """Bring the rows together that a record's keys name; leave its own if they do not."""
        others = (
            link
            for link in (*row.live.values(), *row.deleted.values())
            if link.record != item.record
        )
        if any(item.match_key in {link.match_key, link.other_key} for link in others):
            return self._unite(item, [row.id, *targets])
        self._out.left.add(row.id)
        return self._unite(item, targets)

    def _unite(self, item: Arriving, targets: list[UUID]) -> tuple[UUID, Conflict | None]:
        """Move all targets' records to the first; those that exclude each other stay, and wait."""
        first, *others = targets
        stuck = [other for other in others if not self._merge(self._rows[other], first)]
        if not stuck:
            return first, None
        return first, Conflict(item.record, "ambiguous", {"rows": _texts([first, *stuck])})

    def _targets(self, item: Arriving, current: UUID | None) -> tuple[list[UUID], list[UUID]]:
        """Return the rows the record may join, best first, and those that hold its place."""
        decided = {
            self._row_of[partner]
            for partner in self._links.get(item.record, ())
            if partner in self._row_of
        }
        found: set[UUID] = set()
        if item.match_key is not None:
            found |= self._by_match.get(item.match_key, set())
            found |= self._by_other.get(item.match_key, set())
            if item.match_key in self._natural and not self._is_outgrown(item.match_key):
                found.add(self._natural[item.match_key])
        if item.other_key is not None:
            found |= self._by_match.get(item.other_key, set())
            found |= self._shared_other(item)
        allowed = sorted(row_id for row_id in decided if row_id != current)
        refused: list[UUID] = []
        for row_id in sorted(found - decided):
            if row_id == current:
                continue
            row = self._rows[row_id]
            if self._is_split(item.record, row):
                continue
            (refused if self._is_taken(item.record, row) else allowed).append(row_id)
        allowed.sort(key=lambda row_id: (row_id not in decided, not self._rows[row_id].live))
        return allowed, refused

    def _shared_other(self, item: Arriving) -> set[UUID]:
        """Return rows whose other key is the same, where one of the two is a shop's or only adds.

        A shop's other key is its own number beside an external reference, and what only adds is
        there to name rows; two references typed in two ERPs may be equal by chance. Where an app's
        records share rows, the other key is what they share, and nothing that is typed.
        """
        rows = self._by_other.get(item.other_key or "", set())
        is_certain = item.record[0] in self._shops or item.record in self._adding
        if is_certain or not self._exclusive:
            return rows
        return {
            row_id
            for row_id in rows
            if any(
                (record[0] in self._shops or record in self._adding)
                and link.other_key == item.other_key
                for record, link in self._rows[row_id].live.items()
            )
        }

    def _is_taken(self, record: RecordKey, row: _Row) -> bool:
        if self._clash is not None and any(
            self._clash(self._facts[record], self._facts[other])
            for other in row.live
            if other != record
        ):
            return True
        if not self._exclusive or record in self._adding:
            return False
        return any(
            other != record
            and other not in self._adding
            and (other[0] == record[0] or (other[0] in self._shops and record[0] in self._shops))
            for other in row.live
        )

    def _is_split(self, record: RecordKey, row: _Row) -> bool:
        partners = self._splits.get(record, set())
        return any(other in partners for other in row.live)

    def _is_decided(self, item: Arriving, row_id: UUID) -> bool:
        partners = self._links.get(item.record, set())
        return any(other in partners for other in self._rows[row_id].live)

    def _must_leave(self, item: Arriving, row: _Row) -> bool:
        """Tell whether a person split the record from one that keeps the row.

        The shop's record keeps it; between equals the one with the smaller id does.
        """
        partners = self._splits.get(item.record, set())
        rivals = [other for other in row.live if other in partners]
        if not rivals or item.rank == 0:
            return False
        return any(rival[0] in self._shops or rival < item.record for rival in rivals)

    def _is_stranger(self, item: Arriving, row: _Row) -> bool:
        """Tell whether a linked record's changed keys are none of the others' in its row."""
        old = row.live.get(item.record)
        if not self._regroups or old is None or len(row.live) == 1:
            return False
        changed = (old.match_key, old.other_key) != (item.match_key, item.other_key)
        return changed and not any(
            item.match_key == link.match_key
            or (item.other_key is not None and item.other_key == link.other_key)
            for record, link in row.live.items()
            if record != item.record
        )

    def _is_outgrown(self, key: str) -> bool:
        """Tell whether a row bears a natural key still that none of its records has any more."""
        live = self._rows[self._natural[key]].live.values()
        return self._regroups and bool(live) and all(link.match_key != key for link in live)

    def _merge(self, row: _Row, into: UUID) -> bool:
        """Move all records of a row to another one; false when two of them exclude each other."""
        target = self._rows[into]
        for record in row.live:
            if self._is_taken(record, target) or self._is_split(record, target):
                return False
        for link in [*row.live.values(), *row.deleted.values()]:
            self._detach(link.record)
            self._attach(Linked(link.record, into, link.match_key, link.other_key, link.is_deleted))
            self._out.moved[link.record] = into
        self._out.merged[row.id] = into
        return True

    def _attach(self, link: Linked) -> None:
        row = self._rows.setdefault(link.row_id, _Row(link.row_id))
        (row.deleted if link.is_deleted else row.live)[link.record] = link
        self._row_of[link.record] = link.row_id
        if link.match_key is not None:
            self._by_match.setdefault(link.match_key, set()).add(link.row_id)
        if link.other_key is not None:
            self._by_other.setdefault(link.other_key, set()).add(link.row_id)

    def _detach(self, record: RecordKey) -> None:
        row_id = self._row_of.pop(record, None)
        if row_id is None:
            return
        row = self._rows[row_id]
        link = row.live.pop(record, None) or row.deleted.pop(record, None)
        if link is None:
            return
        rest = [*row.live.values(), *row.deleted.values()]
        if link.match_key is not None and all(o.match_key != link.match_key for o in rest):
            self._by_match.get(link.match_key, set()).discard(row_id)
        if link.other_key is not None and all(o.other_key != link.other_key for o in rest):
            self._by_other.get(link.other_key, set()).discard(row_id)


def _partners(pairs: Iterable[frozenset[RecordKey]]) -> dict[RecordKey, set[RecordKey]]:
    partners: dict[RecordKey, set[RecordKey]] = {}
    for pair in pairs:
        for record in pair:
            partners.setdefault(record, set()).update(pair - {record})
    return partners


def _texts(ids: Iterable[UUID]) -> list[str]:
    return [str(row_id) for row_id in ids]
