"""XentralClient: lists and finds records of one instance by REST v1."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from resources.api import Api, ApiClient, ClientOptions, open_api, read_credentials
from resources.auth import Digest, FixedToken
from resources.http import Call, CallKind, Reply
from resources.limits import Limits
from resources.paging import NumberedPages, read_ahead
from resources.xentral.replies import SYSTEM, judge, list_page, record
from resources.xentral.source import XentralList
from resources.xentral.system import XENTRAL, XentralConfig, XentralCredentials
from schemabase_dagster.clock import utc_now
from schemabase_dagster.errors import ProviderRejected
from schemabase_dagster.streams import Fetched, JsonObject, Lane, Page, Stream
from schemabase_dagster.tenancy import App

NO_DAILY_LIMIT: Final = 1_000_000
CONCURRENCY: Final = 2
MINUTE_SHARE: Final = 0.9
CHECKED: Final = ("artikel", "belege/auftraege", "belege/lieferscheine", "trackingnummern")


class XentralClient(ApiClient):
    """Client of one Xentral app, for the engine's ``Client`` protocol.

    Args:
        api: calls of the app.
        config: the app's configuration.
        auth: HTTP digest or a token.
    """

    def __init__(self, api: Api, config: XentralConfig, auth: Digest | FixedToken) -> None:
        super().__init__(api)
        self._config = config
        self._auth = auth

    def iter_pages(
        self, stream: Stream, *, since: datetime | None, resume: JsonObject | None = None
    ) -> Iterator[Page]:
        """List records, in the order of the server's key.

        Args:
            stream: its ``source`` is a ``XentralList``.
            since: only documents of its day and later, where the list can be filtered so: Xentral
                does not tell when a record changed.
            resume: ``{"page": number}`` of an interrupted listing; the page before it is read
                again, because rows may have moved meanwhile.
        """
        return read_ahead(self._pages(_source(stream), since, resume))

    def iter_details(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Find records by id, one call each."""
        source = _source(stream)
        params = {"include": source.include} if source.include else {}
        for external_id in ids:
            number = external_id.removeprefix(stream.id_prefix)
            reply, read_at = self._get("detail", source, f"{source.path}/{number}", params)
            yield Fetched(external_id, record(reply, source.path), read_at)

    def look_up(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Tell which ids are gone."""
        return self.iter_details(stream, ids)

    def count(self, stream: Stream) -> int | None:
        """Tell how many records a whole listing has, by one call."""
        source = _source(stream)
        params = {**self._filters(source, None), "items": "1", "page": "1"}
        reply, _ = self._get("list", source, source.path, params)
        return list_page(reply, source.path).total

    def check(self) -> Mapping[str, str]:
        """Prove the account and tell what it may read, by one call for each kind of record."""
        found = {"instance": self._config.url}
        for path in CHECKED:
            source = XentralList(path)
            params = {**self._filters(source, None), "items": "1", "page": "1"}
            try:
                reply, _ = self._get("check", source, path, params)
            except ProviderRejected as error:
                found[path] = f"not permitted ({error.code})"
            else:
                found[path] = str(list_page(reply, path).total)
        return found

    def _pages(
        self, source: XentralList, since: datetime | None, resume: JsonObject | None
    ) -> Iterator[Page]:
        size = self._config.page_size
        params = {**self._filters(source, since), "items": str(size)}
        begin = max(1, int((resume or {}).get("page", 1)) - 1)
        place = NumberedPages(SYSTEM, f"list {source.path}", begin, size)
        number, more = 0, True
        while more:
            asked = {**params, "page": str(place.page)}
            reply, read_at = self._get("list", source, source.path, asked)
            page = list_page(reply, source.path)
            # An empty list does not tell a total: it may lie beyond the end by now.
            if page.rows and place.goes_back(page.total):
                continue
            more = bool(page.rows) and place.page < page.last
            number, place.page = number + 1, place.page + 1
            position = {"page": place.page} if more else None
            total = page.total if since is None and page.rows else None
            yield Page(list(page.rows), number, position, read_at, total)

    def _filters(self, source: XentralList, since: datetime | None) -> dict[str, str]:
        params = {"include": source.include} if source.include else {}
        if self._config.project_id is not None and source.is_of_project:
            params["projekt"] = str(self._config.project_id)
        if since is not None and source.since is not None:
            # A day earlier than anybody's: days are the instance's, whose clock is unknown.
            day = since.astimezone(self._config.zone()).date() - timedelta(days=1)
            params[source.since] = day.isoformat()
        return params

    def _get(
        self, kind: CallKind, source: XentralList, path: str, params: Mapping[str, str]
    ) -> tuple[Reply, datetime]:
        """Return an answer and when it was asked for, by our clock.

        Only the time of reading orders two versions of a record; the server's has whole seconds.
        """
        read_at = utc_now()
        url = f"{self._config.url}/api/v1/{path}"
        call = Call(kind, f"{kind} {source.path}", "GET", url, params=params)
        return self._api.call(call, judge, self._auth), read_at


@contextmanager
def open_client(app: App, options: ClientOptions, lane: Lane) -> Iterator[XentralClient]:
    """Open the client of an app and close it at the end.

    Args:
        app: an app of type ``xentral``.
        options: set by the resource.
        lane: share of the account's budget.
    """
    config = XentralConfig.model_validate(app.config)
    credentials = read_credentials(app, XENTRAL)
    limits = Limits(
        calls_per_minute=config.calls_per_minute * MINUTE_SHARE,
        calls_per_day=NO_DAILY_LIMIT,
        concurrency=CONCURRENCY,
    )
    # The limit is the instance's, whatever project an app reads.
    with open_api(app, options, lane, account=f"xentral:{config.url}", limits=limits) as api:
        yield XentralClient(api, config, _auth(credentials))


def _auth(credentials: XentralCredentials) -> Digest | FixedToken:
    if credentials.token is not None:
        return FixedToken("Bearer", credentials.token.get_secret_value())
    assert credentials.username is not None  # noqa: S101 - the model demands one of both
    assert credentials.password is not None  # noqa: S101 - as the user name
    return Digest(credentials.username.get_secret_value(), credentials.password.get_secret_value())


def _source(stream: Stream) -> XentralList:
    if not isinstance(stream.source, XentralList):
        raise TypeError(f"source of stream '{stream.name}' is not a XentralList")
    return stream.source
