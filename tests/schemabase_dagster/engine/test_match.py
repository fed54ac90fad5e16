"""Matching as a pure function: who joins whose row, what never joins, in whatever order."""

import dataclasses
from collections.abc import Iterable, Sequence
from itertools import count, permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemabase_dagster.engine.match import (
    Arriving,
    Decisions,
    Linked,
    Matched,
    Matcher,
    RecordKey,
)

SHOP, SHOP2, ERP, ERP2 = (UUID(int=number) for number in (1, 2, 3, 4))
SHOPS = frozenset({SHOP, SHOP2})


class World:
    """References as the database keeps them between batches."""

    def __init__(
        self,
        *,
        exclusive: bool = True,
        regroups: bool = False,
        natural: dict[str, UUID] | None = None,
    ) -> None:
        self.refs: dict[RecordKey, Linked] = {}
        self.exclusive = exclusive
        self.regroups = regroups
        self.natural = natural or {}
        self.links: set[frozenset[RecordKey]] = set()
        self.splits: set[frozenset[RecordKey]] = set()
        self.adding: set[RecordKey] = set()
        self._ids = (UUID(int=1000 + number) for number in count())

    def matcher(self) -> Matcher:
        return Matcher(
            self.refs.values(),
            self.natural,
            Decisions(frozenset(self.links), frozenset(self.splits)),
            exclusive=self.exclusive,
            regroups=self.regroups,
            shops=SHOPS,
            new_id=lambda: next(self._ids),
            adding=frozenset(self.adding),
        )

    def arrive(self, *batch: Arriving) -> Matched:
        """Match a batch and keep what came out."""
        out = self.matcher().match(batch)
        for item in batch:
            if item.record in out.waiting:
                continue
            row = out.rows[item.record]
            self.refs[item.record] = Linked(item.record, row, item.match_key, item.other_key)
        for record, row in out.moved.items():
            self.refs[record] = dataclasses.replace(self.refs[record], row_id=row)
        return out

    def delete(self, record: RecordKey) -> None:
        self.refs[record] = dataclasses.replace(self.refs[record], is_deleted=True)

    def row(self, record: RecordKey) -> UUID:
        return self.refs[record].row_id

    def groups(self) -> set[frozenset[RecordKey]]:
        """Return which records are together."""
        rows: dict[UUID, set[RecordKey]] = {}
        for record, link in self.refs.items():
            if not link.is_deleted:
                rows.setdefault(link.row_id, set()).add(record)
        return {frozenset(records) for records in rows.values()}


def shop(number: str, match: str | None, other: str | None = None, app: UUID = SHOP) -> Arriving:
    return Arriving((app, number), match, other, 0)


def erp(number: str, match: str | None, other: str | None = None, app: UUID = ERP) -> Arriving:
    return Arriving((app, number), match, other, 2)


def kinds(out: Matched) -> list[tuple[RecordKey, str]]:
    return [(conflict.record, conflict.kind) for conflict in out.conflicts]


TOGETHER = [
    pytest.param([shop("1", "S-1"), erp("9", "S-1")], id="one number"),
    pytest.param([shop("1", "S-1"), erp("9", "SO-9", "S-1")], id="number in the reference"),
    pytest.param([shop("1", "EXT", "S-1"), erp("9", "S-1")], id="the shop's own number"),
    pytest.param([shop("1", "EXT", "S-1"), erp("9", "SO-9", "S-1")], id="both name the own number"),
    pytest.param([shop("1", "EXT", "S-1"), erp("9", "EXT")], id="external reference"),
    pytest.param(
        [shop("1", "S-1"), erp("8", "S-1"), erp("9", "SO-9", "S-1", app=ERP2)], id="two erps"
    ),
]
APART = [
    pytest.param([shop("1", "S-1"), erp("9", "S-2")], id="other numbers"),
    pytest.param([shop("1", None), erp("9", None)], id="no number"),
    pytest.param([shop("1", "S-1"), shop("2", "S-1")], id="one number twice in a shop"),
    pytest.param([shop("1", "S-1"), shop("1", "S-1", app=SHOP2)], id="one number in two shops"),
    pytest.param([erp("8", "SO-8", "PO-1"), erp("9", "SO-9", "PO-1", app=ERP2)],
                 id="one reference typed in two erps"),
]  # fmt: skip


@pytest.mark.parametrize("records", TOGETHER)
@pytest.mark.parametrize("step", [1, -1], ids=["as is", "reversed"])
@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "one by one"])
def test_records_of_one_order_share_a_row(records: list[Arriving], step: int, at_once: bool):
    world, arrivals = World(), records[::step]

    outs = [world.arrive(*arrivals)] if at_once else [world.arrive(item) for item in arrivals]

    assert world.groups() == {frozenset(item.record for item in records)}
    assert [kinds(out) for out in outs] == [[]] * len(outs)


