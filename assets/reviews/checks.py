"""Checks of reviews: does somebody know what was reviewed, and what was bought."""

from typing import Final

from assets.checking import Check, none_found

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


CHECKS: Final = (
    Check(
        "unknown_skus",
        ASSET,
        "Every reviewed SKU is a variant or stands on an order. A renamed or mistyped SKU takes "
        "its ratings away from the product: correct it where reviews are collected.",
        none_found(
            _UNKNOWN_SKUS, "reviewed SKU that nobody sells", "reviewed SKUs that nobody sells"
        ),
    ),
    Check(
        "unknown_orders",
        ASSET,
        "Every order that a review names is known. If all are unknown, the app's 'shop_prefix' is "
        "not that of the shop.",
        none_found(_UNKNOWN_ORDERS, "review of an unknown order", "reviews of unknown orders"),
    ),
)
