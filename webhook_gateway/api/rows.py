"""Queries of the read API. Each one names the tenants that it may read, on every table it reads.

All of them fetch for any number of keys at once, so that a document of any shape costs one
statement per level.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, LiteralString, TypeAlias
from uuid import UUID

from psycopg.rows import dict_row

from webhook_gateway.api.reader import Connection

Row: TypeAlias = dict[str, Any]

_ORDER_COLUMNS: LiteralString = """
    o.id, o.tenant_id, t.slug AS tenant, o.order_number, o.reference_number, o.ordered_at,
    o.expected_ship_date, o.status, o.payment_status, o.shipment_status, o.invoice_status,
    o.ready_to_fulfill, o.currency, o.carrier, o.shipping_method_name, o.language,
    o.shipping_net, o.shipping_gross, o.discount_code, o.discount_net, o.discount_gross,
    o.total_net, o.total_gross, o.updated_at, o.contact_id, o.first_name, o.last_name,
    o.shipping_address_id, o.billing_address_id
"""

_ORDERS: LiteralString = (
    "SELECT"
    + _ORDER_COLUMNS
    + """
FROM core.orders AS o
JOIN platform.tenant AS t ON t.id = o.tenant_id
WHERE o.tenant_id = ANY(%(tenant_ids)s)
  AND o.deleted_at IS NULL
"""
)

_BY_NUMBER: LiteralString = _ORDERS + "AND o.order_number = %(number)s ORDER BY t.slug"

_BY_ID: LiteralString = _ORDERS + "AND o.id = ANY(%(ids)s)"

# A page of each tenant by its index, then the first of these: one tenant's size costs no other.
_PAGE: LiteralString = (
    "SELECT"
    + _ORDER_COLUMNS
    + """
FROM unnest(%(tenant_ids)s::uuid[]) AS mine (tenant_id)
JOIN platform.tenant AS t ON t.id = mine.tenant_id
CROSS JOIN LATERAL (
    SELECT *
    FROM core.orders AS each
    WHERE each.tenant_id = mine.tenant_id
      AND each.deleted_at IS NULL
      AND (%(after_at)s::timestamptz IS NULL
           OR (each.ordered_at, each.id) {beyond} (%(after_at)s, %(after_id)s::uuid))
    ORDER BY each.ordered_at {way}, each.id {way}
    LIMIT %(limit)s
) AS o
ORDER BY o.ordered_at {way}, o.id {way}
LIMIT %(limit)s
"""
)

_NEWEST: LiteralString = _PAGE.replace("{beyond}", "<").replace("{way}", "DESC")

_OLDEST: LiteralString = _PAGE.replace("{beyond}", ">").replace("{way}", "ASC")

_ORDER_LINES: LiteralString = """
SELECT order_id, line_no, sku, description, quantity, tax_percentage, unit_net, unit_gross,
       total_net, total_gross
FROM core.order_lines
WHERE tenant_id = ANY(%(tenant_ids)s)
  AND order_id = ANY(%(ids)s)
  AND deleted_at IS NULL
ORDER BY order_id, line_no, id
"""

_PACKAGES: LiteralString = """
SELECT p.id, p.tenant_id, t.slug AS tenant, p.package_number, p.order_id, p.active, p.carrier,
       p.state, p.tracking_id, p.tracking_ids, p.carrier_tracking_url, p.packed_at, p.shipped_at,
       p.delivered_at, p.updated_at
FROM core.packages AS p
JOIN platform.tenant AS t ON t.id = p.tenant_id
WHERE p.tenant_id = ANY(%(tenant_ids)s)
  AND p.deleted_at IS NULL
"""

_BY_TRACKING: LiteralString = (
    _PACKAGES
    + """
  AND p.id IN (
      SELECT one.id FROM core.packages AS one
      WHERE one.tenant_id = ANY(%(tenant_ids)s) AND one.tracking_id = ANY(%(numbers)s)
      UNION
      SELECT several.id FROM core.packages AS several
      WHERE several.tenant_id = ANY(%(tenant_ids)s) AND several.tracking_ids IS NOT NULL
        AND several.tracking_ids && %(numbers)s
  )
ORDER BY t.slug, p.packed_at DESC NULLS LAST, p.id
LIMIT %(limit)s
"""
)

_PACKAGES_OF: LiteralString = (
    _PACKAGES + "AND p.order_id = ANY(%(ids)s) ORDER BY p.order_id, p.package_number, p.id"
)

_PACKAGE_LINES: LiteralString = """
SELECT package_id, line_no, sku, description, quantity
FROM core.package_lines
WHERE tenant_id = ANY(%(tenant_ids)s)
  AND package_id = ANY(%(ids)s)
  AND deleted_at IS NULL
