"""The routes of product feeds and logistics numbers, which an unguessable address alone opens."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Final, LiteralString
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from psycopg.rows import dict_row
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from schemabase_dagster import read_endpoints
from schemabase_dagster.clock import utc_now
from schemabase_dagster.read_endpoints import FEATURES, VARIANTS, Kind
from webhook_gateway.answers import Refusal
from webhook_gateway.api.reader import Connection, Reader
from webhook_gateway.api.visits import Rarely, Visit, answer, refused
from webhook_gateway.buckets import Buckets
from webhook_gateway.endpoints import UNKNOWN_PER_MINUTE
from webhook_gateway.link import Desk
from webhook_gateway.notes import Notes

ENDPOINT_ID: Final = re.compile(r"rd_[a-z2-7]{26}", re.ASCII)
NOT_MADE_SECONDS: Final = 60

# As the reference answers them (webhooks A4.8, A4.9).
FEED_CACHE: Final = "s-maxage=1, stale-while-revalidate"
BUSY_CACHE: Final = "s-maxage=900, stale-while-revalidate"
QUIET_CACHE: Final = "s-maxage=3600, stale-while-revalidate"
BUSY_HOURS: Final = range(8, 18)
CROSS_ORIGIN: Final[Mapping[str, str]] = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, OPTIONS",
}

_OPEN: LiteralString = """
SELECT
    e.id,
    t.slug AS tenant,
    t.timezone,
    e.enabled AND t.active AND EXISTS (
        SELECT FROM platform.entitlement AS p
        WHERE p.tenant_id = e.tenant_id AND p.feature IN (%(feature)s, '*')
          AND p.valid_from <= now() AND p.valid_until > now()
    ) AS is_open,
"""

_FEED: LiteralString = (
    _OPEN
    + """
    f.version, f.md5, f.byte_count, f.part_count, f.changed_at
FROM platform.read_endpoint AS e
JOIN platform.tenant AS t ON t.id = e.tenant_id
LEFT JOIN platform.product_feed AS f
    ON f.tenant_id = e.tenant_id AND f.endpoint_id = e.id AND f.variant = %(variant)s
WHERE (e.id = %(id)s OR e.former_id = %(former_id)s)
  AND e.kind = 'product_feed'
  AND e.deleted_at IS NULL
"""
)

_NUMBERS: LiteralString = (
    _OPEN
    + """
    n.ready_now, n.ready_next_five_days, n.bulk_now, n.bulk_next_five_days, n.made_at
FROM platform.read_endpoint AS e
JOIN platform.tenant AS t ON t.id = e.tenant_id
LEFT JOIN platform.logistics_numbers AS n ON n.tenant_id = e.tenant_id
WHERE (e.id = %(id)s OR e.former_id = %(former_id)s)
  AND e.kind = 'logistics'
  AND e.deleted_at IS NULL
"""
)

_PART: LiteralString = """
SELECT body
FROM platform.product_feed_part
WHERE endpoint_id = %(id)s AND variant = %(variant)s AND version = %(version)s
  AND part_no = %(part_no)s
