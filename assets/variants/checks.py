"""Checks of variants: does a catalogue know what is sold, and do its taxes agree."""

from typing import Any, Final

from psycopg import Connection

from assets.checking import Check, Verdict, fetch_rows, none_of
from schemabase_dagster.tenancy import Tenant

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


def _check_skus(conn: Connection[Any], tenant: Tenant) -> Verdict:
    rows = fetch_rows(conn, _UNKNOWN, {"tenant_id": tenant.id})
    return none_of(rows, "ordered SKU without a variant", "ordered SKUs without a variant")


def _check_taxes(conn: Connection[Any], tenant: Tenant) -> Verdict:
    rows = fetch_rows(conn, _TAXES, {"tenant_id": tenant.id})
    return none_of(rows, "variant that is taxed two ways", "variants that are taxed two ways")


CHECKS: Final = (
    Check(
        "ordered_skus",
        ASSET,
        "Every SKU on an order is one of a catalogue. One that is not was deleted, or mistyped "
        "where the order was entered: its lines have no product.",
        _check_skus,
    ),
    Check(
        "tax_rates",
        ASSET,
        "The tax of every variant is a known rate, and one of its tax class. Otherwise books and "
        "shop charge different taxes.",
        _check_taxes,
    ),
)