@pytest.mark.parametrize("records", APART)
@pytest.mark.parametrize("step", [1, -1], ids=["as is", "reversed"])
@pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "one by one"])
def test_records_of_two_orders_never_share_a_row(records: list[Arriving], step: int, at_once: bool):
    world, arrivals = World(), records[::step]

    if at_once:
        world.arrive(*arrivals)
    for item in arrivals:
        world.arrive(item)

    assert world.groups() == {frozenset({item.record}) for item in records}


def test_a_second_record_of_an_app_under_one_number_is_told():
    world = World()
    world.arrive(shop("1", "S-1"))

    out = world.arrive(shop("2", "S-1"))

    assert kinds(out) == [((SHOP, "2"), "second_id")]
    assert out.conflicts[0].detail == {"rows": [str(world.row((SHOP, "1")))]}


def test_a_second_record_is_told_again_while_it_lasts_and_settled_when_it_is_over():
    world = World()
    world.arrive(shop("1", "S-1"))
    world.arrive(shop("2", "S-1"))

    again = world.arrive(shop("2", "S-1"))
    over = world.arrive(shop("2", "S-2"))

    assert kinds(again) == [((SHOP, "2"), "second_id")]
    assert kinds(over) == []


def test_records_that_do_not_exclude_each_other_share_a_row():
    world = World(exclusive=False)

    world.arrive(erp("1", "jana@example.com"))
    out = world.arrive(erp("2", "jana@example.com"))

    assert (len(world.groups()), kinds(out)) == (1, [])


def test_what_only_adds_waits_for_a_row_and_takes_no_place_in_it():
    world = World()
    world.adding = {(ERP, "8"), (ERP, "9")}

    early = world.arrive(erp("8", "S-1"))
    world.arrive(shop("1", "S-1"), erp("7", "S-1"))
    outs = [world.arrive(erp("8", "S-1")), world.arrive(erp("9", "S-1"))]

    assert (early.waiting, early.rows) == ({(ERP, "8")}, {})
    assert world.groups() == {frozenset({(SHOP, "1"), (ERP, "7"), (ERP, "8"), (ERP, "9")})}
    assert [kinds(out) for out in outs] == [[], []]


@pytest.mark.parametrize("arrival", list(permutations(range(3))))
def test_what_only_adds_brings_the_rows_together_that_its_keys_name(arrival: tuple[int, ...]):
    world, label = World(), erp("9", "LF-1", "tracking:A")
    world.adding = {label.record}
    note, parcel = erp("1", "LF-1"), erp("5", "PKG-5", "tracking:A", app=ERP2)

    for place in arrival:
        waited = label.record not in world.refs
        world.arrive((note, parcel, label)[place])
        if waited and arrival.index(2) < arrival.index(place):
            world.arrive(label)  # the queue brings it again when its row has come

    assert world.groups() == {frozenset({(ERP, "1"), (ERP2, "5"), label.record})}


def test_a_key_that_it_learns_later_brings_rows_together_too():
    world = World()
    world.adding = {(ERP, "9")}
    world.arrive(erp("1", "LF-1"), erp("9", "LF-1"), erp("5", "P", "tracking:A", app=ERP2))

    out = world.arrive(erp("9", "LF-1", "tracking:A"))

    assert len(world.groups()) == 1
    assert kinds(out) == []


def test_what_only_adds_tells_when_the_rows_it_names_exclude_each_other():
    world = World()
    world.adding = {(ERP, "9")}
    world.arrive(shop("1", "S-1"), shop("2", "S-2"))

    out = world.arrive(erp("9", "S-1", "S-2"))

    assert kinds(out) == [((ERP, "9"), "ambiguous")]
    assert len(world.groups()) == 2


def test_a_record_joins_a_row_that_has_no_reference_yet():
    row = UUID(int=77)
    world = World(exclusive=False, natural={"jana@example.com": row})

    world.arrive(erp("1", "jana@example.com"))

    assert world.row((ERP, "1")) == row


def test_a_record_stays_in_its_row_when_nothing_else_bears_its_new_number():
    world = World()
    world.arrive(shop("1", "S-1"), erp("9", "S-1"))
    row = world.row((SHOP, "1"))

    out = world.arrive(erp("9", "EDITED"))

    assert world.row((ERP, "9")) == row
    assert kinds(out) == []


