"""Checks of variants: does a catalogue know what is sold, and do its taxes agree."""

from typing import Final

from assets.checking import Check, none_found

ASSET: Final = ("core", "variants")

_UNKNOWN: Final = """
SELECT l.sku, count(*) AS lines, max(o.order_number) AS order_number, count(*) OVER () AS found
FROM core.order_lines AS l
JOIN core.orders AS o ON o.id = l.order_id
WHERE l.tenant_id = %(tenant_id)s
  AND l.variant_id IS NULL
  AND l.sku <> ''
  AND l.deleted_at IS NULL
  AND o.deleted_at IS NULL
  AND EXISTS (SELECT FROM core.variants AS v WHERE v.tenant_id = %(tenant_id)s)
GROUP BY l.sku
ORDER BY lines DESC, l.sku
LIMIT 10
"""

# The ERP taxes by percentage, the shop by class and country: a class that has no rate of that
# percentage anywhere would be taxed otherwise in the shop.
_TAXES: Final = """
SELECT v.sku, v.tax_percentage::text, c.name AS tax_class,
       string_agg(DISTINCT r.percentage::text, ', ') AS rates_of_class, count(*) OVER () AS found
FROM core.variants AS v
LEFT JOIN core.tax_classes AS c ON c.id = v.tax_class_id
LEFT JOIN core.tax_rates AS r ON r.tax_class_id = c.id AND r.deleted_at IS NULL
WHERE v.tenant_id = %(tenant_id)s
  AND v.deleted_at IS NULL
  AND v.tax_percentage IS NOT NULL
GROUP BY v.id, v.sku, v.tax_percentage, c.name
HAVING count(r.id) > 0 AND NOT bool_or(r.percentage = v.tax_percentage)
    OR NOT EXISTS (
        SELECT FROM core.tax_rates AS known
        WHERE known.tenant_id = %(tenant_id)s AND known.deleted_at IS NULL
            AND known.percentage = v.tax_percentage)
ORDER BY v.sku
LIMIT 10
"""


CHECKS: Final = (
    Check(
        "ordered_skus",
        ASSET,
        "Every SKU on an order is one of a catalogue. One that is not was deleted, or mistyped "
        "where the order was entered: its lines have no product.",
        none_found(_UNKNOWN, "ordered SKU without a variant", "ordered SKUs without a variant"),
    ),
    Check(
        "tax_rates",
        ASSET,
        "The tax of every variant is a known rate, and one of its tax class. Otherwise books and "
        "shop charge different taxes.",
        none_found(_TAXES, "variant that is taxed two ways", "variants that are taxed two ways"),
    ),
)
