"""Checks of reviews: does somebody know what was reviewed, and what was bought."""

from typing import Any, Final

from psycopg import Connection

from assets.checking import Check, Verdict, fetch_rows, none_of
from schemabase_dagster.tenancy import Tenant

ASSET: Final = ("core", "reviews")

_UNKNOWN_SKUS: Final = """
WITH known AS (
    SELECT sku FROM core.variants WHERE tenant_id = %(tenant_id)s AND deleted_at IS NULL
    UNION
    SELECT sku FROM core.order_lines WHERE tenant_id = %(tenant_id)s AND deleted_at IS NULL
)
SELECT r.sku, count(*) AS reviews, min(r.review_key) AS review, count(*) OVER () AS found
FROM core.reviews AS r
LEFT JOIN known AS k ON k.sku = r.sku
WHERE r.tenant_id = %(tenant_id)s
  AND r.deleted_at IS NULL
  AND r.sku IS NOT NULL
  AND k.sku IS NULL
GROUP BY r.sku
ORDER BY reviews DESC, r.sku
LIMIT 10
"""

_UNKNOWN_ORDERS: Final = """
SELECT r.review_key AS review, r.order_number, r.reviewed_at, count(*) OVER () AS found
FROM core.reviews AS r
WHERE r.tenant_id = %(tenant_id)s
  AND r.deleted_at IS NULL
  AND r.order_number IS NOT NULL
  AND r.order_id IS NULL
ORDER BY r.reviewed_at DESC
LIMIT 10
"""


def _check_skus(conn: Connection[Any], tenant: Tenant) -> Verdict:
    rows = fetch_rows(conn, _UNKNOWN_SKUS, {"tenant_id": tenant.id})
    return none_of(rows, "reviewed SKU that nobody sells", "reviewed SKUs that nobody sells")


def _check_orders(conn: Connection[Any], tenant: Tenant) -> Verdict:
    rows = fetch_rows(conn, _UNKNOWN_ORDERS, {"tenant_id": tenant.id})
    return none_of(rows, "review of an unknown order", "reviews of unknown orders")


CHECKS: Final = (
    Check(
        "unknown_skus",
        ASSET,
        "Every reviewed SKU is a variant or stands on an order. A renamed or mistyped SKU takes "
        "its ratings away from the product: correct it where reviews are collected.",
        _check_skus,
    ),
    Check(
        "unknown_orders",
        ASSET,
        "Every order that a review names is known. If all are unknown, the app's 'shop_prefix' is "
        "not that of the shop.",
        _check_orders,
    ),
)