def test_a_lone_record_follows_its_number_and_leaves_its_row():
    world = World()
    world.arrive(shop("1", "S-1"))
    world.arrive(erp("9", "SO-9"))
    old = world.row((ERP, "9"))

    out = world.arrive(erp("9", "SO-9", "S-1"))

    assert world.row((ERP, "9")) == world.row((SHOP, "1"))
    assert out.left == {old}
    assert out.merged == {old: world.row((SHOP, "1"))}
    assert out.touched() == {world.row((SHOP, "1"))}


def test_a_record_whose_row_others_share_does_not_follow_its_number():
    world = World()
    world.arrive(shop("1", "S-1"), erp("9", "S-1"))
    world.arrive(erp("7", "SO-7", app=ERP2))
    row = world.row((SHOP, "1"))

    out = world.arrive(erp("9", "SO-7"))

    assert world.row((ERP, "9")) == row
    assert kinds(out) == [((ERP, "9"), "key_moved")]
    assert out.conflicts[0].detail == {"rows": [str(row), str(world.row((ERP2, "7")))]}


def test_a_record_that_finds_two_rows_brings_them_together():
    world = World()
    world.arrive(shop("1", "S-1"), erp("9", "SO-9", app=ERP2))
    shop_row, erp_row = world.row((SHOP, "1")), world.row((ERP2, "9"))

    out = world.arrive(erp("8", "SO-9", "S-1"))

    assert len(world.groups()) == 1
    gone, kept = next(iter(out.merged.items()))
    assert {gone, kept} == {shop_row, erp_row}
    assert kinds(out) == []


def test_a_record_that_finds_two_rows_that_exclude_each_other_is_told():
    world = World()
    world.arrive(shop("1", "S-1"), shop("2", "S-2"))

    out = world.arrive(erp("9", "S-1", "S-2"))

    assert kinds(out) == [((ERP, "9"), "ambiguous")]
    assert set(out.conflicts[0].detail["rows"]) == {
        str(world.row((SHOP, "1"))), str(world.row((SHOP, "2")))
    }  # fmt: skip
    assert len(world.groups()) == 2


def test_a_deleted_record_holds_no_place():
    world = World()
    world.arrive(shop("1", "S-1"))
    row = world.row((SHOP, "1"))
    world.delete((SHOP, "1"))

    out = world.arrive(shop("2", "S-1"))

    assert world.row((SHOP, "2")) == row
    assert kinds(out) == []


def test_a_deleted_record_that_comes_back_finds_its_row():
    world = World()
    world.arrive(shop("1", "S-1"), erp("9", "S-1"))
    row = world.row((ERP, "9"))
    world.delete((ERP, "9"))

    world.arrive(erp("9", "S-1"))

    assert world.row((ERP, "9")) == row


def test_a_deleted_record_that_comes_back_with_another_number_leaves_its_old_row():
    world = World()
    world.arrive(shop("1", "S-1"), erp("9", "S-1"))
    world.arrive(shop("2", "S-2"))
    world.delete((ERP, "9"))

    # A linked record stays where it is while others hold the row: told, not moved.
    told = world.arrive(erp("9", "S-2"))
    world.delete((SHOP, "1"))
    moved = world.arrive(erp("9", "S-2"))

    assert kinds(told) == [((ERP, "9"), "key_moved")]
    assert kinds(moved) == []
    assert world.row((ERP, "9")) == world.row((SHOP, "2"))
    assert world.row((SHOP, "1")) == world.row((SHOP, "2")), "the emptied row goes along"


def test_a_number_that_was_given_up_joins_nobody():
    world = World()
    world.arrive(shop("1", "S-1"))
    world.arrive(shop("1", "S-2"))

    world.arrive(erp("9", "S-1"))
    world.arrive(erp("8", "SO-8", "S-1", app=ERP2))

    assert frozenset({(SHOP, "1")}) in world.groups()


def test_a_reference_that_was_given_up_joins_nobody():
    world = World()
    world.arrive(shop("1", "EXT", "S-1"))
    world.arrive(shop("1", "EXT", "S-2"))

    world.arrive(erp("9", "S-1"))

    assert frozenset({(SHOP, "1")}) in world.groups()


def test_a_split_parts_what_a_number_would_join_and_the_shop_keeps_the_row():
    world = World()
    world.arrive(shop("1", "S-1"), erp("9", "S-1"))
    row = world.row((SHOP, "1"))
    world.splits.add(frozenset({(SHOP, "1"), (ERP, "9")}))

    out = world.arrive(shop("1", "S-1"), erp("9", "S-1"))
    again = world.arrive(erp("9", "S-1"), shop("1", "S-1"))

    assert world.row((SHOP, "1")) == row != world.row((ERP, "9"))
    assert out.left == {row}
    assert (kinds(out), kinds(again)) == ([], [])


