"""SaleorClient: lists and fetches objects of one shop."""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from resources.api import Api, ApiClient, ClientOptions, open_api, read_credentials
from resources.auth import FixedToken
from resources.http import Call, CallKind, Judge, Reply
from resources.paging import chunked, read_ahead
from resources.saleor.queries import APP_CHECK
from resources.saleor.replies import SYSTEM, judge, judge_optional
from resources.saleor.source import SaleorConnection
from resources.saleor.system import SALEOR, SaleorConfig
from schemabase_dagster.clock import utc_now
from schemabase_dagster.errors import ProviderContractError, ProviderUnavailable
from schemabase_dagster.streams import Fetched, JsonObject, Lane, Page, Stream
from schemabase_dagster.tenancy import App

MAX_FIRST: Final = 100
"""Most records of a page (Saleor, connections)."""
NEEDED_PERMISSION: Final = "MANAGE_ORDERS"


class SaleorClient(ApiClient):
    """Client of one Saleor app, for the engine's ``Client`` protocol.

    Args:
        api: calls of the app.
        config: the app's configuration.
        auth: its app token.
    """

    def __init__(self, api: Api, config: SaleorConfig, auth: FixedToken) -> None:
        super().__init__(api)
        self._config = config
        self._auth = auth

    def iter_pages(
        self, stream: Stream, *, since: datetime | None, resume: JsonObject | None = None
    ) -> Iterator[Page]:
        """List records by ascending modified time, read ahead by one page.

        The cursor holds the sort values of the last row, so a record that changes meanwhile
        moves behind it and is listed again; none is skipped.

        Args:
            stream: its ``source`` is a ``SaleorConnection``.
            since: only records changed at or after it.
            resume: ``{"after": cursor}`` of an interrupted listing.
        """
        return read_ahead(self._pages(stream, since, resume))

    def iter_details(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Fetch records by id, 100 in a call.

        What the shop does not return is gone. That holds for drafts too: the list of orders
        leaves them out, so a draft never was a record here. An id that is not one of this
        object type is reported gone without being sent, as it would fail the whole call.
        """
        for chunk in chunked(ids, MAX_FIRST):
            yield from self._by_ids(_source(stream), chunk)

    def look_up(self, stream: Stream, ids: Iterable[str]) -> Iterator[Fetched]:
        """Tell which ids are gone: as ``iter_details``, which asks for 100 at once."""
        return self.iter_details(stream, ids)

    def count(self, stream: Stream) -> int | None:
        """Tell how many records a whole listing has, by one call."""
        source = _source(stream)
        if not source.count_document:
            return None
        reply = self._query("list", source.page_operation, source.count_document, {"first": 1})
        total = (reply.payload["data"].get(source.root) or {}).get("totalCount")
        return total if isinstance(total, int) else None

    def check(self) -> Mapping[str, str]:
        """Prove the token and that the app may read orders.

        Raises:
            CredentialError: the token is unknown, or the permission is missing.
        """
        body = self._query("check", "AppCheck", APP_CHECK, {}).payload["data"]
        app = body.get("app")
        if not isinstance(app, dict):
            raise self._api.refused("PermissionDenied")
        permissions = {str(one.get("code")) for one in app.get("permissions") or []}
        if NEEDED_PERMISSION not in permissions:
            raise self._api.refused(f"the app lacks {NEEDED_PERMISSION}")
        return {
            "shop": str((body.get("shop") or {}).get("name", "")),
            "app": str(app.get("name", "")),
            "permissions": ", ".join(sorted(permissions)),
        }

    def _pages(
        self, stream: Stream, since: datetime | None, resume: JsonObject | None
    ) -> Iterator[Page]:
        source = _source(stream)
        if source.is_list:
            judged = judge_optional if source.is_optional else judge
            reply = self._query("list", source.page_operation, source.page_document, {}, judged)
            yield Page(_plain(reply, source), 1, None, reply.made_at)
            return
        after = (resume or {}).get("after")
        variables: dict[str, Any] = {"first": min(self._config.page_size, MAX_FIRST)}
        if "$from" in source.page_document:
            variables["from"] = since.astimezone(UTC).isoformat() if since else None
        number, more = 0, True
        while more:
            reply = self._query(
                "list", source.page_operation, source.page_document, {**variables, "after": after}
            )
            before = after
            records, after = _connection(reply, source)
            if after is not None and after == before:
                what = f"{source.page_operation}: the cursor does not move"
                raise ProviderUnavailable(SYSTEM, what, status=reply.status)
            more = after is not None
            number += 1
            yield Page(records, number, {"after": after} if more else None, reply.made_at)

    def _by_ids(self, source: SaleorConnection, ids: list[str]) -> Iterator[Fetched]:
        known = [one for one in dict.fromkeys(ids) if _is_global_id(one, source)]
        found: dict[str, JsonObject] = {}
        read_at = utc_now()
        if known:
            variables = {"first": MAX_FIRST, "ids": known}
            reply = self._query("detail", source.ids_operation, source.ids_document, variables)
            records, after = _connection(reply, source)
            if after is not None:
                what = f"{source.ids_operation}: more records than ids"
                raise ProviderContractError(SYSTEM, what, status=reply.status)
            found = {str(record.get("id")): record for record in records}
            read_at = reply.made_at
        for one in dict.fromkeys(ids):
            yield Fetched(one, found.get(one), read_at)

    def _query(
        self,
        kind: CallKind,
        operation: str,
        document: str,
        variables: Mapping[str, Any],
        judged: Judge = judge,
    ) -> Reply:
        body = {"operationName": operation, "query": document, "variables": dict(variables)}
        call = Call(kind, operation, "POST", self._config.api_url, json=body)
        return self._api.call(call, judged, self._auth)


@contextmanager
def open_client(app: App, options: ClientOptions, lane: Lane) -> Iterator[SaleorClient]:
    """Open the client of an app and close it at the end.

    Args:
        app: an app of type ``saleor``.
        options: set by the resource.
        lane: without effect, a shop has no shared budget.
    """
    config = SaleorConfig.model_validate(app.config)
    credentials = read_credentials(app, SALEOR)
    with open_api(app, options, lane) as api:
        yield SaleorClient(api, config, FixedToken("Bearer", credentials.token.get_secret_value()))


def _source(stream: Stream) -> SaleorConnection:
    if not isinstance(stream.source, SaleorConnection):
        raise TypeError(f"source of stream '{stream.name}' is not a SaleorConnection")
    return stream.source


def _connection(reply: Reply, source: SaleorConnection) -> tuple[list[JsonObject], str | None]:
    """Return the nodes of a connection and the cursor to go on from, if there is more."""
    connection = reply.payload["data"].get(source.root)
    try:
        nodes = [edge["node"] for edge in connection["edges"]]
        info = connection["pageInfo"]
        after = info["endCursor"] if info["hasNextPage"] else None
    except (KeyError, TypeError):
        nodes, after = None, None
    if nodes is None or not all(isinstance(node, dict) for node in nodes):
        what = f"{source.root}: no edges or pageInfo"
        raise ProviderContractError(SYSTEM, what, status=reply.status)
    return nodes, after


def _plain(reply: Reply, source: SaleorConnection) -> list[JsonObject]:
    """Return the objects of a plain list."""
    nodes = reply.payload["data"].get(source.root)
    if source.unfold is not None:
        nodes = source.unfold(nodes)
    if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
        raise ProviderContractError(SYSTEM, f"{source.root}: no list", status=reply.status)
    return nodes


def _is_global_id(text: str, source: SaleorConnection) -> bool:
    """Return whether a text is a global id of the source's type: base64 of ``Type:key``."""
    try:
        kind, _, key = base64.b64decode(text, validate=True).decode().partition(":")
        if source.id_kind == "uuid":
            UUID(key)
    except (ValueError, binascii.Error):
        return False
    return kind == source.object_type and (source.id_kind == "uuid" or key.isdecimal())
