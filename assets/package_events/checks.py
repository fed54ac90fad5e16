"""Checks of what carriers tell: does every parcel belong to a package, is every code understood."""

from typing import Final

from assets.checking import Check, none_found

ASSET: Final = ("core", "package_events")

# Parcels of a few hours ago may be on their way through the other systems.
_UNKNOWN_PARCELS: Final = """
SELECT e.carrier, e.tracking_id, count(*) AS events, max(e.event_at)::text AS latest,
       count(*) OVER () AS found
FROM core.package_events AS e
WHERE e.tenant_id = %(tenant_id)s
  AND e.deleted_at IS NULL
  AND e.package_id IS NULL
  AND NOT EXISTS (
      SELECT FROM core.packages AS k
      WHERE k.tenant_id = e.tenant_id AND k.tracking_id = e.tracking_id
        AND k.carrier IN (e.carrier, 'unknown') AND k.deleted_at IS NULL)
GROUP BY e.carrier, e.tracking_id
HAVING min(e.created_at) < now() - interval '1 day'
ORDER BY max(e.event_at) DESC, e.tracking_id
LIMIT 10
"""

_UNKNOWN_CODES: Final = """
SELECT e.carrier, e.source_status, count(*) AS events, max(e.event_at)::text AS latest,
       count(*) OVER () AS found
FROM core.package_events AS e
WHERE e.tenant_id = %(tenant_id)s
  AND e.deleted_at IS NULL
  AND e.carrier = 'dpd'
  AND e.state IS NULL
GROUP BY e.carrier, e.source_status
ORDER BY events DESC, e.source_status
LIMIT 10
"""


CHECKS: Final = (
    Check(
        "events_have_packages",
        ASSET,
        "Every parcel that a carrier tells of belongs to a package of core. Else its package is "
        "missing, or has another tracking number or carrier there.",
        none_found(_UNKNOWN_PARCELS, "parcel that no system knows", "parcels that no system knows"),
    ),
    Check(
        "statuses_are_understood",
        ASSET,
        "DPD pushes only statuses that the mapping knows. A new one is kept and acknowledged, but "
        "moves no package.",
        none_found(
            _UNKNOWN_CODES, "status that is not understood", "statuses that are not understood"
        ),
    ),
)