def test_of_two_equals_that_are_split_the_smaller_id_keeps_the_row():
    world = World(exclusive=False)
    world.arrive(erp("1", "k"), erp("2", "k"))
    row = world.row((ERP, "1"))
    world.splits.add(frozenset({(ERP, "1"), (ERP, "2")}))

    world.arrive(erp("2", "k"), erp("1", "k"))

    assert world.row((ERP, "1")) == row != world.row((ERP, "2"))


def test_a_split_record_takes_no_others_along():
    world = World()
    world.arrive(shop("1", "S-1"), erp("9", "S-1"), erp("8", "S-1", app=ERP2))
    world.splits.add(frozenset({(SHOP, "1"), (ERP, "9")}))

    world.arrive(erp("9", "S-1"))

    assert frozenset({(SHOP, "1"), (ERP2, "8")}) in world.groups()


def test_a_link_joins_what_no_number_joins():
    world = World()
    world.arrive(shop("1", "S-1"))
    world.arrive(erp("9", "SO-9"))
    row = world.row((SHOP, "1"))
    world.links.add(frozenset({(SHOP, "1"), (ERP, "9")}))

    out = world.arrive(erp("9", "SO-9"))

    assert world.row((ERP, "9")) == world.row((SHOP, "1"))
    assert row in {world.row((SHOP, "1")), *out.merged}
    assert kinds(out) == []


def test_a_link_goes_before_a_number():
    world = World()
    world.arrive(shop("1", "S-1"), shop("2", "S-2"))
    world.links.add(frozenset({(SHOP, "2"), (ERP, "9")}))

    world.arrive(erp("9", "S-1"))

    assert world.row((ERP, "9")) == world.row((SHOP, "2"))


def test_a_link_takes_a_record_out_of_a_shared_row():
    world = World()
    world.arrive(shop("1", "S-1"), erp("9", "S-1"))
    world.arrive(shop("2", "S-2"))
    world.links.add(frozenset({(SHOP, "2"), (ERP, "9")}))

    out = world.arrive(erp("9", "S-1"))

    assert world.groups() == {frozenset({(SHOP, "1")}), frozenset({(SHOP, "2"), (ERP, "9")})}
    assert kinds(out) == []


def test_the_shop_keeps_its_row_when_rows_come_together():
    world = World()
    world.arrive(erp("9", "SO-9", "S-1"))

    world.arrive(shop("1", "S-1"))

    assert len(world.groups()) == 1


def test_members_are_the_live_records_of_known_rows():
    world = World()
    world.arrive(shop("1", "S-1"), erp("9", "S-1"))
    world.delete((ERP, "9"))
    row, unknown = world.row((SHOP, "1")), UUID(int=5)

    assert world.matcher().members([row, unknown]) == {row: [(SHOP, "1")], unknown: []}


def orders(draw: Any) -> list[Arriving]:
    """Draw real orders, each known to one or both systems under unmistakable numbers."""
    records: list[Arriving] = []
    for number in range(draw(st.integers(1, 4))):
        own, typed = f"S-{number}", f"SO-{number}"
        external = draw(st.booleans())
        if draw(st.booleans()):
            match, other = (f"EXT-{number}", own) if external else (own, None)
            records.append(shop(f"s{number}", match, other))
        if draw(st.booleans()) or not records:
            records.append(erp(f"e{number}", *draw(st.sampled_from([(own, None), (typed, own)]))))
    return records


@st.composite
def arrivals(draw: Any) -> tuple[list[Arriving], list[list[Arriving]]]:
    """Draw orders and the batches in which they arrive."""
    records = orders(draw)
    shuffled, batches = draw(st.permutations(records)), []
    while shuffled:
        size = draw(st.integers(1, len(shuffled)))
        batches.append(shuffled[:size])
        shuffled = shuffled[size:]
    return records, batches


@given(arrivals())
def test_any_order_of_arrival_gives_the_same_rows(
    drawn: tuple[list[Arriving], list[list[Arriving]]],
):
    records, batches = drawn
    real: dict[str, set[RecordKey]] = {}
    for item in records:
        real.setdefault(item.record[1][1:], set()).add(item.record)

    world = World()
    outs = [world.arrive(*batch) for batch in batches]

    assert world.groups() == {frozenset(found) for found in real.values()}
    assert [conflict for out in outs for conflict in out.conflicts] == []


