"""Batches: pages of a listing, with their details, cut into pieces of one transaction each."""

import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from schemabase_dagster import database
from schemabase_dagster.engine.incoming import Incoming, Refused, modified_at, prepare, record_id
from schemabase_dagster.engine.land import find_known, is_settled
from schemabase_dagster.errors import RecordRejected
from schemabase_dagster.streams import Client, JsonObject, Page, Stream
from schemabase_dagster.tenancy import App

BATCH_RECORDS: Final = 2000
BATCH_BYTES: Final = 16_000_000
FLUSH_SECONDS: Final = 5.0
"""A slow source is committed after so long, so that a killed run loses few calls."""


@dataclass(slots=True)
class Batch:
    """Records of one transaction.

    Attributes:
        records: what is to be landed.
        known: list rows whose details are known to be unchanged.
        gone: ids that vanished between the listing and the fetch.
        position: where the listing goes on when all of this is landed; None = in the midst of a
            page, the position before stays.
        ends: this batch ends the listing.
        listed_at: the server's clock at the first page of the listing.
        newest: newest modified time of the listing so far.
        total: records of the whole listing, where the source says so.
    """

    records: list[Incoming | Refused] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    position: JsonObject | None = None
    ends: bool = False
    listed_at: datetime | None = None
    newest: datetime | None = None
    total: int | None = None
    _bytes: int = 0
    _began: float = field(default_factory=time.monotonic)

    @property
    def size(self) -> int:
        """Number of records accounted for."""
        return len(self.records) + len(self.known) + len(self.gone)

    def ids(self) -> list[str]:
        """Return the ids that the listing showed, those of refused records too."""
        landed = {item.external_id for item in self.records if item.external_id is not None}
        return sorted(landed.union(self.known))

    def add(self, item: Incoming | Refused) -> None:
        """Add one record."""
        self.records.append(item)
        self._bytes += len(item.payload)
        if isinstance(item, Incoming):
            self.note(item.source_updated_at)

    def note(self, modified: datetime | None) -> None:
        """Remember the newest modified time."""
        if modified is not None and (self.newest is None or modified > self.newest):
            self.newest = modified

    def is_due(self) -> bool:
        """Tell whether it is time to commit."""
        return (
            self.size >= BATCH_RECORDS
            or self._bytes > BATCH_BYTES
            or time.monotonic() - self._began > FLUSH_SECONDS
        )

    def next(self) -> "Batch":
        """Return an empty batch of the same listing."""
        return Batch(listed_at=self.listed_at, newest=self.newest, total=self.total)


def iter_batches(
    client: Client, stream: Stream, app: App, pages: Iterable[Page]
) -> Iterator[Batch]:
    """Cut a listing into batches; the last one, possibly empty, ends the listing."""
    batch = Batch()
    for page in pages:
        batch.listed_at = batch.listed_at or page.listed_at
        batch.total = page.total or batch.total
        if stream.detail:
            batch = yield from _add_details(client, stream, app, page, batch)
        else:
            for record in page.records:
                batch.add(prepare(stream, record, page.listed_at))
        batch.position = page.resume
        if page.resume is not None and batch.is_due():
            yield batch
            batch = batch.next()
    batch.ends = True
    yield batch


def _add_details(
    client: Client, stream: Stream, app: App, page: Page, batch: Batch
) -> Generator[Batch, None, Batch]:
    """Fetch the details of the rows that changed; return the batch that is being filled.

    The details are what costs: they are committed even in the midst of a page, and skipped by
    their modified time when the page is read again after a kill.
    """
    rows: dict[str, datetime | None] = {}
    for record in page.records:
        try:
            rows[record_id(stream, record)] = modified_at(stream, record)
        except RecordRejected:
            batch.add(prepare(stream, record, page.listed_at))
    with database.transaction() as conn:
        known = find_known(conn, stream, app, list(rows))
    wanted = []
    for external_id, modified in rows.items():
        batch.note(modified)
        if is_settled(known.get(external_id), modified):
            batch.known.append(external_id)
        else:
            wanted.append(external_id)
    for fetched in client.iter_details(stream, wanted):
        if fetched.record is None:
            batch.gone.append(fetched.external_id)
        else:
            batch.add(prepare(stream, fetched.record, fetched.read_at))
        if batch.is_due():
            yield batch
            batch = batch.next()
    return batch
