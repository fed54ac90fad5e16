"""Checks of stock: is more promised than there is."""

from typing import Final

from assets.checking import Check, none_found

ASSET: Final = ("core", "stock")

_NEGATIVE: Final = """
SELECT v.sku, w.name AS warehouse, a.key AS app, s.on_hand::text, s.available::text,
       count(*) OVER () AS found
FROM core.stock AS s
JOIN platform.app AS a ON a.id = s.owner_app_id
LEFT JOIN core.variants AS v ON v.id = s.variant_id
LEFT JOIN core.warehouses AS w ON w.id = s.warehouse_id
WHERE s.tenant_id = %(tenant_id)s
  AND s.deleted_at IS NULL
  AND (s.on_hand < 0 OR s.available < 0)
ORDER BY s.available, v.sku
LIMIT 10
"""

_HOMELESS: Final = """
SELECT a.key AS app, x.external_id, v.sku, count(*) OVER () AS found
FROM core.stock AS s
JOIN core.external_ref AS x ON x.entity = 'stock' AND x.core_id = s.id AND x.deleted_at IS NULL
JOIN platform.app AS a ON a.id = x.app_id
LEFT JOIN core.variants AS v ON v.id = s.variant_id
WHERE s.tenant_id = %(tenant_id)s
  AND s.deleted_at IS NULL
  AND (s.warehouse_id IS NULL OR s.variant_id IS NULL)
ORDER BY x.external_id
LIMIT 10
"""


CHECKS: Final = (
    Check(
        "negative_stock",
        ASSET,
        "Nothing is promised that is not there. A level below zero was oversold, or goods that "
        "came in were not booked.",
        none_found(_NEGATIVE, "level below zero", "levels below zero"),
    ),
    Check(
        "known_places",
        ASSET,
        "Every stock level has its warehouse and its variant. If not, the stream of warehouses is "
        "switched off, or the source shows stock of what it does not list.",
        none_found(_HOMELESS, "level of an unknown place or article", "levels of unknown ones"),
    ),
)
