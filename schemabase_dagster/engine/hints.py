"""Webhooks to raw: read what they hint at or land what they carry, and settle them with it."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from schemabase_dagster import database, inbox, installs
from schemabase_dagster.engine.effects import Brought, note_landed, note_parts
from schemabase_dagster.engine.incoming import Incoming, Refused, prepare
from schemabase_dagster.engine.land import find_parts, land, mark_deleted
from schemabase_dagster.engine.result import SyncResult
from schemabase_dagster.engine.todo import RawKey
from schemabase_dagster.errors import (
    CredentialError,
    ProviderError,
    RateLimited,
    RecordRejected,
    SchemabaseError,
)
from schemabase_dagster.inbox import InboxRow, Outcome
from schemabase_dagster.streams import Client, Stream
from schemabase_dagster.systems import System
from schemabase_dagster.tenancy import App

HELD_SECONDS: Final = 60.0
"""How long deliveries wait when the fault is not theirs and names no time."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What deliveries brought.

    Attributes:
        result: counts of their records in raw.
        records: the records they spoke of, whether they changed anything or not.
        ids: the deliveries.
    """

    result: SyncResult = field(default_factory=SyncResult)
    records: frozenset[RawKey] = frozenset()
    ids: tuple[UUID, ...] = ()

    def __add__(self, other: "Delivered") -> "Delivered":
        """Add up what two batches brought."""
        return Delivered(
            self.result + other.result, self.records | other.records, self.ids + other.ids
        )


def land_webhooks(
    client: Client, streams: Sequence[Stream], app: App, *, run_id: str | None, worker: str
) -> Delivered:
    """Land and settle all due deliveries of an app, until none is left.

    Args:
        client: connected client of the app.
        streams: all streams of its system; the payloads decide which are concerned.
        app: the app.
        run_id: Dagster run.
        worker: name under which deliveries are claimed.

    Raises:
        CredentialError: the app must be re-authorised; its deliveries wait.
        RateLimited: the account's budget is used up; its deliveries wait.
    """
    brought = Delivered()
    client.lane = "webhook"
    while True:
        with database.transaction() as conn:
            rows = inbox.claim(conn, app.tenant_id, app.type, worker=worker, app_id=app.id)
        if not rows:
            return brought
        brought += _land_rows(client, streams, app, rows, run_id)


@dataclass(slots=True)
class _Plan:
    """What a batch of deliveries asks for.

    Attributes:
        hints: stream -> id -> the deliveries that named it.
        data: stream -> records to be landed.
        brought: stream -> the same, and what the source does not show, each with a delivery that
            spoke of it.
        done: deliveries that concern a stream.
        ignored: those that concern none.
        dead: those that cannot be understood, with the reason.
        payloads: event type and payload of what a sender sent, replayed copies left out.
    """

    hints: dict[str, dict[str, list[InboxRow]]] = field(default_factory=dict)
    data: dict[str, list[Incoming | Refused]] = field(default_factory=dict)
    brought: dict[str, list[Brought]] = field(default_factory=dict)
    farewells: list[tuple[InboxRow, str]] = field(default_factory=list)
    done: list[InboxRow] = field(default_factory=list)
    ignored: list[InboxRow] = field(default_factory=list)
    dead: list[tuple[InboxRow, str]] = field(default_factory=list)
    payloads: list[tuple[str, Any]] = field(default_factory=list)


def _land_rows(
    client: Client, streams: Sequence[Stream], app: App, rows: list[InboxRow], run_id: str | None
) -> Delivered:
    started, calls = time.monotonic(), client.calls
    fed = {stream.name: stream for stream in streams if stream.webhook is not None}
    plan = _plan(fed, rows, streams[0].system)
    _disconnect(app, plan, run_id)
    try:
        gone = _fetch(client, fed, plan)
    except SchemabaseError as error:
        farewells = {row.id for row, _ in plan.farewells}
        _postpone([row for row in rows if row.id not in farewells], error, run_id)
        if isinstance(error, (CredentialError, RateLimited)):
            raise
        spent = time.monotonic() - started
        failed = SyncResult(api_calls=client.calls - calls, seconds=spent, partial=True)
        return Delivered(failed)
    changed = unchanged = rejected = deleted = 0
    parts: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    with database.transaction() as conn:
        for name, records in plan.data.items():
            landed = land(conn, fed[name], app, records, via="webhook", run_id=run_id)
            changed += landed.changed
            unchanged += landed.unchanged
            rejected += landed.rejected
            parts[name] |= landed.parts
        for name, ids in gone.items():
            parts[name] |= find_parts(conn, fed[name], app, ids)
            deleted += mark_deleted(conn, fed[name], app, ids, via="webhook", run_id=run_id)
        for name, brought in plan.brought.items():
            note_landed(conn, fed[name], app, brought)
            note_parts(conn, fed[name], app, parts[name])
        _settle(conn, plan, run_id)
    result = SyncResult(
        read=changed + unchanged + rejected + deleted,
        changed=changed,
        unchanged=unchanged,
        rejected=rejected,
        deleted=deleted,
        api_calls=client.calls - calls,
        seconds=time.monotonic() - started,
    )
    with database.transaction() as conn:
        inbox.note_shapes(conn, app.tenant_id, app.type, plan.payloads)
    named = _records(app, plan)
    named |= {(part, app.id, each) for found in parts.values() for part, each in found}
    return Delivered(result, named, tuple(row.id for row in rows))


def _records(app: App, plan: _Plan) -> frozenset[RawKey]:
    """Return the records that a batch spoke of, refused ones left out."""
    return frozenset(
        (name, app.id, each.external_id)
        for name, brought in plan.brought.items()
        for each in brought
        if each.external_id is not None and not isinstance(each.item, Refused)
    )


def _plan(fed: Mapping[str, Stream], rows: Sequence[InboxRow], system: System) -> _Plan:
    plan = _Plan()
    for row in rows:
        try:
            payload = inbox.payload(row)
        except RecordRejected as error:
            plan.dead.append((row, error.reason))
            continue
        installation = system.uninstalled(row.event_type or "", payload)
        if installation is not None:
            plan.farewells.append((row, installation))
            continue
        if row.replay_of is None:
            plan.payloads.append((row.event_type or "", payload))
        concerned = False
        for name, stream in fed.items():
            concerned |= _note(plan, name, stream, row, payload)
        (plan.done if concerned else plan.ignored).append(row)
    return plan


def _note(plan: _Plan, name: str, stream: Stream, row: InboxRow, payload: Any) -> bool:
    """Add what one delivery says about one stream; tell whether it concerns it."""
    if stream.webhook is None:
        return False
    found = stream.webhook.extract(row.event_type or "", payload)
    if stream.webhook.kind == "hint":
        named = plan.hints.setdefault(name, {})
        for external_id in found:
            named.setdefault(external_id, []).append(row)
    else:
        records = [prepare(stream, record, row.received_at) for record in found]
        plan.data.setdefault(name, []).extend(records)
        brought = [Brought(row, record.external_id, record) for record in records]
        plan.brought.setdefault(name, []).extend(brought)
    return bool(found)


def _disconnect(app: App, plan: _Plan, run_id: str | None) -> None:
    """Disable an app that its shop took away, before anything is asked with its void token."""
    if not plan.farewells:
        return
    with database.transaction() as conn:
        for row, installation in plan.farewells:
            is_ours = installs.remove(conn, app, installation)
            outcome: Outcome = "processed" if is_ours else "ignored"
            reason = None if is_ours else "another installation is gone"
            inbox.settle(conn, [row], outcome, reason, run_id=run_id)


def _fetch(client: Client, fed: Mapping[str, Stream], plan: _Plan) -> dict[str, list[str]]:
    """Read the hinted records into the plan; return the ids that are gone, by stream."""
    gone: dict[str, list[str]] = {}
    for name, named in plan.hints.items():
        brought = plan.brought.setdefault(name, [])
        missing = dict(named)
        for fetched in client.iter_details(fed[name], list(named)):
            if fetched.record is None:
                gone.setdefault(name, []).append(fetched.external_id)
                continue
            item = prepare(fed[name], fetched.record, fetched.read_at)
            plan.data.setdefault(name, []).append(item)
            rows = missing.pop(fetched.external_id)
            brought.extend(Brought(row, fetched.external_id, item) for row in rows)
        brought.extend(Brought(row, each, None) for each, rows in missing.items() for row in rows)
    return gone


def _settle(conn: Connection[Any], plan: _Plan, run_id: str | None) -> None:
    inbox.settle(conn, plan.done, "processed", run_id=run_id)
    inbox.settle(conn, plan.ignored, "ignored", "no stream is concerned", run_id=run_id)
    for row, reason in plan.dead:
        inbox.settle(conn, [row], "dead", reason, run_id=run_id)


def _postpone(rows: Sequence[InboxRow], error: SchemabaseError, run_id: str | None) -> None:
    """Let deliveries wait; only a fault that may be theirs counts as their attempt."""
    wait = error.retry_after if isinstance(error, ProviderError) else None
    with database.transaction() as conn:
        if isinstance(error, (CredentialError, RateLimited)):
            inbox.give_back(conn, rows, wait or HELD_SECONDS, type(error).__name__)
        else:
            inbox.settle(conn, rows, "failed", str(error), run_id=run_id,
                         retry_after_seconds=wait or 0, passing=error.passing)  # fmt: skip
