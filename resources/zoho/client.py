"""ZohoClient: lists and fetches records of one organisation."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from resources.api import Api, ApiClient, ClientOptions, open_api, read_credentials
from resources.auth import SharedToken
from resources.consent import RIGHTS
from resources.http import Call, CallKind, Reply
from resources.limits import Limits
from resources.paging import chunked, map_unordered, read_ahead
from resources.zoho.listing import PAGE_SIZE, Listing, search_last_row
from resources.zoho.replies import SYSTEM, api_judge, detail_judge, is_missing, token_judge
from resources.zoho.source import ZohoInside, ZohoList
from resources.zoho.system import ZOHO, ZohoConfig, ZohoCredentials
from schemabase_dagster.clock import parse_instant, utc_now
from schemabase_dagster.errors import ProviderContractError, ProviderRejected
from schemabase_dagster.streams import Fetched, JsonObject, Lane, Page, Stream
from schemabase_dagster.tenancy import App
from schemabase_dagster.tokens import Token

SCOPE: Final = "ZohoInventory.FullAccess.all,ZohoBooks.FullAccess.all"
TOKEN_SECONDS: Final = 3600.0
RENEW_SECONDS: Final = 300.0
"""A token is renewed when it has so long to live."""
MINUTE_SHARE: Final = 0.9
"""Part of the minute limit used as steady rate; the rest is for bursts."""
BURST_SHARE: Final = 0.08
SMALLEST_BURST: Final = 5.0
"""One call of the back-fill beside the tokens that are kept for webhooks and new records."""
IDS_IN_FILTER: Final = 200
"""Most ids that a list filter takes (Zoho, ``salesorder_ids``)."""
BULK_IDS: Final = 100
"""Most ids of a call for many details (Zoho, ``itemdetails``)."""
PROOF_SAMPLE: Final = 20
"""So many ids are asked for one by one: all of a few, and as the proof of what a list says."""


class ZohoClient(ApiClient):
    """Client of one Zoho app, for the engine's ``Client`` protocol.

    Args:
        api: calls of the app.
        config: the app's configuration.
        credentials: its OAuth client.
        workers: detail calls at one time.
    """

    def __init__(
        self, api: Api, config: ZohoConfig, credentials: ZohoCredentials, workers: int
    ) -> None:
        super().__init__(api)
        self._config = config
        self._credentials = credentials
        self._workers = workers
        self._judge = api_judge(api.scale)
        self._auth = SharedToken(
            api.app,
            scheme="Zoho-oauthtoken",
            refresh=self._new_token,
            min_seconds_left=RENEW_SECONDS / api.scale,
        )

    def iter_pages(
        self, stream: Stream, *, since: datetime | None, resume: JsonObject | None = None
    ) -> Iterator[Page]:
        """List records newest first, read ahead by one page.

        Args:
            stream: its ``source`` is a ``ZohoList``.
            since: only records changed at or after it; of a list without that filter, which is
                sorted newest first, the pages up to the first older row are read.
            resume: ``{"position": rows read}`` of an interrupted listing; the page before it is
                read again, because rows may have moved meanwhile.
        """
        return read_ahead(self._pages(stream, since, resume))

    def iter_details(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Fetch records by id, as they arrive: one call each, or 100 in one where Zoho can.

        An id that Zoho does not know (404 with a code of its own) is gone. Records of streams
        that only list come in the detail's shape: proof that they exist, nothing to land.
        """
        if _source(stream).bulk is not None:
            return self._bulk(stream, ids)
        return map_unordered(
            lambda external_id: self._detail(stream, external_id), ids, workers=self._workers
        )

    def look_up(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Tell which ids are gone; many are asked for by the list's filter, 199 in a call.

        What the list does not show is gone if a sample of it is gone by calls of its own: a record
        that no list shows must not look like a deletion. The rest is fetched one by one.
        """
        wanted = list(ids)
        absent = self._absent(stream, wanted) if len(wanted) > PROOF_SAMPLE else set()
        sample = [key for key in wanted if key in absent][:PROOF_SAMPLE]
        proofs = list(self.iter_details(stream, sample))
        yield from proofs
        if any(proof.record is not None for proof in proofs):
            absent = set()
        rest = [key for key in wanted if key not in set(sample)]
        for key in rest:
            if key in absent:
                yield Fetched(key, None, proofs[0].read_at)
        yield from self.iter_details(stream, [key for key in rest if key not in absent])

    def count(self, stream: Stream) -> int | None:
        """Tell about how many records a whole listing has, within 5 per cent.

        Zoho does not say; the last page is searched for, with some ten calls for 20,000 records.
        """
        return search_last_row(lambda page: self._rows_of(_source(stream), page))

    def check(self) -> Mapping[str, str]:
        """Prove the credentials and that they see the configured organisation; tell the scopes."""
        url = f"{self._config.api_root('inventory')}/organizations"
        reply = self._api.call(
            Call("check", "list organizations", "GET", url), self._judge, self._auth
        )
        organizations = reply.payload.get("organizations") or []
        for organization in organizations:
            if str(organization.get("organization_id")) == self._config.organization_id:
                facts = ("name", "time_zone", "language_code", "currency_code", "plan_name")
                seen = {fact: str(organization.get(fact, "")) for fact in facts}
                return {**seen, RIGHTS: str(self._ask_token().payload.get("scope") or "")}
        raise ProviderRejected(
            SYSTEM, "check: 'organization_id' is not an organisation of these credentials"
        )

    def _pages(
        self, stream: Stream, since: datetime | None, resume: JsonObject | None
    ) -> Iterator[Page]:
        source = _source(stream)
        position = max(0, int((resume or {}).get("position", 0)) - PAGE_SIZE)
        listing = Listing(lambda row: _text(row.get(stream.id_field)), position)
        params = _filters(source, since)
        number, more = 0, True
        while more:
            page, size = listing.next_page()
            asked = {**params, "page": str(page), "per_page": str(size)}
            reply = self._get("list", f"list {source.path}", source, source.path, asked)
            rows = _rows(reply.payload, source)
            context = reply.payload.get("page_context") or {}
            served = int(context.get("per_page") or size)
            fresh = listing.accept(rows, page=page, asked=size, served=served)
            if fresh is None:
                continue
            more = context.get("has_more_page") is True
            if since is not None and source.sort_column and not source.modified_filter:
                recent = [row for row in fresh if not _is_older(stream, row, since)]
                more, fresh = more and len(recent) == len(fresh), recent
            number += 1
            position_after = {"position": listing.position} if more else None
            yield Page(fresh, number, position_after, reply.made_at)

    def _absent(self, stream: Stream, ids: Iterable[str]) -> set[str]:
        """Return the ids that the filtered list does not show; empty when it cannot be trusted.

        A record that exists is asked for with every chunk: its row proves that the filter works.
        """
        source = _source(stream)
        control = self._some_id(stream) if source.ids_filter is not None else None
        if source.ids_filter is None or control is None:
            return set()
        absent: set[str] = set()
        for chunk in chunked(ids, IDS_IN_FILTER - 1):
            asked = {*chunk, control}
            params = {
                **source.filters,
                source.ids_filter: ",".join(asked),
                "per_page": str(PAGE_SIZE),
            }
            reply = self._get("list", f"list {source.path} by id", source, source.path, params)
            shown = {str(row.get(stream.id_field)) for row in _rows(reply.payload, source)}
            if control not in shown or not shown <= asked:
                return set()
            absent |= asked - shown
        return absent

    def _some_id(self, stream: Stream) -> str | None:
        source = _source(stream)
        params = {**_filters(source, None), "page": "1", "per_page": "1"}
        reply = self._get("list", f"list {source.path}", source, source.path, params)
        return next((_text(row.get(stream.id_field)) for row in _rows(reply.payload, source)), None)

    def _rows_of(self, source: ZohoList, page: int) -> tuple[int, bool]:
        params = {**source.filters, "page": str(page), "per_page": str(PAGE_SIZE)}
        reply = self._get("list", f"count {source.path}", source, source.path, params)
        context = reply.payload.get("page_context") or {}
        return len(_rows(reply.payload, source)), context.get("has_more_page") is True

    def _detail(self, stream: Stream, external_id: str) -> Fetched:
        source = _source(stream)
        if not external_id.isascii() or not external_id.isdigit():
            return Fetched(external_id, None, utc_now())  # Zoho's ids are digits
        path, what = f"{source.path}/{external_id}", f"get {source.path}/{external_id}"
        reply = self._get("detail", what, source, path, source.detail_params)
        if is_missing(reply):
            return Fetched(external_id, None, reply.made_at)
        key = source.detail_key or _only_object(reply.payload)
        record = reply.payload.get(key)
        if not isinstance(record, dict):
            raise ProviderContractError(SYSTEM, f"{what}: no object '{key}'", status=reply.status)
        for inside in source.inside:
            if inside.needed(record):
                record = {**record, inside.field: self._inside(source, inside, path)}
        return Fetched(external_id, record, reply.made_at)

    def _bulk(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Fetch many details in a call; what it leaves out is asked for by a call of its own."""
        source = _source(stream)
        for chunk in chunked(ids, BULK_IDS):
            params = {source.bulk_ids: ",".join(chunk)}
            what = f"get {source.bulk}"
            reply = self._get("detail", what, source, source.bulk or "", params)
            rows = [] if is_missing(reply) else _rows(reply.payload, source)
            shown = {str(row.get(stream.id_field)): row for row in rows}
            for external_id in chunk:
                if external_id in shown:
                    yield Fetched(external_id, shown[external_id], reply.made_at)
                else:
                    yield self._detail(stream, external_id)

    def _inside(self, source: ZohoList, inside: ZohoInside, path: str) -> list[JsonObject]:
        """Return what lies inside a record; Zoho gives one of them as an object at times."""
        what = f"get {path}/{inside.path}"
        reply = self._get("detail", what, source, f"{path}/{inside.path}", {})
        found = next((reply.payload[key] for key in inside.keys if key in reply.payload), None)
        rows = [found] if isinstance(found, dict) else found
        if is_missing(reply):
            return []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ProviderContractError(SYSTEM, f"{what}: no list '{inside.keys[0]}'")
        return rows

    def _get(
        self, kind: CallKind, what: str, source: ZohoList, path: str, params: Mapping[str, str]
    ) -> Reply:
        call = Call(
            kind,
            what,
            "GET",
            f"{self._config.api_root(source.api)}/{path}",
            params={"organization_id": self._config.organization_id, **params},
        )
        judge = detail_judge(self._judge) if kind == "detail" else self._judge
        return self._api.call(call, judge, self._auth)

    def _ask_token(self) -> Reply:
        """Ask for an access token; the answer tells its scopes, too."""
        secrets = self._credentials
        form = {
            "client_id": secrets.client_id.get_secret_value(),
            "client_secret": secrets.client_secret.get_secret_value(),
        }
        if secrets.refresh_token is not None:
            form["grant_type"] = "refresh_token"
            form["refresh_token"] = secrets.refresh_token.get_secret_value()
        else:
            form["grant_type"] = "client_credentials"
            form["scope"] = SCOPE
        url = f"{self._config.accounts_root()}/oauth/v2/token"
        call = Call("token", "get an access token", "POST", url, form=form)
        return self._api.call_openly(call, token_judge(self._api.refused, self._api.scale))

    def _new_token(self) -> Token:
        reply = self._ask_token()
        seconds = float(reply.payload.get("expires_in") or TOKEN_SECONDS)
        # One that lives shorter than the margin would be renewed before every call.
        seconds = max(seconds, 2 * RENEW_SECONDS)
        return Token(reply.payload["access_token"], seconds / self._api.scale)


@contextmanager
def open_client(
    app: App, options: ClientOptions, lane: Lane, *, concurrency: int
) -> Iterator[ZohoClient]:
    """Open the client of an app and close it at the end.

    Args:
        app: an app of type ``zoho``.
        options: set by the resource.
        lane: share of the account's budget.
        concurrency: calls in flight over all processes, one of them for webhooks only.
    """
    config = ZohoConfig.model_validate(app.config)
    credentials = read_credentials(app, ZOHO)
    limits = Limits(
        calls_per_minute=config.calls_per_minute * MINUTE_SHARE,
        calls_per_day=config.calls_per_day,
        concurrency=concurrency,
        burst=max(SMALLEST_BURST, config.calls_per_minute * BURST_SHARE),
    )
    account = f"zoho:{ZOHO.instance_key(config)}"
    with open_api(app, options, lane, account=account, limits=limits) as api:
        yield ZohoClient(api, config, credentials, workers=max(1, concurrency - 1))


def _source(stream: Stream) -> ZohoList:
    if not isinstance(stream.source, ZohoList):
        raise TypeError(f"source of stream '{stream.name}' is not a ZohoList")
    return stream.source


def _filters(source: ZohoList, since: datetime | None) -> dict[str, str]:
    params = dict(source.filters)
    if source.sort_column is not None:
        params |= {"sort_column": source.sort_column, "sort_order": "D"}
    if since is not None and source.modified_filter:
        # httpx encodes the plus sign as %2B, once: Zoho reads a bare one as a blank
        params["last_modified_time"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
    return params


def _is_older(stream: Stream, row: JsonObject, since: datetime) -> bool:
    """Return whether a row surely did not change since then; what is unreadable is judged later."""
    try:
        modified = parse_instant(row[stream.modified_field or ""])
    except (KeyError, TypeError, ValueError):
        return False
    return modified < since


def _rows(payload: JsonObject, source: ZohoList) -> list[JsonObject]:
    keys = (source.list_key, *source.other_list_keys)
    rows = next((payload[key] for key in keys if key in payload), None)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ProviderContractError(SYSTEM, f"list {source.path}: no list '{source.list_key}'")
    return rows


def _only_object(payload: JsonObject) -> str:
    """Return the key of the record in a detail answer whose key the stream does not name."""
    return next((key for key, value in payload.items() if isinstance(value, dict)), "record")


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None
