"""platform/product_feed: what Google and Facebook fetch, one text per endpoint and format.

A feed is streamed: rows come from a cursor of the server, the text goes to a file and is stored in
parts, so that memory stays flat for any catalogue. A text that did not change is not written again.
"""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final, LiteralString

from psycopg import Connection
from psycopg.rows import class_row

from assets.publication import Publication
from assets.published.feed_rows import (
    COLUMNS,
    RICH_TEXT,
    Item,
    columns_of,
    csv_line,
    why_left_out,
)
from schemabase_dagster import database, read_endpoints
from schemabase_dagster.read_endpoints import Endpoint
from schemabase_dagster.tenancy import Tenant

PART_BYTES: Final = 256 * 1024
SPOOL_BYTES: Final = 4 * 1024 * 1024
"""A text up to this size stays in memory."""

ROWS_AT_ONCE: Final = 1000

HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "googlemerchant": COLUMNS,
    "facebookcommerce": (*COLUMNS, RICH_TEXT),
}

_ITEMS: LiteralString = """
WITH sold AS (
    SELECT DISTINCT core_id AS variant_id
    FROM core.external_ref
    WHERE entity = 'variant'
      AND tenant_id = %(tenant_id)s
      AND app_id = %(app_id)s
      AND deleted_at IS NULL
),
stocked AS (
    SELECT variant_id, sum(available) AS available
    FROM analytics.stock_current
    WHERE tenant = %(tenant)s
    GROUP BY variant_id
),
priced AS (
    SELECT
        variant_id,
        (array_agg(amount ORDER BY valid_from DESC NULLS LAST, id)
            FILTER (WHERE valid_until IS NULL))[1] AS regular,
        min(amount) FILTER (WHERE valid_until IS NOT NULL) AS offered,
        coalesce(min(currency), %(currency)s) AS currency
    FROM core.prices
    WHERE tenant_id = %(tenant_id)s
      AND owner_app_id = %(app_id)s
      AND sales_channel_id IS NOT DISTINCT FROM %(sales_channel_id)s
      AND min_quantity <= 1
      AND deleted_at IS NULL
      AND (valid_from IS NULL OR valid_from <= now())
      AND (valid_until IS NULL OR valid_until > now())
    GROUP BY variant_id
)
SELECT
    v.sku,
    v.name AS variant_name,
    p.name AS product_name,
    p.slug,
    coalesce(t.has_variants, count(*) OVER (PARTITION BY v.product_id) > 1) AS has_variants,
    v.active AND coalesce(p.active, false) AS is_published,
    coalesce(p.is_purchasable, true) AS is_purchasable,
    v.is_tracked,
    stocked.available,
    coalesce(priced.regular, priced.offered) AS price,
    CASE WHEN priced.offered < priced.regular THEN priced.offered END AS sale_price,
    priced.currency,
    p.description,
    p.search_description,
    v.media_urls AS variant_pictures,
    coalesce(p.media_urls, '{}') AS product_pictures,
    coalesce(v.gtin, p.gtin) AS gtin,
    p.brand,
    v.weight_g,
    coalesce(p.attributes, '{}') AS attributes
FROM sold
JOIN core.variants AS v ON v.tenant_id = %(tenant_id)s AND v.id = sold.variant_id
LEFT JOIN core.products AS p
    ON p.tenant_id = v.tenant_id AND p.id = v.product_id AND p.deleted_at IS NULL
LEFT JOIN core.product_types AS t ON t.tenant_id = p.tenant_id AND t.id = p.product_type_id
LEFT JOIN stocked ON stocked.variant_id = v.id
LEFT JOIN priced ON priced.variant_id = v.id
WHERE v.deleted_at IS NULL
ORDER BY p.slug, v.product_id, v.sku, v.id
"""

_KNOWN: LiteralString = """
SELECT version, md5
FROM platform.product_feed
WHERE endpoint_id = %(endpoint_id)s AND variant = %(variant)s
"""

_CONFIRM: LiteralString = """
UPDATE platform.product_feed
SET made_at = now()
WHERE endpoint_id = %(endpoint_id)s AND variant = %(variant)s
"""

_STORE: LiteralString = """
INSERT INTO platform.product_feed
    (tenant_id, endpoint_id, variant, version, md5, byte_count, part_count, row_count, changed_at,
     made_at)
VALUES
    (%(tenant_id)s, %(endpoint_id)s, %(variant)s, %(version)s, %(md5)s, %(byte_count)s,
     %(part_count)s, %(row_count)s, now(), now())
ON CONFLICT (endpoint_id, variant) DO UPDATE
SET version = excluded.version,
    md5 = excluded.md5,
    byte_count = excluded.byte_count,
    part_count = excluded.part_count,
    row_count = excluded.row_count,
    changed_at = excluded.changed_at,
    made_at = excluded.made_at
"""

