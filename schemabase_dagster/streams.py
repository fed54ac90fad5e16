"""Stream: the frozen description of one system x entity, from which everything else follows.

A stream's raw table, asset, checks, command line and status need nothing but this object: adding
a stream is adding one file below ``assets/`` that defines one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, LiteralString, Protocol, TypeAlias

from schemabase_dagster.candidate import Candidate, SourceRecord
from schemabase_dagster.systems import System

JsonObject: TypeAlias = dict[str, Any]

Order = Literal["ascending", "descending", "unordered"]
Lane = Literal["webhook", "head", "backfill"]
Mapper: TypeAlias = Callable[[SourceRecord], Candidate]


@dataclass(frozen=True, slots=True)
class WebhookFeed:
    """How webhooks of a system feed a stream.

    Attributes:
        kind: ``hint``: the payload names ids, which are read again; ``data``: the payload holds
            whole records with their modified time, which are landed as they are.
        extract: finds in (event type, payload) this stream's ids or records; an empty list when
            the event is of no concern.
    """

    kind: Literal["hint", "data"]
    extract: Callable[[str, Any], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Undated:
    """Records that may change without a new modified time: a listing by it never shows that.

    They are read again by id on every incremental pull; a full sync reads all others.

    Attributes:
        where: SQL condition over the columns of the raw table.
        within: only records modified within this time.
        most: at most so many at a pull, the newest first.
    """

    where: LiteralString
    within: timedelta
    most: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A source that lists nothing: the ids to ask for come from core (a carrier's parcels).

    Within the day's quota the most stale ones come first; the next pull goes on with the rest. An
    id that the source does not know (yet) stays wanted. While none is worth a call, ``due_syncs``
    starts no run.

    Attributes:
        query: ``id`` and ``every``, the interval after which it is worth asking again, of all ids
            that the tenant ``app.tenant_id`` wants to know of from the system ``app.type``.
    """

    query: LiteralString


@dataclass(frozen=True, slots=True)
class Watch:
    """How list rows show a change that their modified time does not show, or that have none.

    Attributes:
        fields: fields that a row shares with the detail: the detail is fetched when one of them
            differs from what raw holds.
        always: rows whose detail is fetched at every listing; None = none.
    """

    fields: tuple[str, ...]
    always: Callable[[JsonObject], bool] | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """How the records of a stream lie inside those of another one: an order's fulfilments.

    They are landed in the transaction of the record that holds them, without a call of their own,
    and are deleted with it. Unless a record shows all its parts (``is_whole``), one that it shows
    no more is kept: the record may have emptied it, which says nothing about the thing itself.

    Attributes:
        whole: name of the stream that holds them.
        split: returns the parts of a record, each with an id of its own; never raises.
        whole_id: dotted path of the record's id within a part.
        is_whole: a record shows all its parts: one that it shows no more is gone.
    """

    whole: str
    split: Callable[[JsonObject], Iterable[JsonObject]]
    whole_id: str
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Missed:
    """A webhook that its sender could not deliver and still holds.

    Attributes:
        id: of the delivery, by the sender.
        event_type: as the sender names it in its headers.
        body: the body that it would have had.
    """

    id: str
    event_type: str
    body: str


