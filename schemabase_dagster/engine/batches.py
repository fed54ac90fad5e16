"""Batches: pages of a listing, with their details, cut into pieces of one transaction each."""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from schemabase_dagster import database
from schemabase_dagster.engine.incoming import Incoming, Refused, modified_at, prepare, record_id
from schemabase_dagster.engine.land import Known, find_known, find_watched, is_settled
from schemabase_dagster.errors import QuotaExhausted, RecordRejected
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

    def is_due(self, flush_seconds: float = FLUSH_SECONDS) -> bool:
        """Tell whether it is time to commit."""
        return (
            self.size >= BATCH_RECORDS
            or self._bytes > BATCH_BYTES
            or time.monotonic() - self._began > flush_seconds
        )

    def next(self) -> "Batch":
        """Return an empty batch of the same listing."""
        return Batch(listed_at=self.listed_at, newest=self.newest, total=self.total)


def iter_batches(
    client: Client,
    stream: Stream,
    app: App,
    pages: Iterable[Page],
    *,
    flush_seconds: float = FLUSH_SECONDS,
) -> Generator[Batch, None, None]:
    """Cut a listing into batches; the last one, possibly empty, ends the listing.

    When the account's calls of the day run out, what they brought so far is given first. The pages
    are closed with the generator, which whoever stops early must close: left to the garbage
    collector, a reader's thread would be waited for in whatever thread that runs.
    """
    config = stream.system.config.model_validate(app.config) if stream.wanted else None
    cutter = _Cutter(client, stream, app, flush_seconds, config)
    try:
        for page in pages:
            yield from cutter.add(page)
    except QuotaExhausted:
        yield cutter.cut()
        raise
    finally:
        close = getattr(pages, "close", None)
        if close is not None:
            close()
    cutter.batch.ends = True
    yield cutter.batch


@dataclass(slots=True)
class _Cutter:
    """Fills a batch from pages and cuts it when it is due."""

    client: Client
    stream: Stream
    app: App
    flush_seconds: float
    config: Any
    batch: Batch = field(default_factory=Batch)

    def cut(self) -> Batch:
        """Return the batch and begin the next one of the same listing."""
        full, self.batch = self.batch, self.batch.next()
        return full

    def add(self, page: Page) -> Iterator[Batch]:
        """Add a page; give what is due."""
        batch = self.batch
        batch.listed_at = batch.listed_at or page.listed_at
        batch.total = page.total or batch.total
        if self.stream.detail:
            yield from self._add_details(page)
        else:
            for record in page.records:
                batch.add(prepare(self.stream, record, page.listed_at))
        self.batch.position = page.resume
        if page.resume is not None and self.batch.is_due(self.flush_seconds):
            yield self.cut()

    def _add_details(self, page: Page) -> Iterator[Batch]:
        """Fetch the details of the rows that changed.

        The details are what costs: they are committed even in the midst of a page, and skipped by
        their modified time when the page is read again after a kill.
        """
        rows: dict[str, JsonObject] = {}
        for record in page.records:
            try:
                external_id = record_id(self.stream, record)
                self.batch.note(modified_at(self.stream, record))
                rows[external_id] = record
            except RecordRejected:
                self.batch.add(prepare(self.stream, record, page.listed_at))
        settled = self._settled(rows)
        self.batch.known.extend(settled)
        wanted = [external_id for external_id in rows if external_id not in settled]
        for fetched in self.client.iter_details(self.stream, wanted):
            if fetched.record is None:
                self.batch.gone.append(fetched.external_id)
            else:
                self.batch.add(prepare(self.stream, fetched.record, fetched.read_at))
            if self.batch.is_due(self.flush_seconds):
                yield self.cut()

    def _settled(self, rows: Mapping[str, JsonObject]) -> dict[str, None]:
        """Return the ids of rows whose details raw surely holds or never will, in their order."""
        with database.transaction() as conn:
            known = find_known(conn, self.stream, self.app, list(rows))
            watched = find_watched(conn, self.stream, self.app, list(rows))
        return {
            external_id: None
            for external_id, row in rows.items()
            if self._is_settled(row, known.get(external_id), watched.get(external_id))
        }

    def _is_settled(self, row: JsonObject, known: Known | None, watched: list[Any] | None) -> bool:
        watch, wanted = self.stream.watch, self.stream.wanted
        if known is None and wanted is not None and not wanted(row, self.config):
            return True
        if self.stream.modified_field is not None or watch is None:
            if not is_settled(known, modified_at(self.stream, row)):
                return False
        elif known is None or known.is_deleted:
            return False
        if watch is None:
            return True
        is_open = watch.always is not None and watch.always(row)
        return not is_open and [row.get(name) for name in watch.fields] == watched
