"""StrapiClient: lists and finds entries of one content type by REST of version 4 and 5."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from resources.api import Api, ApiClient, ClientOptions, open_api, read_credentials
from resources.auth import FixedToken
from resources.http import Call, CallKind, Reply, judge_status
from resources.limits import Limits
from resources.paging import chunked, read_ahead
from resources.strapi.entries import flat
from resources.strapi.source import Collection
from resources.strapi.system import STRAPI, StrapiConfig
from schemabase_dagster.errors import ProviderContractError
from schemabase_dagster.streams import Fetched, JsonObject, Lane, Page, Stream
from schemabase_dagster.tenancy import App

SYSTEM: Final = "strapi"
NO_DAILY_LIMIT: Final = 1_000_000
CONCURRENCY: Final = 2
IDS_IN_CALL: Final = 50


@dataclass(frozen=True, slots=True)
class _Entries:
    """One page of entries, flat, and what it says about all of them."""

    rows: list[JsonObject]
    total: int
    read_at: datetime


class StrapiClient(ApiClient):
    """Client of one Strapi app, for the engine's ``Client`` protocol.

    Args:
        api: calls of the app.
        config: the app's configuration.
        auth: its API token.
    """

    def __init__(self, api: Api, config: StrapiConfig, auth: FixedToken) -> None:
        super().__init__(api)
        self._config = config
        self._auth = auth

    def iter_pages(
        self, stream: Stream, *, since: datetime | None, resume: JsonObject | None = None
    ) -> Iterator[Page]:
        """List entries by ascending modified time; one that changes meanwhile comes again.

        Args:
            stream: its ``source`` is a ``Collection``.
            since: only entries modified at or after it.
            resume: ``{"after": time, "page": number}`` of an interrupted listing.
        """
        after = resume["after"] if resume else _text(since) if since is not None else None
        page = int(resume["page"]) if resume else 1
        return read_ahead(self._pages(_source(stream), after, page, whole=since is None))

    def iter_details(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Find entries by id, many in a call."""
        for chunk in chunked(ids, IDS_IN_CALL):
            wanted = {f"filters[id][$in][{place}]": each for place, each in enumerate(chunk)}
            entries = self._list("detail", _source(stream), wanted, size=IDS_IN_CALL)
            known = {str(row.get("id")): row for row in entries.rows}
            for external_id in chunk:
                yield Fetched(external_id, known.get(external_id), entries.read_at)

    def look_up(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Tell which ids are gone."""
        return self.iter_details(stream, ids)

    def count(self, stream: Stream) -> int | None:
        """Tell how many entries there are, by one call."""
        return self._list("list", _source(stream), {}, size=1).total

    def check(self) -> Mapping[str, str]:
        """Prove the token and tell how many entries it may read."""
        entries = self._list("check", Collection(), {}, size=1)
        return {"server": self._config.url, self._config.collection: str(entries.total)}

    def _pages(
        self, source: Collection, after: str | None, page: int, *, whole: bool
    ) -> Iterator[Page]:
        """Read behind the newest entry of the page before, whatever moved away meanwhile."""
        shown: set[tuple[str, str]] = set()
        number, total, more = 0, None, True
        while more:
            params = {"sort[0]": "updatedAt:asc", "sort[1]": "id:asc"}
            if after is not None:
                params["filters[updatedAt][$gte]"] = after
            entries = self._list("list", source, params, page=page)
            total = entries.total if total is None and whole else total
            fresh = [row for row in entries.rows if _version(row) not in shown]
            shown = {_version(row) for row in entries.rows}
            more = page * self._config.page_size < entries.total
            if more:
                newest = str(entries.rows[-1].get("updatedAt")) if entries.rows else after
                # A page of one instant: what shares it lies on the next page only.
                after, page = (after, page + 1) if newest == after else (newest, 1)
            number += 1
            position = {"after": after, "page": page} if more else None
            yield Page(fresh, number, position, entries.read_at, total)

    def _list(
        self,
        kind: CallKind,
        source: Collection,
        params: Mapping[str, str],
        *,
        page: int = 1,
        size: int | None = None,
    ) -> _Entries:
        path = self._config.collection
        call = Call(
            kind,
            f"{kind} {path}",
            "GET",
            f"{self._config.url}/api/{path}",
            params={
                **source.populate,
                **params,
                "pagination[page]": str(page),
                "pagination[pageSize]": str(size or self._config.page_size),
            },
        )
        reply = self._api.call(call, _judge, self._auth)
        body = reply.body(SYSTEM, call.what)
        rows, pagination = body.get("data"), (body.get("meta") or {}).get("pagination")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ProviderContractError(SYSTEM, f"{call.what}: no list of entries")
        total = pagination.get("total") if isinstance(pagination, dict) else None
        if not isinstance(total, int):
            raise ProviderContractError(SYSTEM, f"{call.what}: no pagination")
        return _Entries([flat(row) for row in rows], total, reply.made_at)


def _judge(call: Call, reply: Reply) -> None:
    """Raise what an answer means; the error's name is its code."""
    error = reply.payload.get("error") if isinstance(reply.payload, dict) else None
    name = error.get("name") if isinstance(error, dict) else None
    judge_status(SYSTEM, call, reply, name if isinstance(name, str) else None)


def _version(row: JsonObject) -> tuple[str, str]:
    return str(row.get("id")), str(row.get("updatedAt"))


def _text(instant: datetime) -> str:
    """Write an instant as Strapi does: UTC with milliseconds."""
    moment = instant.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@contextmanager
def open_client(app: App, options: ClientOptions, lane: Lane) -> Iterator[StrapiClient]:
    """Open the client of an app and close it at the end.

    Args:
        app: an app of type ``strapi``.
        options: set by the resource.
        lane: share of the account's budget.
    """
    config = StrapiConfig.model_validate(app.config)
    credentials = read_credentials(app, STRAPI)
    limits = Limits(
        calls_per_minute=config.calls_per_minute,
        calls_per_day=NO_DAILY_LIMIT,
        concurrency=CONCURRENCY,
    )
    with open_api(app, options, lane, account=f"strapi:{config.url}", limits=limits) as api:
        token = FixedToken("Bearer", credentials.api_token.get_secret_value())
        yield StrapiClient(api, config, token)


def _source(stream: Stream) -> Collection:
    source: Any = stream.source
    if not isinstance(source, Collection):
        raise TypeError(f"source of stream '{stream.name}' is not a Collection")
    return source
