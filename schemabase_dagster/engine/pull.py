"""Pull a stream: what changed since the watermark, or everything in pieces that survive a kill."""

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from psycopg import Connection

from schemabase_dagster import database
from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine import state, sweep
from schemabase_dagster.engine.asked import find_due, note_answers
from schemabase_dagster.engine.batches import FLUSH_SECONDS, Batch, iter_batches
from schemabase_dagster.engine.behind import Behind
from schemabase_dagster.engine.incoming import Incoming, Refused, prepare
from schemabase_dagster.engine.interpreter import busy_interpreter
from schemabase_dagster.engine.land import Landed, land, mark_deleted
from schemabase_dagster.engine.parts import sync_parts
from schemabase_dagster.engine.redeliver import redeliver
from schemabase_dagster.engine.result import Progress, SyncResult, silent
from schemabase_dagster.engine.retry import retry_refused
from schemabase_dagster.engine.state import Scan, SyncState
from schemabase_dagster.engine.undated import find_undated
from schemabase_dagster.errors import QuotaExhausted, SchemabaseError
from schemabase_dagster.streams import Client, Fetched, JsonObject, Stream
from schemabase_dagster.tenancy import App


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a pull works at a stretch.

    Attributes:
        budget_seconds: the whole listings of a run work about so long, then end as partial; with
            the merge after them that makes about ten minutes.
        head_seconds: how often a whole listing looks for new records.
        flush_seconds: a slow source is committed after so long.
    """

    budget_seconds: float = 540.0
    head_seconds: float = 120.0
    flush_seconds: float = FLUSH_SECONDS

    def after(self, seconds: float) -> "Pace":
        """Return what is left of the budget when the run has worked for a while.

        Otherwise the last stream of a run would keep news of the first waiting for its own budget.
        """
        return replace(self, budget_seconds=self.budget_seconds - seconds)

    def faster(self, scale: float) -> "Pace":
        """Return the pace of a clock that is so many times as fast."""
        return Pace(
            self.budget_seconds / scale, self.head_seconds / scale, self.flush_seconds / scale
        )


@dataclass(frozen=True, slots=True)
class PullOptions:
    """How a stream is pulled.

    Attributes:
        full: list everything and find what vanished, instead of what changed.
        run_id: Dagster run, kept on rows and in ``sync_run``.
        trigger: webhook, schedule, full or manual.
        pace: how long it works at a stretch.
        confirm_deletes: a person has looked at a wave of suspects: prove and delete them.
        progress: called after every batch.
        publish: called now and then during a long listing: what landed may be merged.
    """

    full: bool = False
    run_id: str | None = None
    trigger: str = "manual"
    pace: Pace = field(default_factory=Pace)
    confirm_deletes: bool = False
    progress: Progress = silent
    publish: Callable[[], None] = field(default=lambda: None)


def sync_stream(client: Client, stream: Stream, app: App, options: PullOptions) -> SyncResult:
    """Bring one stream of one app up to date in raw and record how it went.

    Raises:
        SchemabaseError: the source could not be read; what was committed stays and the cursor
            speaks only of that.
    """
    with state.exclusive(stream, app), busy_interpreter():
        attempt = state.Attempt(stream, app, options.run_id, options.trigger, options.full)
        with database.transaction() as conn:
            state.start(conn, stream, app)
            before = state.load(conn, stream, app)
        try:
            if stream.part is not None:
                again = options.full or before.watermark is None
                result = sync_parts(stream, app, options.run_id, again=again)
            else:
                with Behind() as behind:
                    result = _Pull(client, stream, app, options, before, behind).run()
        except BaseException as error:
            text = str(error) if isinstance(error, SchemabaseError) else type(error).__name__
            with database.transaction() as conn:
                attempt.failed(conn, text)
            raise
        with database.transaction() as conn:
            attempt.ended(conn, result)
        return result


@dataclass(slots=True)
class _Pull:
    """One attempt: holds position and counts while the work is done.

    A batch of a listing is committed in a thread while the next one is read. All calls of the
    source stay in the caller's thread, in their order. ``undated`` holds what is still to be read
    by id, as the listing may not show its changes.
    """

    client: Client
    stream: Stream
    app: App
    options: PullOptions
    before: SyncState
    behind: Behind
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("read", "changed", "unchanged", "rejected", "deleted"), 0
        )
    )
    total: int | None = None
    suspected: int = 0
    partial: bool = False
    out_of_quota: bool = False
    scan: Scan | None = None
    undated: dict[str, None] = field(default_factory=dict)
    to_ask: int | None = None
    watermark: datetime | None = None
    started: float = field(default_factory=time.monotonic)
    head_at: float = field(default_factory=time.monotonic)

    def run(self) -> SyncResult:
        calls_before = self.client.calls
        self.watermark = self.before.watermark
        self.scan = self.before.scan
        self._count(retry_refused(self.stream, self.app, self.options.run_id))
        try:
            self._pull()
        except QuotaExhausted as error:
            self._settle()
            self._wait_for_quota(error.retry_after or 0.0)
        if self.partial:
            # other streams of the run may still have much to do
            self.options.publish()
        return SyncResult(
            read=self.counts["read"],
            changed=self.counts["changed"],
            unchanged=self.counts["unchanged"],
            rejected=self.counts["rejected"],
            deleted=self.counts["deleted"],
            suspected=self.suspected,
            api_calls=self.client.calls - calls_before,
            seconds=time.monotonic() - self.started,
            partial=self.partial,
            out_of_quota=self.out_of_quota,
            unasked=max(0, (self.to_ask or 0) - self.counts["read"]),
            estimate_seconds=self.scan.estimate_seconds if self.scan else None,
            cursor_from=self.before.watermark,
            cursor_to=self.watermark,
        )

    def _pull(self) -> None:
        if self.stream.source is None:
            return  # only webhooks bring something
        if self.stream.asked is not None:
            self._ask()
            return
        starts_over = self.options.full and self.scan is None
        if self.watermark is not None and not starts_over:
            with database.transaction() as conn:
                self.undated = dict.fromkeys(find_undated(conn, self.stream, self.app))
            self._head()
            if self.undated:
                again = self.client.iter_details(self.stream, self.undated)
                self._take(again, fetches_whole=True)
        if self.scan is not None or self.watermark is None or starts_over:
            self._scan(self.scan or self._begin_scan())

    def _wait_for_quota(self, seconds: float) -> None:
        """End as partial; an unfinished scan goes on when there are calls again."""
        self.partial = self.out_of_quota = True
        if self.scan is None:
            return
        scan = self.scan.estimated(self.client.seconds_for)
        if scan.estimate_seconds is not None:
            scan = replace(scan, estimate_seconds=scan.estimate_seconds + int(seconds))
        self.scan = replace(scan, waits=True)
        with database.transaction() as conn:
            state.save_scan(conn, self.stream, self.app, self.scan)

    def _head(self) -> None:
        """List what changed since the watermark and move it."""
        if self.watermark is None:
            return
        self.client.lane = "head"
        since = self.watermark - (self.before.overlap or self.stream.overlap)
        with self._batches(since) as batches:
            for batch in batches:
                self._settle()
                for external_id in batch.ids() if self.undated else ():
                    self.undated.pop(external_id, None)
                # An ascending listing is complete up to here, a descending one only at its end; and
                # never beyond the start of the listing: what changed since may not have been shown.
                known_to = min(filter(None, (batch.listed_at, batch.newest)), default=None)
                moves = batch.ends or self.stream.order == "ascending"
                self.behind.do(partial(self._commit, batch, watermark=known_to if moves else None))
        self._settle()
        self.head_at = time.monotonic()

    def _begin_scan(self) -> Scan:
        lookback = self.before.initial_lookback or self.stream.initial_lookback
        since = None
        if lookback is not None and self.watermark is None and not self.options.full:
            since = utc_now() - lookback
        scan = Scan(started_at=utc_now(), since=since)
        with database.transaction() as conn:
            sweep.begin(conn, self.stream, self.app)
            state.save_scan(conn, self.stream, self.app, scan)
        return scan

    def _scan(self, scan: Scan) -> None:
        """List everything, from where an earlier run stopped, then look for what vanished."""
        self.scan = scan
        self.client.lane = "backfill"
        began, calls = time.monotonic() - scan.seconds, self.client.calls - scan.calls
        with self._batches(scan.since, scan.resume) as batches:
            for batch in batches:
                self._settle()
                scan = replace(
                    scan,
                    total=scan.total or self._total_of(scan, batch),
                    resume=batch.position or scan.resume,
                    seconds=time.monotonic() - began,
                    calls=self.client.calls - calls,
                    waits=False,
                )
                # What changes after the first page is found by head passes, the rest by the scan.
                first = batch.listed_at if self.watermark is None and self._can_filter() else None
                self.behind.do(partial(self._commit, batch, watermark=first, scan=scan))
                if batch.ends:
                    break
                if time.monotonic() - self.started > self.options.pace.budget_seconds:
                    self._settle()
                    self.partial = True
                    return
                if time.monotonic() - self.head_at > self.options.pace.head_seconds:
                    self._settle()
                    calls += self._look_up_front()
        self._settle()
        self._finish_scan(scan)

    def _total_of(self, scan: Scan, batch: Batch) -> int | None:
        """Return how many records a whole listing of several pieces has, if calls are left.

        A listing of one piece is not worth the calls.
        """
        if scan.since is not None or batch.ends:
            return None
        try:
            return self.client.count(self.stream)
        except QuotaExhausted:
            return None

    def _look_up_front(self) -> int:
        """Interrupt a scan for what is new, show what landed, and return the calls it took."""
        before = self.client.calls
        self._head()
        self.client.lane = "backfill"
        self.options.publish()
        return self.client.calls - before

    def _batches(
        self, since: datetime | None, resume: JsonObject | None = None
    ) -> AbstractContextManager[Iterator[Batch]]:
        pages = self.client.iter_pages(self.stream, since=since, resume=resume)
        flush_seconds = self.options.pace.flush_seconds
        return closing(
            iter_batches(self.client, self.stream, self.app, pages, flush_seconds=flush_seconds)
        )

    def _can_filter(self) -> bool:
        return self.stream.order != "unordered"

    def _finish_scan(self, scan: Scan) -> None:
        if scan.since is None and self.stream.deletes != "never":
            self._sweep(scan)
        self.scan = None
        with database.transaction() as conn:
            sweep.begin(conn, self.stream, self.app)
            state.save_scan(conn, self.stream, self.app, None)

    def _sweep(self, scan: Scan) -> None:
        """Prove gone what the listing did not show; a wave waits for a person."""
        with database.transaction() as conn:
            suspects = sweep.find_suspects(conn, self.stream, self.app, scan.started_at)
        if suspects.is_wave and not self.options.confirm_deletes:
            self.suspected = len(suspects.ids)
            return
        found = self.client.look_up(self.stream, suspects.ids)
        self._take(found, fetches_whole=self.stream.fetches_whole)

    def _ask(self) -> None:
        """Ask for ids that core wants to know of, until the run's time is over."""
        with database.transaction() as conn:
            due = find_due(conn, self.stream, self.app, even_fresh=self.options.full)
        self.client.lane = "head"
        self.to_ask = len(due)
        with closing(self._in_time(self.client.iter_details(self.stream, due))) as answers:
            self._take(answers, fetches_whole=True)

    def _in_time(self, found: Iterable[Fetched]) -> Generator[Fetched, None, None]:
        for fetched in found:
            yield fetched
            if time.monotonic() - self.started > self.options.pace.budget_seconds:
                self.partial = True
                return

    def _take(self, found: Iterable[Fetched], *, fetches_whole: bool) -> None:
        """Land what was fetched by id, also when a later one cannot be fetched."""
        batch = Batch()
        try:
            for fetched in found:
                if fetched.record is None:
                    batch.gone.append(fetched.external_id)
                elif fetches_whole:
                    batch.add(prepare(self.stream, fetched.record, fetched.read_at))
                if batch.is_due(self.options.pace.flush_seconds):
                    self._commit(batch)
                    self._tell()
                    batch = batch.next()
        finally:
            self._commit(batch)

    def _commit(
        self, batch: Batch, *, watermark: datetime | None = None, scan: Scan | None = None
    ) -> None:
        """Land a batch and move the state that speaks of it, in one transaction."""
        with database.transaction() as conn:
            landed = self._land(conn, batch.records)
            gone = self._note_gone(conn, batch)
            if scan is not None:
                scan = self._counted(conn, scan, batch)
                state.save_scan(conn, self.stream, self.app, scan)
            if watermark is not None:
                state.move_watermark(conn, self.stream, self.app, watermark)
        if watermark is not None and (self.watermark is None or watermark > self.watermark):
            self.watermark = watermark
        if scan is not None:
            self.scan = scan
        self._count(landed)
        self.counts["read"] += len(batch.known) + gone
        self.counts["unchanged"] += len(batch.known)
        self.counts["deleted"] += gone
        self.total = self.scan.total if self.scan else batch.total or self.to_ask

    def _note_gone(self, conn: Connection, batch: Batch) -> int:
        """Delete what the source has no more; return how many records that were.

        What a source lists nothing of may not be there yet, or be forgotten after its time.
        """
        if self.stream.asked is None:
            run_id = self.options.run_id
            return mark_deleted(conn, self.stream, self.app, batch.gone, via="pull", run_id=run_id)
        note_answers(conn, self.stream, self.app, batch.ids(), batch.gone)
        batch.known, batch.gone = batch.gone, []
        return 0

    def _counted(self, conn: Connection, scan: Scan, batch: Batch) -> Scan:
        """Return the scan with a batch counted: rows that it lists again count once."""
        seen = batch.size
        if scan.since is None:
            seen = sweep.see(conn, self.stream, self.app, batch.ids())
        done = self.scan.done if self.scan else 0
        return replace(scan, done=done + seen).estimated(self.client.seconds_for)

    def _settle(self) -> None:
        """Wait until the batch before is committed, and tell how far the work is."""
        if self.behind.wait():
            self._tell()

    def _tell(self) -> None:
        self.options.progress(self.counts["read"], self.total)

    def _land(self, conn: Connection, records: Sequence[Incoming | Refused]) -> Landed:
        redeliver(conn, self.stream, self.app, records)
        return land(conn, self.stream, self.app, records, via="pull", run_id=self.options.run_id)

    def _count(self, landed: Landed) -> None:
        self.counts["read"] += landed.changed + landed.unchanged + landed.rejected
        self.counts["changed"] += landed.changed
        self.counts["unchanged"] += landed.unchanged
        self.counts["rejected"] += landed.rejected
