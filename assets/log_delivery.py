"""Log batches of a tenant: from the inbox to every sink, in bulk, and settled with what it said.

A batch waits in the inbox until all sinks have it; which of them do is noted, so that one that is
down costs the others nothing. A run that dies between a bulk request and its commit repeats it: the
documents have ids that a repeat has, too, and no second one is made.
"""

import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast
from uuid import UUID

from psycopg import Connection
from typing_extensions import override

from assets.deliveries import Batch, Clients, Server
from assets.drain import BadRecord, Drain, LogBatch
from assets.syncing import AppFailure, note_refusal, usable_apps
from resources.elasticsearch import ELASTICSEARCH, Document, Written
from schemabase_dagster import database, inbox
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.errors import RateLimited, SchemabaseError
from schemabase_dagster.inbox import InboxRow, log_batches
from schemabase_dagster.inbox.log_batches import DeadDocument, Reject
from schemabase_dagster.inbox.records import GZIP_WINDOW
from schemabase_dagster.tenancy import App, Tenant

BATCH_ROWS: Final = 16
"""Batches handled at once, and hence held in memory."""

LARGEST_BATCH_BYTES: Final = 64 * 1024 * 1024
"""Unpacked; the gateway takes much smaller ones."""

HELD_SECONDS: Final = 60.0
"""How long batches wait for a sink that is too busy and does not say how long."""

DEAD_AT_ONCE: Final = 500
NO_SINK: Final = f"no sink: the tenant has no {ELASTICSEARCH.title} app"


class Sink(Protocol):
    """What is needed of a sink's client."""

    def create(self, documents: Iterable[Document]) -> Written:
        """Create documents; those whose id exists stay as they are."""
        ...


@dataclass(frozen=True, slots=True)
class LogServer(Server):
    """Serves the log batches of one (tenant, sender).

    Attributes:
        drain: kind of sender.
        retries_dead: the documents that sinks refused earlier are tried again first.
    """

    drain: Drain = field(kw_only=True)
    retries_dead: bool = field(default=False, kw_only=True)

    @override
    def _left_behind(self, tenant: Tenant, clients: Clients) -> Batch | None:
        """Try the dead documents again, if that was asked for: nothing else is left behind."""
        if not self.retries_dead:
            return None
        result = SyncResult()
        for sink in _sinks(tenant):
            result += _retry_dead(sink, _client(clients, sink))
        return Batch(tenant, result, drain=self.drain)

    @override
    def _round(
        self, tenant: Tenant, clients: Clients, failures: dict[str, AppFailure]
    ) -> Batch | None:
        with database.transaction() as conn:
            senders = usable_apps(conn, tenant, self.system)
        sinks = _Sinks(_sinks(tenant), clients, self.run_id)
        result = SyncResult()
        is_found = False
        for sender in senders:
            while rows := self._claim(sender):
                is_found = True
                reading = _Reading(self.drain, sender, clients.of(sender))
                result += _deliver(reading, sinks, rows)
        failures.update({each.app.key: each for each in sinks.failures.values()})
        return Batch(tenant, result, drain=self.drain) if is_found else None

    def _claim(self, sender: App) -> list[InboxRow]:
        with database.transaction() as conn:
            return inbox.claim(
                conn, sender.tenant_id, self.system, BATCH_ROWS, worker=self.run_id,
                app_id=sender.id,
            )  # fmt: skip


def deliver_now(server: LogServer) -> SyncResult:
    """Deliver what waits and return what was done.

    Raises:
        AppsFailedError: a sink could not be asked; the batches wait, other sinks have them.
    """
    result = SyncResult()
    for batch in server.serve():
        result += batch.landed
    return result


class _Sinks:
    """The sinks of a tenant; one that failed is left alone until the next round."""

    def __init__(self, apps: Sequence[App], clients: Clients, run_id: str) -> None:
        self.apps = apps
        self.run_id = run_id
        self.failures: dict[UUID, AppFailure] = {}
        self._clients = clients

    def send(self, sink: App, documents: Iterator[Document]) -> Written | None:
        """Create documents in a sink; None when it failed, now or before."""
        if sink.id in self.failures:
            return None
        try:
            return _client(self._clients, sink).create(documents)
        except SchemabaseError as error:
            note_refusal(sink, error)
            self.failures[sink.id] = AppFailure(sink, error)
            return None


def _client(clients: Clients, sink: App) -> Sink:
    return cast("Sink", clients.of(sink))


def _sinks(tenant: Tenant) -> list[App]:
    """Return the sinks, those with refused credentials too: batches wait for them."""
    with database.transaction() as conn:
        return usable_apps(conn, tenant, ELASTICSEARCH.name, even_refused=True)


@dataclass(slots=True)
class _Reading:
    """Reads batches once for each sink, and keeps what was no record."""

    drain: Drain
    sender: App
    client: Any
    bad: dict[UUID, list[BadRecord]] = field(default_factory=dict)

    def documents(self, bodies: Mapping[UUID, bytes]) -> Iterator[Document]:
        """Yield the documents of batches, one by one."""
        for inbox_id, body in bodies.items():
            bad = self.bad[inbox_id] = []
            batch = LogBatch(inbox_id, self.sender.id, body)
            for item in self.drain.read(batch, self.client):
                if isinstance(item, BadRecord):
                    bad.append(item)
                else:
                    yield item

    def rejects(self, ids: Sequence[UUID]) -> list[Reject]:
        """Return what was no record in batches, by fault."""
        found: dict[tuple[str, str], Reject] = {}
        for inbox_id in ids:
            for each in self.bad.get(inbox_id, ()):
                key = (each.code, each.path)
                count = found[key].records + 1 if key in found else 1
                found[key] = Reject(*key, count, each.sample, inbox_id)
        return list(found.values())