"""


class Published:
    """The routes ``/v1/feeds/{variant}/{id}`` and ``/v1/stats/logistics/{id}``."""

    def __init__(self, reader: Reader, desk: Desk, notes: Notes) -> None:
        self._reader = reader
        self._desk = desk
        self._notes = notes
        self._unknown = Buckets()
        self._marked = Rarely()

    async def feed(self, request: Request) -> Response:
        """Serve a product feed, or 304 to who has its present text."""
        visit = Visit(request, "feed")
        return await answer(visit, self._notes, lambda: self._feed(visit), refused)

    async def logistics(self, request: Request) -> Response:
        """Serve the logistics numbers; any page may ask for them."""
        visit = Visit(request, "logistics")
        response = await answer(visit, self._notes, lambda: self._logistics(visit), refused)
        response.headers.update(CROSS_ORIGIN)
        return response

    async def _feed(self, visit: Visit) -> Response:
        variant = visit.request.path_params["variant"]
        row = await self._find(visit, "product_feed", _FEED, variant if variant in VARIANTS else "")
        if variant not in VARIANTS:
            raise Refusal(404, "variant_unknown")
        if row["version"] is None:
            raise Refusal(503, "feed_not_made", retry_after=NOT_MADE_SECONDS)
        headers = {
            "etag": f'"{row["md5"]}"',
            "last-modified": _http_date(row["changed_at"]),
            "cache-control": FEED_CACHE,
        }
        if _is_known(visit.request, row["md5"], row["changed_at"]):
            return Response(status_code=304, headers=headers)
        place = {"id": visit.endpoint, "variant": variant, "version": row["version"]}
        first = await self._part(place, 0) if row["part_count"] else b""
        return StreamingResponse(
            self._parts(place, first, row["part_count"]),
            headers={
                **headers,
                "content-type": "text/csv",
                "content-length": str(row["byte_count"]),
                "content-disposition": (f"attachment; filename=productdatafeed-{row['md5']}.csv"),
            },
        )

    async def _logistics(self, visit: Visit) -> Response:
        if visit.request.method == "OPTIONS":
            return Response()
        row = await self._find(visit, "logistics", _NUMBERS)
        if row["made_at"] is None:
            raise Refusal(503, "numbers_not_made", retry_after=NOT_MADE_SECONDS)
        ready, bulk = (
            {"current": row[f"{name}_now"], "next_five_days": row[f"{name}_next_five_days"]}
            for name in ("ready", "bulk")
        )
        total = {key: ready[key] + bulk[key] for key in ready}
        body = {
            "orders": {"ready_to_fulfill": ready, "bulk_orders": bulk, "total": total},
            "creation_time": _http_date(row["made_at"]),
        }
        is_busy = utc_now().astimezone(_zone(row["timezone"])).hour in BUSY_HOURS
        cache = BUSY_CACHE if is_busy else QUIET_CACHE
        return Response(
            orjson.dumps(body), headers={"cache-control": cache}, media_type="application/json"
        )

    async def _find(
        self, visit: Visit, kind: Kind, query: LiteralString, variant: str = ""
    ) -> dict[str, Any]:
        """Return what an endpoint serves.

        Raises:
            Refusal: 404, equal for all that is not there; 403 when it is switched off, not paid or
                of an archived tenant; 429 for an address that tries out ids.
        """
        ids = _ids_of(visit.request)
        row = None
        if ids is not None:
            values = {**ids, "feature": FEATURES[kind], "variant": variant}
            row = await self._reader.read(_fetch_one(query, values))
        if row is None:
            wait = self._unknown.take(visit.source_ip or "", UNKNOWN_PER_MINUTE)
            if wait:
                raise Refusal(429, "unknown_endpoints", retry_after=wait)
            raise Refusal(404, "endpoint_unknown")
        visit.endpoint, visit.tenants = row["id"], [row["tenant"]]
        if not row["is_open"]:
            raise Refusal(403, "endpoint_closed")
        if self._marked.passes(row["id"]):
            with suppress(Refusal):
                await self._desk.ask(read_endpoints.mark_read, row["id"])
        return row

    async def _part(self, place: Mapping[str, Any], number: int) -> bytes:
        row = await self._reader.read(_fetch_one(_PART, {**place, "part_no": number}))
        if row is None:
            raise Refusal(503, "feed_replaced", retry_after=1)
        return bytes(row["body"])

    async def _parts(
        self, place: Mapping[str, Any], first: bytes, count: int
    ) -> AsyncIterator[bytes]:
        # Between two parts a reader that is slow holds nothing. If the feed is made twice while it
        # reads, its connection breaks off before the announced length, which it notices.
        yield first
        for number in range(1, count):
            yield await self._part(place, number)


def _ids_of(request: Request) -> dict[str, str | None] | None:
    """Return by which id of the path an endpoint is found; None when it can be nobody's."""
    former_id = request.path_params.get("old_id")
    if former_id is not None:
        return None if "\x00" in former_id else {"id": None, "former_id": former_id}
    endpoint_id = request.path_params["endpoint_id"]
    is_ours = ENDPOINT_ID.fullmatch(endpoint_id) is not None
    return {"id": endpoint_id, "former_id": None} if is_ours else None


def _fetch_one(
    query: LiteralString, values: Mapping[str, Any]
) -> Callable[[Connection], Awaitable[dict[str, Any] | None]]:
    async def fetch(conn: Connection) -> dict[str, Any] | None:
        async with conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, values)
            return await cursor.fetchone()

    return fetch


def _is_known(request: Request, md5: str, changed_at: datetime) -> bool:
    """Tell whether the client has the text; its entity tag counts before its time (RFC 9110)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        known = {tag.strip().removeprefix("W/").strip('"') for tag in tags.split(",")}
        return "*" in known or md5 in known
    since = request.headers.get("if-modified-since")
    if since is None:
        return False
    try:
        instant = parsedate_to_datetime(since)
    except (ValueError, IndexError, OverflowError):
        return False
    aware = instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    return changed_at.replace(microsecond=0) <= aware


def _http_date(instant: datetime) -> str:
    return format_datetime(instant.astimezone(UTC), usegmt=True)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