ORDER BY package_id, line_no, id
"""

_EVENTS: LiteralString = """
SELECT package_id, event_at, state, state_changed, source_status, message, location, country_code,
       is_delayed
FROM core.package_events
WHERE tenant_id = ANY(%(tenant_ids)s)
  AND package_id = ANY(%(ids)s)
  AND deleted_at IS NULL
ORDER BY package_id, event_at, event_no, id
"""

_CONTACTS: LiteralString = """
SELECT id, email, first_name, last_name
FROM core.contacts
WHERE tenant_id = ANY(%(tenant_ids)s)
  AND id = ANY(%(ids)s)
"""

_ADDRESSES: LiteralString = """
SELECT id, full_name, company_name, street, line2, postal_code, city, region, country_code
FROM core.addresses
WHERE tenant_id = ANY(%(tenant_ids)s)
  AND id = ANY(%(ids)s)
"""

CHILDREN: Final[Mapping[str, tuple[LiteralString, str]]] = {
    "order_lines": (_ORDER_LINES, "order_id"),
    "packages": (_PACKAGES_OF, "order_id"),
    "package_lines": (_PACKAGE_LINES, "package_id"),
    "events": (_EVENTS, "package_id"),
}
"""Kind of rows -> query of those that belong to the rows ``ids``, and column of the owner."""

SINGLE: Final[Mapping[str, LiteralString]] = {
    "orders": _BY_ID,
    "contacts": _CONTACTS,
    "addresses": _ADDRESSES,
}
"""Kind of rows -> query of those whose ids are ``ids``."""

QUERIES: Final[tuple[LiteralString, ...]] = (
    _BY_NUMBER,
    _NEWEST,
    _OLDEST,
    _BY_TRACKING,
    *(query for query, _ in CHILDREN.values()),
    *SINGLE.values(),
)
"""All of them, for the test that each names its tenants."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list of orders: right behind the order of this time and id."""

    ordered_at: datetime
    id: UUID


class Rows:
    """Rows of some tenants, on a connection in a transaction."""

    def __init__(self, conn: Connection, tenant_ids: Sequence[UUID]) -> None:
        self._conn = conn
        self._tenant_ids = list(tenant_ids)

    async def orders_by_number(self, number: str, tenant_ids: Sequence[UUID]) -> list[Row]:
        """Return the orders of a number: at most one per tenant."""
        return await self._fetch(_BY_NUMBER, self._only(tenant_ids), number=number)

    async def page_of_orders(
        self, tenant_ids: Sequence[UUID], place: Place | None, limit: int, *, newest_first: bool
    ) -> list[Row]:
        """Return the orders behind a place, or the first ones."""
        return await self._fetch(
            _NEWEST if newest_first else _OLDEST,
            self._only(tenant_ids),
            after_at=place.ordered_at if place else None,
            after_id=place.id if place else None,
            limit=limit,
        )

    async def packages_by_tracking(
        self, numbers: Sequence[str], tenant_ids: Sequence[UUID], limit: int
    ) -> list[Row]:
        """Return the packages that bear one of some tracking numbers."""
        return await self._fetch(
            _BY_TRACKING, self._only(tenant_ids), numbers=list(numbers), limit=limit
        )

    async def children(self, kind: str, owners: Sequence[UUID]) -> list[list[Row]]:
        """Return the rows of a kind that belong to each owner, in the order of the owners."""
        query, column = CHILDREN[kind]
        found: dict[UUID, list[Row]] = {owner: [] for owner in owners}
        for row in await self._fetch(query, self._tenant_ids, ids=list(owners)):
            found[row[column]].append(row)
        return [found[owner] for owner in owners]

    async def single(self, kind: str, ids: Sequence[UUID]) -> list[Row | None]:
        """Return the row of each id, None where there is none."""
        found = {
            row["id"]: row
            for row in await self._fetch(SINGLE[kind], self._tenant_ids, ids=list(ids))
        }
        return [found.get(each) for each in ids]

    def _only(self, tenant_ids: Sequence[UUID]) -> list[UUID]:
        return [each for each in tenant_ids if each in self._tenant_ids]

    async def _fetch(
        self, query: LiteralString, tenant_ids: Sequence[UUID], **values: Any
    ) -> list[Row]:
        async with self._conn.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, {"tenant_ids": list(tenant_ids), **values})
            return await cursor.fetchall()
