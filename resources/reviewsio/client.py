"""ReviewsioClient: lists reviews and ratings of one store."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from resources.api import Api, ApiClient, ClientOptions, open_api, read_credentials
from resources.auth import FixedToken
from resources.http import Call, CallKind
from resources.limits import Limits
from resources.paging import NumberedPages, read_ahead
from resources.reviewsio.replies import SYSTEM, judge, number_at, rows_of, shows_private
from resources.reviewsio.skus import SEPARATOR, in_calls, known_skus
from resources.reviewsio.source import RatingBatch, ReviewList
from resources.reviewsio.system import REVIEWSIO, ReviewsioConfig
from schemabase_dagster.clock import utc_now
from schemabase_dagster.errors import ProviderContractError
from schemabase_dagster.streams import Fetched, JsonObject, Lane, Page, Stream
from schemabase_dagster.tenancy import App

CHECKED_PATH: Final = "merchant/reviews"
CONCURRENCY: Final = 2
"""One call at a time for pulls, one for webhooks."""

NO_DAILY_LIMIT: Final = 1_000_000


class ReviewsioClient(ApiClient):
    """Client of one REVIEWS.io app, for the engine's ``Client`` protocol.

    Args:
        api: calls of the app.
        config: the app's configuration.
        auth: the API key, or nothing.
        has_key: whether there is one.
    """

    def __init__(
        self, api: Api, config: ReviewsioConfig, auth: FixedToken, *, has_key: bool
    ) -> None:
        super().__init__(api)
        self._config = config
        self._auth = auth
        self._has_key = has_key

    def iter_pages(
        self, stream: Stream, *, since: datetime | None, resume: JsonObject | None = None
    ) -> Iterator[Page]:
        """List reviews written since an instant, newest first, or the ratings of all known SKUs.

        Args:
            stream: its ``source`` is a ``ReviewList`` or a ``RatingBatch``.
            since: only reviews written at or after it: a later edit shows in a whole listing only.
            resume: ``{"page": number}`` of an interrupted listing; the page before it is read
                again, because rows may have moved meanwhile.
        """
        if isinstance(stream.source, RatingBatch):
            return read_ahead(self._rating_pages(stream.source, resume))
        return read_ahead(self._review_pages(_list(stream), since, resume))

    def iter_details(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Find records by id: ratings are asked for, reviews looked for from the newest on.

        There is no call for one review. One listing that does not show it proves nothing, so an
        id that is not found is left out.
        """
        return (each for each in self.look_up(stream, ids) if each.record is not None)

    def look_up(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Tell which ids are gone: what a second whole listing does not show either."""
        wanted = dict.fromkeys(ids)
        began = utc_now()
        for records, read_at in self._search(stream, list(wanted)):
            for record in records:
                external_id = f"{stream.id_prefix}{record.get(stream.id_field)}"
                if external_id in wanted:
                    del wanted[external_id]
                    yield Fetched(external_id, record, read_at)
            if not wanted:
                return
        for external_id in wanted:
            yield Fetched(external_id, None, began)

    def count(self, stream: Stream) -> int | None:
        """Tell how many records a whole listing has, by one call at most."""
        if isinstance(stream.source, RatingBatch):
            return len(known_skus(self._api.app.tenant_id))
        source = _list(stream)
        payload, _ = self._get("list", source.path, {"page": "0", "per_page": "1"})
        return number_at(_object(payload, source.path), source.total)

    def check(self) -> Mapping[str, str]:
        """Prove the store, and that the key shows more than the public sees."""
        answer, _ = self._get("check", CHECKED_PATH, {"page": "0", "per_page": "1"})
        payload = _object(answer, CHECKED_PATH)
        records = rows_of(payload.get("reviews"), CHECKED_PATH)
        self._refuse_public(records, "order_number")
        store = payload.get("store")
        return {
            "store": str(store.get("name", "") if isinstance(store, dict) else store or ""),
            "merchant reviews": str(number_at(payload, "stats.total_reviews") or 0),
            "orders and authors": "visible" if self._has_key else "hidden, there is no API key",
        }

    def _review_pages(
        self, source: ReviewList, since: datetime | None, resume: JsonObject | None
    ) -> Iterator[Page]:
        params = {"per_page": str(self._config.page_size), **source.newest_first}
        if since is not None:
            params["min_date"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        begin = max(0, int((resume or {}).get("page", 0)) - 1)
        place = NumberedPages(SYSTEM, source.path, begin, self._config.page_size, first=0)
        number, more = 0, True
        while more:
            answer, read_at = self._get("list", source.path, {**params, "page": str(place.page)})
            payload = _object(answer, source.path)
            rows = rows_of(payload.get("reviews"), source.path)
            self._refuse_public(rows, source.order_field)
            total = number_at(payload, source.total)
            if place.goes_back(total):
                continue
            pages = number_at(payload, "total_pages")
            more = bool(rows) and (
                place.page + 1 < pages if pages is not None else len(rows) >= self._config.page_size
            )
            number, place.page = number + 1, place.page + 1
            position = {"page": place.page} if more else None
            yield Page(rows, number, position, read_at, total if since is None else None)

    def _rating_pages(self, source: RatingBatch, resume: JsonObject | None) -> Iterator[Page]:
        skus = known_skus(self._api.app.tenant_id)
        done = min(int((resume or {}).get("position", 0)), len(skus))
        chunks = list(in_calls(skus[done:]))
        for number, chunk in enumerate(chunks, start=1):
            done += len(chunk)
            rows, read_at = self._ratings(source, chunk)
            yield Page(rows, number, {"position": done} if number < len(chunks) else None, read_at)
        if not chunks:
            yield Page([], 1, None, utc_now())

    def _search(
        self, stream: Stream, ids: Sequence[str]
    ) -> Iterator[tuple[list[JsonObject], datetime]]:
        """Yield records among which those of some ids are, if there are any."""
        if not ids:
            return
        if isinstance(stream.source, RatingBatch):
            skus = (each.removeprefix(stream.id_prefix) for each in ids)
            for chunk in in_calls(skus):
                yield self._ratings(stream.source, chunk)
            return
        for page in self._review_pages(_list(stream), None, None):
            yield page.records, page.listed_at

    def _ratings(
        self, source: RatingBatch, skus: Collection[str]
    ) -> tuple[list[JsonObject], datetime]:
        payload, read_at = self._get("list", source.path, {"sku": SEPARATOR.join(skus)})
        rows = rows_of(payload, source.path)
        # Grouped products may answer under a SKU that was not asked for.
        return [row for row in rows if row.get("sku") in skus], read_at

    def _refuse_public(self, records: list[JsonObject], order_field: str) -> None:
        """Refuse what a dead key gets: the public view, without orders and authors.

        It comes with HTTP 200 and would take every review away from its order.
        """
        if not self._has_key or not records:
            return
        if not any(shows_private(record, order_field) for record in records):
            raise self._api.refused("the API key shows nothing private")

    def _get(self, kind: CallKind, path: str, params: Mapping[str, str]) -> tuple[Any, datetime]:
        """Return an answer and when it was asked for, by our clock.

        Only the time of reading orders two versions of a review; the server's has whole seconds.
        """
        read_at = utc_now()
        call = Call(
            kind,
            f"list {path}",
            "GET",
            f"{self._config.api_root()}/{path}",
            params={"store": self._config.store_id, **params},
        )
        return self._api.call(call, judge, self._auth).payload, read_at


@contextmanager
def open_client(app: App, options: ClientOptions, lane: Lane) -> Iterator[ReviewsioClient]:
    """Open the client of an app and close it at the end.

    Args:
        app: an app of type ``reviewsio``.
        options: set by the resource.
        lane: share of the account's budget.
    """
    config = ReviewsioConfig.model_validate(app.config)
    credentials = read_credentials(app, REVIEWSIO)
    key = credentials.api_key.get_secret_value() if credentials.api_key is not None else ""
    limits = Limits(
        calls_per_minute=config.calls_per_minute,
        calls_per_day=NO_DAILY_LIMIT,
        concurrency=CONCURRENCY,
    )
    account = f"reviewsio:{REVIEWSIO.instance_key(config)}"
    with open_api(app, options, lane, account=account, limits=limits) as api:
        yield ReviewsioClient(api, config, FixedToken("", key, header="apikey"), has_key=bool(key))


def _list(stream: Stream) -> ReviewList:
    if not isinstance(stream.source, ReviewList):
        raise TypeError(f"source of stream '{stream.name}' is neither list nor batch")
    return stream.source


def _object(payload: Any, path: str) -> JsonObject:
    if not isinstance(payload, dict):
        raise ProviderContractError(SYSTEM, f"{path}: answer is not an object")
    return payload