KEYS = st.sampled_from([None, "K1", "K2", "K3"])
ANY_RECORD = st.builds(
    lambda app, number, match, other: Arriving(
        (app, number), match, other, 0 if app in SHOPS else 2
    ),
    st.sampled_from([SHOP, SHOP2, ERP, ERP2]),
    st.sampled_from(["1", "2"]),
    KEYS,
    KEYS,
)
BATCH = st.lists(ANY_RECORD, min_size=1, max_size=4, unique_by=lambda item: item.record)
PAIR = st.tuples(
    st.tuples(st.sampled_from([SHOP, ERP]), st.sampled_from(["1", "2"])),
    st.tuples(st.sampled_from([SHOP2, ERP2]), st.sampled_from(["1", "2"])),
).map(frozenset)


@settings(max_examples=150)
@given(st.lists(BATCH, min_size=1, max_size=4), st.sets(PAIR, max_size=2))
def test_whatever_comes_no_row_holds_what_must_be_apart(
    batches: list[list[Arriving]], splits: set[frozenset[RecordKey]]
):
    world = World()
    world.splits |= splits

    for batch in batches:
        out = world.arrive(*batch)
        assert set(out.rows) == {item.record for item in batch}
        assert {conflict.record for conflict in out.conflicts} <= set(out.rows)
        assert set(out.merged).isdisjoint(world.row(record) for record in world.refs)

    for group in world.groups():
        apps = [app for app, _ in group]
        assert len(set(apps)) == len(apps)
        assert len(SHOPS.intersection(apps)) <= 1
    assert not any(split <= group for split in splits for group in world.groups())


@pytest.mark.parametrize(
    ("changed", "leaves"),
    [
        pytest.param(erp("9", "C-2", "V-9"), True, id="another name and number"),
        pytest.param(erp("9", "C-2", "V-1"), False, id="another name only"),
        pytest.param(erp("9", "C-1", "V-9"), False, id="another number only"),
        pytest.param(erp("9", "C-1", None), False, id="no number any more"),
    ],
)
def test_a_record_leaves_a_row_that_regroups_when_it_shares_nothing_any_more(
    changed: Arriving, leaves: bool
):
    world = World(exclusive=False, regroups=True)
    world.arrive(erp("8", "C-1", "V-1"), erp("9", "C-1", "V-1"))

    out = world.arrive(changed)

    assert (world.row((ERP, "9")) != world.row((ERP, "8"))) is leaves
    assert bool(out.made) is leaves


def test_the_name_of_a_row_that_its_records_have_outgrown_is_free():
    natural = {"C-1": UUID(int=1000)}
    world = World(exclusive=False, regroups=True)
    world.arrive(erp("8", "C-1", "V-1"), erp("9", "C-2", "V-1"))
    world.natural = natural

    world.arrive(erp("8", "C-1", None))

    assert world.groups() == {frozenset({(ERP, "8")}), frozenset({(ERP, "9")})}


def test_a_record_that_did_not_change_stays_with_the_others_of_its_row():
    world = World(exclusive=False, regroups=True)
    world.arrive(erp("8", "C-1", "V-1"), erp("7", "C-2", "V-1"), erp("9", "C-2"))
    world.arrive(erp("7", "C-2"))
    before = world.groups()

    world.arrive(erp("8", "C-1", "V-1"), erp("7", "C-2"), erp("9", "C-2"))

    assert world.groups() == before == {frozenset((ERP, number) for number in "789")}


@settings(max_examples=50)
@given(
    st.lists(BATCH, max_size=2), BATCH.flatmap(lambda b: st.tuples(st.just(b), st.permutations(b)))
)
def test_the_order_within_a_batch_decides_nothing(
    before: list[list[Arriving]], orders_: tuple[Sequence[Arriving], Sequence[Arriving]]
):
    results = []
    for batch in orders_:
        world = World()
        for earlier in before:
            world.arrive(*earlier)
        results.append((world.arrive(*batch), world.groups()))

    assert results[0] == results[1]


@settings(max_examples=50)
@given(st.lists(BATCH, min_size=1, max_size=3))
def test_repeating_everything_ends_in_a_state_that_stays(batches: list[list[Arriving]]):
    world = World()
    for batch in batches:
        world.arrive(*batch)
    latest = _latest(batches)
    for _ in range(3):
        world.arrive(*latest)
    before = dict(world.refs)

    out = world.arrive(*latest)

    assert world.refs == before
    assert (out.left, out.merged, out.moved) == (set(), {}, {})


def _latest(batches: Iterable[Iterable[Arriving]]) -> list[Arriving]:
    return list({item.record: item for batch in batches for item in batch}.values())
