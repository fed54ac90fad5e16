"""Source: an external system in memory behind the engine's ``Client`` protocol.

The stand-ins over HTTP prove the clients; this proves what the engine does with any client: which
pages it gets, which details it asks for, and where a fault strikes are the test's to say.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from schemabase_dagster.clock import utc_now
from schemabase_dagster.engine.incoming import modified_at, record_id
from schemabase_dagster.streams import Fetched, JsonObject, Lane, Page, Stream


class Source:
    """Records of one stream, listed in the stream's order, page by page.

    Attributes:
        records: the records as a detail call gives them, in the order they were put.
        page_size: records on a page.
        listed_at: the server's clock on every page; None = now.
        total: what ``count`` says.
        fails_on: page number of each listing, or id of a detail call, that raises ``error``.
        asked: what was listed: (since, resume) of every listing.
        fetched: ids of every detail call.
        looked_up: ids that had to be proved gone.
        unlisted: records that exist and that no listing shows.
        lanes: lane of every call.
        counted: how often ``count`` was asked.
        seconds_per_call: least time of a call by the account's limits.
    """

    def __init__(self, stream: Stream, *records: JsonObject, page_size: int = 2) -> None:
        self.stream = stream
        self.records = list(records)
        self.page_size = page_size
        self.listed_at: datetime | None = None
        self.total: int | None = None
        self.fails_on: int | str | None = None
        self.error: BaseException = RuntimeError("the source broke")
        self.asked: list[tuple[datetime | None, JsonObject | None]] = []
        self.fetched: list[str] = []
        self.looked_up: list[str] = []
        self.unlisted: list[JsonObject] = []
        self.lanes: list[Lane] = []
        self.counted = 0
        self.seconds_per_call = 0.0
        self.lane: Lane = "head"
        self.calls = 0

    def put(self, *records: JsonObject) -> None:
        """Add records; one of a known id replaces it."""
        ids = {record_id(self.stream, record) for record in records}
        self.remove(*ids)
        self.records.extend(records)

    def remove(self, *ids: str) -> None:
        """Delete records."""
        self.records = [
            record for record in self.records if str(record.get(self.stream.id_field)) not in ids
        ]

    def iter_pages(
        self, stream: Stream, *, since: datetime | None, resume: JsonObject | None = None
    ) -> Iterator[Page]:
        """List the records; ``resume`` holds the number of those that are read."""
        self.asked.append((since, resume))
        rows = self._rows(stream, since)
        start = int((resume or {}).get("position", 0))
        number = 0
        while True:
            number += 1
            self._call(number)
            end = start + self.page_size
            resume_at = {"position": end} if end < len(rows) else None
            yield Page(rows[start:end], number, resume_at, self.listed_at or utc_now())
            if resume_at is None:
                return
            start = end

    def iter_details(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Fetch records by id."""
        return self._fetch(stream, ids, self.fetched)

    def look_up(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Tell which ids are gone."""
        return self._fetch(stream, ids, self.looked_up)

    def count(self, _stream: Stream) -> int | None:
        """Tell the number that the test set."""
        self.counted += 1
        return self.total

    def seconds_for(self, calls: float) -> float:
        """Tell how long calls take at the test's pace."""
        return calls * self.seconds_per_call

    def check(self) -> Mapping[str, str]:
        """Tell nothing."""
        return {}

    def close(self) -> None:
        """Hold nothing."""

    def _fetch(self, stream: Stream, ids: Iterable[str], asked: list[str]) -> Iterator[Fetched]:
        known = {str(record.get(stream.id_field)): record for record in self.unlisted}
        known |= {str(record.get(stream.id_field)): record for record in self.records}
        for external_id in ids:
            self._call(external_id)
            asked.append(external_id)
            yield Fetched(external_id, known.get(external_id), self.listed_at or utc_now())

    def _call(self, what: int | str) -> None:
        self.calls += 1
        self.lanes.append(self.lane)
        if what == self.fails_on:
            raise self.error

    def _rows(self, stream: Stream, since: datetime | None) -> list[JsonObject]:
        rows = self.records
        if stream.modified_field is None:
            return list(rows)
        if since is not None:
            rows = [row for row in rows if self._time(row) >= since]
        if stream.order == "unordered":
            return list(rows)
        return sorted(rows, key=self._time, reverse=stream.order == "descending")

    def _time(self, record: JsonObject) -> datetime:
        return modified_at(self.stream, record) or utc_now() + timedelta(days=1)
