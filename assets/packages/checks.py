"""Checks of packages: does each belong to an order, does each move, is no more packed than sold."""

from typing import Any, Final

from psycopg import Connection

from assets.checking import Check, Verdict, fetch_rows, none_found, none_of
from resources.registry import systems
from schemabase_dagster.tenancy import Tenant

ASSET: Final = ("core", "packages")

_WITHOUT_ORDER: Final = """
SELECT k.package_number, k.state, k.packed_at::date::text AS packed_on, count(*) OVER () AS found
FROM core.packages AS k
WHERE k.tenant_id = %(tenant_id)s
  AND k.deleted_at IS NULL
  AND k.active
  AND k.order_id IS NULL
ORDER BY k.packed_at DESC NULLS LAST, k.package_number
LIMIT 10
"""

# Only a system behind the shop can tell that a package arrived; older ones are past helping.
_STUCK: Final = """
SELECT k.package_number, k.state, k.carrier,
       coalesce(k.shipped_at, k.packed_at)::date::text AS since, count(*) OVER () AS found
FROM core.packages AS k
WHERE k.tenant_id = %(tenant_id)s
  AND k.deleted_at IS NULL
  AND k.active
  AND k.packed_at > now() - interval '90 days'
  AND EXISTS (
      SELECT FROM core.external_ref AS x
      JOIN platform.app AS a ON a.id = x.app_id
      WHERE x.entity = 'package' AND x.core_id = k.id AND x.deleted_at IS NULL
        AND a.type <> ALL(%(shops)s))
  AND (k.state <> 'delivered' AND k.shipped_at < now() - interval '14 days'
       OR k.shipped_at IS NULL AND k.packed_at < now() - interval '3 days')
ORDER BY coalesce(k.shipped_at, k.packed_at), k.package_number
LIMIT 10
"""

_WITHOUT_CARRIER: Final = """
SELECT k.package_number, k.tracking_id, k.packed_at::date::text AS packed_on,
       count(*) OVER () AS found
FROM core.packages AS k
WHERE k.tenant_id = %(tenant_id)s
  AND k.deleted_at IS NULL
  AND k.active
  AND k.carrier = 'unknown'
  AND k.tracking_id IS NOT NULL
  AND k.packed_at > now() - interval '90 days'
ORDER BY k.packed_at DESC, k.package_number
LIMIT 10
"""

# How long a parcel may rest in a state before somebody should ask its carrier.
_RESTING: Final = """
SELECT k.package_number, k.carrier, k.tracking_id, k.state, latest.at::text AS since,
       count(*) OVER () AS found
FROM core.packages AS k
CROSS JOIN LATERAL (
    SELECT max(e.event_at) AS at
    FROM core.package_events AS e
    WHERE e.tenant_id = k.tenant_id AND e.tracking_id = k.tracking_id AND e.carrier = k.carrier
      AND e.deleted_at IS NULL
) AS latest
WHERE k.tenant_id = %(tenant_id)s
  AND k.deleted_at IS NULL
  AND k.active
  AND latest.at > now() - interval '90 days'
  AND latest.at < now() - CASE k.state
      WHEN 'information_received' THEN interval '5 days'
      WHEN 'in_transit' THEN interval '7 days'
      WHEN 'out_for_delivery' THEN interval '2 days'
      WHEN 'failed_attempt' THEN interval '4 days'
      WHEN 'available_for_pickup' THEN interval '10 days'
      WHEN 'exception' THEN interval '3 days'
  END
ORDER BY latest.at, k.package_number
LIMIT 10
"""

_OVERPACKED: Final = """
WITH packed AS (
    SELECT k.order_id, l.sku, sum(l.quantity) AS quantity
    FROM core.packages AS k
    JOIN core.package_lines AS l ON l.package_id = k.id AND l.deleted_at IS NULL
    WHERE k.tenant_id = %(tenant_id)s AND k.deleted_at IS NULL AND k.active
      AND k.order_id IS NOT NULL
    GROUP BY k.order_id, l.sku
), sold AS (
    SELECT l.order_id, l.sku, sum(l.quantity) AS quantity
    FROM core.order_lines AS l
    WHERE l.tenant_id = %(tenant_id)s AND l.deleted_at IS NULL
    GROUP BY l.order_id, l.sku
)
SELECT o.order_number, p.sku, p.quantity::text AS packed, s.quantity::text AS ordered,
       count(*) OVER () AS found
FROM packed AS p
JOIN sold AS s ON s.order_id = p.order_id AND s.sku = p.sku
JOIN core.orders AS o ON o.id = p.order_id AND o.deleted_at IS NULL
WHERE p.quantity > s.quantity
ORDER BY o.ordered_at DESC, p.sku
LIMIT 10
"""


def _check_movement(conn: Connection[Any], tenant: Tenant) -> Verdict:
    shops = [name for name, system in systems().items() if system.role == "shop"]
    rows = fetch_rows(conn, _STUCK, {"tenant_id": tenant.id, "shops": shops})
    return none_of(rows, "package that does not move", "packages that do not move")


CHECKS: Final = (
    Check(
        "packages_have_orders",
        ASSET,
        "Every package belongs to an order that is here. One that does not waits for its order: "
        "is the order rejected, or is its stream switched off?",
        none_found(_WITHOUT_ORDER, "package without an order", "packages without an order"),
    ),
    Check(
        "packages_move",
        ASSET,
        "Packages of the last 90 days that a system behind the shop knows are shipped 3 days "
        "after packing and delivered 14 days after shipping. Ask warehouse or carrier.",
        _check_movement,
    ),
    Check(
        "packages_have_carriers",
        ASSET,
        "Packages of the last 90 days with a tracking number name a carrier that we know. Else "
        "nobody is asked where they are: is the shipping method called otherwise?",
        none_found(
            _WITHOUT_CARRIER, "package of an unknown carrier", "packages of an unknown carrier"
        ),
    ),
    Check(
        "packages_leave_states",
        ASSET,
        "No carrier is silent too long about a package: 2 days out for delivery, 3 in an "
        "exception, 4 after a failed attempt, 5 announced, 7 on the way, 10 waiting for pickup.",
        none_found(_RESTING, "package stuck in a state", "packages stuck in a state"),
    ),
    Check(
        "packed_quantities",
        ASSET,
        "No order has more of an article in its packages than it sold. Else two systems tell of "
        "one package without a common tracking number, or too much was sent.",
        none_found(
            _OVERPACKED,
            "article packed more often than ordered",
            "articles packed more often than ordered",
        ),
    ),
)
