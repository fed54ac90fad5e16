"""Which SKUs a tenant has: ratings can only be asked for by SKU."""

from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote
from uuid import UUID

from schemabase_dagster import database

SEPARATOR: Final = ";"
SKUS_IN_CALL: Final = 100
URL_BYTES: Final = 6000
"""Longest list of SKUs in an address, percent-encoded."""

_KNOWN: Final = """
WITH known AS (
    SELECT sku, active FROM core.variants WHERE tenant_id = %(tenant_id)s AND deleted_at IS NULL
    UNION ALL
    SELECT sku, true FROM core.order_lines WHERE tenant_id = %(tenant_id)s AND deleted_at IS NULL
    UNION ALL
    -- not from core: on a first sync reviews have landed when ratings are asked for, no more
    SELECT payload ->> 'sku', true FROM raw.reviewsio_product_reviews
    WHERE tenant_id = %(tenant_id)s AND deleted_at IS NULL
)
SELECT sku
FROM known
WHERE sku <> '' AND position(%(separator)s IN sku) = 0
GROUP BY sku
ORDER BY bool_or(active) DESC, sku
"""


def known_skus(tenant_id: UUID) -> list[str]:
    """Return the SKUs of a tenant's variants, order lines and reviews, active variants first.

    A SKU with a semicolon cannot be asked for: it would be read as two.
    """
    with database.transaction() as conn:
        rows = conn.execute(_KNOWN, {"tenant_id": tenant_id, "separator": SEPARATOR})
        return [row[0] for row in rows]


def in_calls(skus: Iterable[str]) -> Iterator[list[str]]:
    """Yield the SKUs in lists that fit one call each."""
    chunk: list[str] = []
    size = 0
    for sku in skus:
        length = len(quote(sku, safe="")) + len(quote(SEPARATOR, safe=""))
        if chunk and (len(chunk) == SKUS_IN_CALL or size + length > URL_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(sku)
        size += length
    if chunk:
        yield chunk
