"""SyncResult: the counts of runs, that they hold, and how they add up."""

import pytest

from schemabase_dagster.engine.result import SyncResult, silent
from tests.factories import at

FIRST = SyncResult(
    read=10, changed=1, unchanged=2, rejected=3, deleted=4, suspected=5, api_calls=6, seconds=7.0,
    estimate_seconds=8, cursor_from=at(1), cursor_to=at(2), rejected_codes={"type": 2, "no_id": 1},
)  # fmt: skip
SECOND = SyncResult(
    read=100, changed=10, unchanged=20, rejected=30, deleted=40, suspected=50, api_calls=60,
    seconds=70.0, partial=True, out_of_quota=True, estimate_seconds=80, cursor_from=at(3),
    cursor_to=at(4),
    rejected_codes={"type": 30},
)  # fmt: skip


def test_two_results_add_up():
    assert SyncResult(
        read=110, changed=11, unchanged=22, rejected=33, deleted=44, suspected=55, api_calls=66,
        seconds=77.0, partial=True, out_of_quota=True, estimate_seconds=88, cursor_from=at(1),
        cursor_to=at(4),
        rejected_codes={"type": 32, "no_id": 1},
    ) == FIRST + SECOND  # fmt: skip


def test_nothing_added_changes_nothing():
    assert FIRST + SyncResult() == FIRST
    assert SyncResult() + FIRST == FIRST
    assert SyncResult() + SyncResult() == SyncResult()


@pytest.mark.parametrize("name", ["read", "changed", "unchanged", "rejected", "deleted"])
def test_a_record_that_is_not_accounted_for_is_a_defect(name: str):
    with pytest.raises(AssertionError, match="accounted for"):
        SyncResult(**{name: 1})  # type: ignore[arg-type]  # a count


def test_counts_are_plain_values():
    assert FIRST.counts() == {
        "read": 10, "changed": 1, "unchanged": 2, "rejected": 3, "deleted": 4, "suspected": 5,
        "api_calls": 6, "seconds": 7.0,
    }  # fmt: skip
    assert SyncResult(seconds=1.23456).counts()["seconds"] == 1.235


def test_nobody_need_watch():
    silent(1, None)