@dataclass(frozen=True, slots=True)
class Stream:
    """One kind of record of one system.

    Attributes:
        name: name of the raw table and of the asset ``raw/<name>``, ``<system>_<entity plural>``.
        system: the system it comes from.
        entity: kind of canonical row it feeds (``order``), the key of ``core.external_ref``; None
            while the stream stays raw only.
        group: Dagster asset group, the entity domain (``orders``).
        description: product text for the data team: what a record is, what is left out.
        source: whatever the system's client needs to list and fetch it (path, query, keys); None
            for parts, and for what only webhooks bring.
        id_field: dotted path of the record's id.
        id_prefix: what makes the id unique among an app's records of one entity, where its streams
            count on their own; external ids begin with it.
        modified_field: dotted path of the modified time; None when the source has none.
        modified_alias: its path where the details call it otherwise than the list rows.
        order: in which order of modified time the client lists: ascending streams move their
            cursor with every batch, descending ones at the end (newest first). A list that can be
            filtered by another time is descending: its overlap says how old a record may be that
            an incremental pull still reads again. Unordered ones are always read whole.
        detail: a list row is only a hint, the record is fetched by id when it changed.
        watch: what else than the modified time of a list row tells that its detail changed.
        wanted: of a list row and the app's configuration, whether a detail that raw does not hold
            is worth a call; None = every one.
        patient: its back-fill comes after everything else: it is pulled last in a run, and waits
            for its cron when the day's calls are used up.
        fetches_whole: a fetch by id gives the same shape as the stream lands; otherwise it only
            proves that a record still exists (a list row never replaces a detail, nor the other
            way round).
        webhook: how webhooks feed it; None = by pulls only.
        missed: its records are webhooks that were not delivered: what is new goes into the inbox.
        undated: which records may change without a new modified time.
        asked: which ids to ask for, where the source lists nothing.
        deletes: how a vanished record is proved gone: by an id look-up, by a second whole listing
            where there is no call for one record, or never.
        mapper: pure function from a record to its canonical candidate.
        volatile: top-level keys that change without meaning (request times, signed URLs).
        overlap: how far a new listing reaches back behind the watermark.
        initial_lookback: how far the first incremental pull reaches back; None = everything.
        expected_within: the freshness check turns red when no sync succeeded for so long.
        version: version of the mapper; a new one shows as changed code in Dagster.
        adds: its records only tell more about rows that others make. They never make one and keep
            none alive, any number of an app's may join one, and they wait for it.
        needs: parent entity of which a row must be known before a record makes one; until then it
            waits.
        part: where its records lie, when they lie inside another stream's.
        parts: the streams inside this one; filled in by the registry, never by hand.
    """

    name: str
    system: System
    group: str
    description: str
    source: Any
    id_field: str
    id_prefix: str = ""
    modified_field: str | None = None
    modified_alias: str | None = None
    entity: str | None = None
    order: Order = "unordered"
    detail: bool = False
    watch: Watch | None = None
    wanted: Callable[[JsonObject, Any], bool] | None = None
    patient: bool = False
    fetches_whole: bool = True
    webhook: WebhookFeed | None = None
    missed: Callable[[JsonObject], Missed | None] | None = None
    undated: Undated | None = None
    asked: Asked | None = None
    deletes: Literal["by_id", "by_listing", "never"] = "by_id"
    mapper: Mapper | None = None
    volatile: frozenset[str] = frozenset()
    overlap: timedelta = timedelta(minutes=10)
    initial_lookback: timedelta | None = None
    expected_within: timedelta = timedelta(hours=26)
    version: str = "1"
    adds: bool = False
    needs: str | None = None
    part: Part | None = None
    parts: "tuple[Stream, ...]" = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing, in the order the source gave it.

    Attributes:
        records: the records, or only list rows when the stream needs details.
        number: 1-based count of the page within this listing.
        resume: opaque position from which the listing can go on after this page; None at the end.
        listed_at: the server's clock when the page was made.
        total: number of records of the whole listing, where the source says so.
    """

    records: list[JsonObject]
    number: int
    resume: JsonObject | None
    listed_at: datetime
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """Result of asking for one id: the record, or None when the source says it is gone."""

    external_id: str
    record: JsonObject | None
    read_at: datetime


class Client(Protocol):
    """What the engine needs of a connected app; implemented in ``resources``.

    A page or a call that fails raises one of ``schemabase_dagster.errors``: a client never
    returns partial data silently.
    """

    lane: Lane
    """Whose share of the account's budget the next calls use; the engine sets it."""

    @property
    def calls(self) -> int:
        """Number of API calls made so far, token requests included."""
        ...

    def iter_pages(
        self, stream: Stream, *, since: datetime | None, resume: JsonObject | None = None
    ) -> Iterator[Page]:
        """List records changed at or after ``since`` (all when None), read ahead by one page."""
        ...

    def iter_details(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Fetch records by id, in bulk where the API can, with bounded concurrency."""
        ...

    def look_up(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Tell which ids are gone, by as few calls as prove it; records as ``iter_details``."""
        ...

    def count(self, stream: Stream) -> int | None:
        """Tell how many records a whole listing has, by few calls; None when that is unknown."""
        ...

    def seconds_for(self, calls: float) -> float:
        """Tell the least time that calls of a back-fill take by the account's limits."""
        ...

    def check(self) -> Mapping[str, str]:
        """Prove the credentials by one cheap call and tell what they can see."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
