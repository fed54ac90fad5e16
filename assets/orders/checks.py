"""Checks of orders: do the parts add up, and do the systems agree about one order."""

from typing import Final

from assets.checking import Check, none_found

ASSET: Final = ("core", "orders")

# What only editors' lists tell (currency XXX) has no lines until the books know it.
_EMPTY: Final = """
SELECT o.order_number, o.status, a.key AS app, count(*) OVER () AS found
FROM core.orders AS o
LEFT JOIN platform.app AS a ON a.id = o.owner_app_id
WHERE o.tenant_id = %(tenant_id)s
  AND o.deleted_at IS NULL
  AND o.line_count = 0
  AND o.status NOT IN ('draft', 'canceled')
  AND o.currency <> 'XXX'
ORDER BY o.ordered_at DESC
LIMIT 10
"""

_TOTALS: Final = """
WITH parts AS (
    SELECT o.order_number, o.currency, o.total_gross,
           sum(l.total_gross) + o.shipping_gross - coalesce(o.discount_gross, 0)
           + coalesce(o.adjustment, 0) AS summed
    FROM core.orders AS o
    JOIN core.order_lines AS l ON l.order_id = o.id AND l.deleted_at IS NULL
    WHERE o.tenant_id = %(tenant_id)s
      AND o.deleted_at IS NULL
      AND o.shipping_gross IS NOT NULL
    GROUP BY o.id
    HAVING bool_and(l.total_gross IS NOT NULL)
)
SELECT order_number, currency, total_gross::text AS total, summed::text AS sum_of_parts,
       count(*) OVER () AS found
FROM parts
WHERE abs(total_gross - summed) > 0.02
ORDER BY abs(total_gross - summed) DESC
LIMIT 10
"""

_DISAGREEMENTS: Final = """
SELECT o.order_number,
       concat_ws(' ', round((x.attrs ->> 'total')::numeric, 2),
                 x.attrs ->> 'currency') AS one_total,
       concat_ws(' ', round((y.attrs ->> 'total')::numeric, 2),
                 y.attrs ->> 'currency') AS other_total,
       a.key || ' ' || x.external_id AS one, b.key || ' ' || y.external_id AS other,
       count(*) OVER () AS found
FROM core.external_ref AS x
JOIN core.external_ref AS y
    ON y.entity = 'order' AND y.core_id = x.core_id AND y.tenant_id = x.tenant_id
    AND (y.app_id, y.external_id) > (x.app_id, x.external_id)
    AND y.deleted_at IS NULL
JOIN core.orders AS o ON o.id = x.core_id
JOIN platform.app AS a ON a.id = x.app_id
JOIN platform.app AS b ON b.id = y.app_id
WHERE x.entity = 'order'
  AND x.tenant_id = %(tenant_id)s
  AND x.deleted_at IS NULL
  AND (x.attrs ->> 'currency' <> y.attrs ->> 'currency'
       OR abs((x.attrs ->> 'total')::numeric - (y.attrs ->> 'total')::numeric) > 0.01)
ORDER BY o.ordered_at DESC
LIMIT 10
"""


CHECKS: Final = (
    Check(
        "orders_have_lines",
        ASSET,
        "Every order that stands has a line. One without was emptied in its system, or is read "
        "from an answer that left its lines out: open it there.",
        none_found(_EMPTY, "order without lines", "orders without lines"),
    ),
    Check(
        "order_totals",
        ASSET,
        "Lines + shipping - discount + adjustment equal the total within 0.02, for orders whose "
        "source gives all parts.",
        none_found(_TOTALS, "order whose parts do not add up", "orders whose parts do not add up"),
    ),
    Check(
        "systems_agree",
        ASSET,
        "Two systems that know the same order name the same total (within a cent) and currency. "
        "The row keeps the owner's amounts; correct the order in the other system.",
        none_found(
            _DISAGREEMENTS,
            "order that two systems disagree about",
            "orders that two systems disagree about",
        ),
    ),
)
