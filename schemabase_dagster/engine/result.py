"""SyncResult: what a sync did, the one source of counts for metadata, checks, status and tests."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class SyncResult:
    """Counts of one sync; ``read = changed + unchanged + rejected + deleted`` always holds.

    Attributes:
        read: records taken from the source (raw) or from the queue (core).
        changed: records whose row was written.
        unchanged: records that changed nothing, repeated and stale ones included.
        rejected: records set aside.
        deleted: records proved gone.
        suspected: records that a full listing did not show and that still wait for proof.
        api_calls: calls made, token requests included.
        seconds: wall-clock time.
        partial: the work is not finished; the next run goes on.
        out_of_quota: it is not, because the account's calls of the day are used up.
        unasked: ids that were to be asked for and wait for the next run.
        estimate_seconds: estimated rest of an unfinished back-fill.
        cursor_from: watermark before.
        cursor_to: watermark after.
        rejected_codes: code -> count of the rejected records.
    """

    read: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    deleted: int = 0
    suspected: int = 0
    api_calls: int = 0
    seconds: float = 0.0
    partial: bool = False
    out_of_quota: bool = False
    unasked: int = 0
    estimate_seconds: int | None = None
    cursor_from: datetime | None = None
    cursor_to: datetime | None = None
    rejected_codes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        accounted = self.changed + self.unchanged + self.rejected + self.deleted
        if self.read != accounted:
            raise AssertionError(f"{self.read} records read, {accounted} accounted for")

    def __add__(self, other: "SyncResult") -> "SyncResult":
        """Add up two results of one run, for instance of two apps of a tenant."""
        codes = dict(self.rejected_codes)
        for code, count in other.rejected_codes.items():
            codes[code] = codes.get(code, 0) + count
        return replace(
            self,
            read=self.read + other.read,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            rejected=self.rejected + other.rejected,
            deleted=self.deleted + other.deleted,
            suspected=self.suspected + other.suspected,
            api_calls=self.api_calls + other.api_calls,
            seconds=self.seconds + other.seconds,
            partial=self.partial or other.partial,
            out_of_quota=self.out_of_quota or other.out_of_quota,
            unasked=self.unasked + other.unasked,
            estimate_seconds=_sum_known(self.estimate_seconds, other.estimate_seconds),
            cursor_from=self.cursor_from or other.cursor_from,
            cursor_to=other.cursor_to or self.cursor_to,
            rejected_codes=codes,
        )

    def counts(self) -> dict[str, Any]:
        """Return the counts as plain values, for metadata and ``sync_run``."""
        return {
            "read": self.read,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
            "deleted": self.deleted,
            "suspected": self.suspected,
            "api_calls": self.api_calls,
            "seconds": round(self.seconds, 3),
        }


Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with (records done, records in total if known) after every committed batch."""


def silent(_done: int, _total: int | None) -> None:
    """Ignore progress."""


def _sum_known(left: int | None, right: int | None) -> int | None:
    return None if left is None and right is None else (left or 0) + (right or 0)