def _deliver(reading: _Reading, sinks: _Sinks, rows: Sequence[InboxRow]) -> SyncResult:
    """Send claimed batches to the sinks that do not have them, and settle them."""
    started = time.monotonic()
    bodies, broken = _unpacked(rows)
    with database.transaction() as conn:
        delivered = log_batches.delivered_to(conn, list(bodies))
    total = Written()
    taken: list[tuple[App, list[UUID], Written]] = []
    waiting: set[UUID] = set()
    for sink in sinks.apps:
        missing = {
            each: body for each, body in bodies.items() if sink.id not in delivered.get(each, ())
        }
        written = sinks.send(sink, reading.documents(missing)) if missing else Written()
        if written is None:
            waiting |= missing.keys()
        else:
            taken.append((sink, list(missing), written))
            total += written
    done = [each for each in bodies if each not in waiting]
    rejects = reading.rejects(done)
    with database.transaction() as conn:
        for sink, ids, written in taken:
            log_batches.note_delivered(conn, sink, [each for each in ids if each in waiting])
            log_batches.keep_dead(conn, sink, _dead(written))
        log_batches.count_rejects(conn, reading.sender, rejects)
        log_batches.forget_delivered(conn, done)
        _settle(conn, rows, done, broken, sinks)
    rejected = sum(each.records for each in rejects)
    return _result(total, rejected, time.monotonic() - started)


def _settle(
    conn: Connection[Any],
    rows: Sequence[InboxRow],
    done: Sequence[UUID],
    broken: Mapping[UUID, str],
    sinks: _Sinks,
) -> None:
    run_id = sinks.run_id
    finished = [row for row in rows if row.id in done]
    if sinks.apps:
        inbox.settle(conn, finished, "processed", run_id=run_id)
    else:
        inbox.settle(conn, finished, "ignored", NO_SINK, run_id=run_id)
    for row in rows:
        if row.id in broken:
            inbox.settle(conn, [row], "dead", broken[row.id], run_id=run_id)
    waiting = [row for row in rows if row.id not in done and row.id not in broken]
    if not waiting:
        return
    errors = [each.error for each in sinks.failures.values()]
    waits = [
        error.retry_after or HELD_SECONDS for error in errors if isinstance(error, RateLimited)
    ]
    if len(waits) == len(errors):
        # too busy is not the batch's fault, and does not count as its attempt
        inbox.give_back(conn, waiting, max(waits), RateLimited.__name__)
    else:
        reason = " ".join(f"{each.app.key}: {each.error}" for each in sinks.failures.values())
        # whatever ails a sink, the endpoint of the sender need not be paused
        inbox.settle(conn, waiting, "failed", reason, run_id=run_id, passing=True)


def _unpacked(rows: Sequence[InboxRow]) -> tuple[dict[UUID, bytes], dict[UUID, str]]:
    """Return the bodies of batches by id, and why others have none."""
    bodies, broken = {}, {}
    for row in rows:
        try:
            bodies[row.id] = unpack(row)
        except ValueError as error:
            broken[row.id] = str(error)
    return bodies, broken


def unpack(row: InboxRow) -> bytes:
    """Return a body without its packing, all of its members.

    Raises:
        ValueError: it is not what its header says, or too large.
    """
    if row.headers.get("content-encoding", "").strip().lower() != "gzip":
        return row.body
    unpacked, packed = bytearray(), row.body
    while packed:
        member = zlib.decompressobj(GZIP_WINDOW)
        try:
            unpacked += member.decompress(packed, LARGEST_BATCH_BYTES + 1 - len(unpacked))
        except zlib.error:
            raise ValueError("the body is not packed as its header says") from None
        if len(unpacked) > LARGEST_BATCH_BYTES:
            raise ValueError("the unpacked body is too large")
        if not member.eof:
            raise ValueError("the packed body is cut")
        packed = member.unused_data
    return bytes(unpacked)


def _dead(written: Written) -> list[DeadDocument]:
    return [
        DeadDocument(
            each.document.id, each.document.origin, each.document.body,
            each.status, each.code, each.path, each.reason,
        )
        for each in written.refused
    ]  # fmt: skip


def _retry_dead(sink: App, client: Sink) -> SyncResult:
    """Send a sink its dead documents again; what it takes is forgotten."""
    started, total, after = time.monotonic(), Written(), ""
    while True:
        with database.transaction() as conn:
            dead = log_batches.some_dead(conn, sink, after, DEAD_AT_ONCE)
        if not dead:
            return _result(total, 0, time.monotonic() - started)
        after = dead[-1].document_id
        written = client.create(
            Document(each.document_id, each.document, each.inbox_id) for each in dead
        )
        again = _dead(written)
        kept = {each.document_id for each in again}
        with database.transaction() as conn:
            taken = [each.document_id for each in dead if each.document_id not in kept]
            log_batches.forget_dead(conn, sink, taken)
            log_batches.keep_dead(conn, sink, again)
        total += written


def _result(written: Written, rejected: int, seconds: float) -> SyncResult:
    refused = len(written.refused) + rejected
    return SyncResult(
        read=written.created + written.existing + refused,
        changed=written.created,
        unchanged=written.existing,
        rejected=refused,
        seconds=seconds,
    )