_COPY_PARTS: LiteralString = """
COPY platform.product_feed_part (endpoint_id, variant, version, part_no, body) FROM STDIN
"""

# Who reads the version before goes on reading it to its end.
_FORGET_PARTS: LiteralString = """
DELETE FROM platform.product_feed_part
WHERE endpoint_id = %(endpoint_id)s
  AND variant = %(variant)s
  AND version < %(version)s - 1
"""


class _Text:
    """A text on its way to the database: its bytes, kept in a file when they are many."""

    def __init__(self, head: tuple[str, ...]) -> None:
        self._head = head
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - closed by close
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.rows = 0
        self.size = 0

    @property
    def md5(self) -> str:
        return self._md5.hexdigest()

    @property
    def part_count(self) -> int:
        return -(-self.size // PART_BYTES)

    def add(self, columns: Mapping[str, str]) -> None:
        if not self.rows:
            self._write(csv_line(list(self._head)))
        self._write(csv_line([columns[name] for name in self._head]))
        self.rows += 1

    def parts(self) -> Iterator[bytes]:
        self._file.seek(0)
        while part := self._file.read(PART_BYTES):
            yield part

    def close(self) -> None:
        self._file.close()

    def _write(self, line: bytes) -> None:
        self._file.write(line)
        self._md5.update(line)
        self.size += len(line)


def publish(conn: Connection[Any], tenant: Tenant) -> dict[str, int]:
    """Make the feeds of all of a tenant's endpoints, in the caller's transaction."""
    done: Counter[str] = Counter(feeds=0, changed=0, rows=0)
    for endpoint in read_endpoints.list_endpoints(conn, tenant.slug, kind="product_feed"):
        if endpoint.enabled:
            done.update(_make(conn, tenant, endpoint))
    return dict(done)


def _make(conn: Connection[Any], tenant: Tenant, endpoint: Endpoint) -> dict[str, int]:
    # Two runs at once would take one number for two texts.
    database.advisory_xact_lock(conn, "product_feed", endpoint.id)
    texts = {variant: _Text(head) for variant, head in HEADS.items()}
    done: Counter[str] = Counter(feeds=1)
    try:
        for item in _items(conn, tenant, endpoint):
            if reason := why_left_out(item):
                done[reason] += 1
                continue
            columns = columns_of(item, endpoint.link_prefix or "")
            for text in texts.values():
                text.add(columns)
            done["rows"] += 1
        for variant, text in texts.items():
            done["changed"] += _store(conn, endpoint, variant, text)
    finally:
        for text in texts.values():
            text.close()
    return dict(done)


def _items(conn: Connection[Any], tenant: Tenant, endpoint: Endpoint) -> Iterator[Item]:
    values = {
        "tenant_id": tenant.id,
        "tenant": tenant.slug,
        "currency": tenant.default_currency,
        "app_id": endpoint.app_id,
        "sales_channel_id": endpoint.sales_channel_id,
    }
    with conn.cursor(name="product_feed_items", row_factory=class_row(Item)) as cursor:
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(_ITEMS, values)
        yield from cursor


def _store(conn: Connection[Any], endpoint: Endpoint, variant: str, text: _Text) -> bool:
    """Store a text unless it is the one that is stored; tell whether it was."""
    place = {"endpoint_id": endpoint.id, "variant": variant}
    known = conn.execute(_KNOWN, place).fetchone()
    if known is not None and known[1] == text.md5:
        conn.execute(_CONFIRM, place)
        return False
    version = 1 if known is None else known[0] + 1
    values = {
        **place,
        "tenant_id": endpoint.tenant_id,
        "version": version,
        "md5": text.md5,
        "byte_count": text.size,
        "part_count": text.part_count,
        "row_count": text.rows,
    }
    conn.execute(_STORE, values)
    with conn.cursor() as cursor, cursor.copy(_COPY_PARTS) as copy:
        for number, part in enumerate(text.parts()):
            copy.write_row((endpoint.id, variant, version, number, part))
    conn.execute(_FORGET_PARTS, {**place, "version": version})
    return True


PRODUCT_FEED = Publication(
    name="product_feed",
    kind="product_feed",
    description=(
        "Product data feeds as Google and Facebook fetch them at the gateway: one row per feed "
        "endpoint and format, the text beside it in parts. All variants of the shop that are "
        "published and have a SKU, sold-out ones too. Made after every pull of the catalogue, and "
        "within about a minute of a change that came by webhook; a text that did not change keeps "
        "its time and its `ETag`."
    ),
    entities=("product", "variant", "price", "stock"),
    publish=publish,
)
