"""Columns of a row that its children, rows of other entities, decide as soon as there are any."""

from typing import Final

from schemabase_dagster.engine.entity import RollUp
from schemabase_dagster.tables.sales import orders

SHIPMENT_STATUS: Final = RollUp(
    entity="order",
    table=orders,
    group="shipment_status",
    columns=("shipment_status",),
    children={
        "package": """
            SELECT k.id, k.order_id
            FROM core.packages AS k
            WHERE k.id = ANY(%(rows)s) AND k.order_id IS NOT NULL
        """,
    },
    # Canonical-model C4. A package counts as sent when it has a tracking number, a day of shipping
    # or a state that says so. Lines without SKU are freight and the like, which is never packed.
    values="""
        SELECT k.order_id AS id,
            CASE
                WHEN NOT bool_or(k.active AND k.is_sent) THEN 'pending'
                WHEN coalesce(sum(k.quantity) FILTER (WHERE k.active AND k.is_sent), 0)
                    < coalesce(max(ordered.quantity), 0) THEN 'partially_shipped'
                WHEN bool_and(k.state = 'delivered') FILTER (WHERE k.active) THEN 'delivered'
                ELSE 'shipped'
            END AS shipment_status
        FROM (
            SELECT p.order_id, p.active, p.state,
                p.state NOT IN ('init', 'pending') OR p.tracking_id IS NOT NULL
                    OR p.shipped_at IS NOT NULL AS is_sent,
                (SELECT sum(l.quantity) FROM core.package_lines AS l
                 WHERE l.package_id = p.id AND l.deleted_at IS NULL) AS quantity
            FROM core.packages AS p
            WHERE p.order_id = ANY(%(rows)s) AND p.deleted_at IS NULL
        ) AS k
        LEFT JOIN LATERAL (
            SELECT sum(l.quantity) AS quantity FROM core.order_lines AS l
            WHERE l.order_id = k.order_id AND l.deleted_at IS NULL AND l.sku <> ''
        ) AS ordered ON true
        GROUP BY k.order_id
    """,
)
