"""Columns of a row that its children, rows of other entities, decide as soon as there is one."""

from typing import Final

from schemabase_dagster.engine.entity import RollUp
from schemabase_dagster.tables.sales import orders
from schemabase_dagster.tables.shipping import packages

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

PACKAGE_STATE: Final = RollUp(
    entity="package",
    table=packages,
    group="state",
    columns=("state", "delivered_at"),
    children={
        "package_event": """
            SELECT e.id, k.id
            FROM core.package_events AS e
            JOIN core.packages AS k
                ON k.tenant_id = e.tenant_id AND k.tracking_id = e.tracking_id
                AND k.carrier IN (e.carrier, 'unknown')
            WHERE e.id = ANY(%(rows)s)
        """,
    },
    # Canonical-model C3: what the carrier tells counts before what the ERP says. Events name a
    # parcel by its number: all packages that share it follow, and may come after them.
    values="""
        SELECT k.id, latest.state,
            CASE WHEN latest.state = 'delivered' THEN latest.event_at END AS delivered_at
        FROM core.packages AS k
        CROSS JOIN LATERAL (
            SELECT e.state, e.event_at
            FROM core.package_events AS e
            WHERE e.tenant_id = k.tenant_id AND e.tracking_id = k.tracking_id
                AND (e.carrier = k.carrier OR k.carrier = 'unknown')
                AND e.state_changed AND e.deleted_at IS NULL
            ORDER BY e.event_at DESC, e.event_no DESC
            LIMIT 1
        ) AS latest
        WHERE k.id = ANY(%(rows)s)
    """,
    early=True,
    feeds=(SHIPMENT_STATUS,),
)

PAYMENT_STATUS: Final = RollUp(
    entity="order",
    table=orders,
    group="payment_status",
    columns=("payment_status",),
    children={
        "payment": """
            SELECT al.payment_id, al.order_id
            FROM core.payment_allocations AS al
            WHERE al.payment_id = ANY(%(rows)s) AND al.order_id IS NOT NULL
        """,
        "refund": """
            SELECT al.refund_id, al.order_id
            FROM core.refund_allocations AS al
            WHERE al.refund_id = ANY(%(rows)s) AND al.order_id IS NOT NULL
        """,
    },
    # Canonical-model C4: sums of the order's currency, within one minor unit. Attempts that failed
    # and payments that were taken back decide nothing as long as nothing else is there.
    values="""
        SELECT m.id,
            CASE
                WHEN m.paid <= 0 THEN 'unpaid'
                WHEN m.refunded >= m.paid THEN 'fully_refunded'
                WHEN m.refunded > 0 THEN 'partially_refunded'
                WHEN m.paid >= m.total_gross - 0.01 THEN 'fully_paid'
                ELSE 'partially_paid'
            END AS payment_status
        FROM (
            SELECT o.id, o.total_gross,
                coalesce((
                    SELECT sum(coalesce(al.amount, p.amount))
                    FROM core.payment_allocations AS al
                    JOIN core.payments AS p ON p.id = al.payment_id
                    WHERE al.order_id = o.id AND p.status = 'paid' AND p.currency = o.currency
                        AND p.deleted_at IS NULL), 0) AS paid,
                coalesce((
                    SELECT sum(coalesce(al.amount, f.amount))
                    FROM core.refund_allocations AS al
                    JOIN core.refunds AS f ON f.id = al.refund_id
                    WHERE al.order_id = o.id AND f.status = 'succeeded'
                        AND f.currency = o.currency AND f.deleted_at IS NULL), 0) AS refunded
            FROM core.orders AS o
            WHERE o.id = ANY(%(rows)s) AND EXISTS (
                SELECT FROM core.payment_allocations AS al
                JOIN core.payments AS p ON p.id = al.payment_id
                WHERE al.order_id = o.id AND p.status IN ('paid', 'pending', 'authorized')
                    AND p.deleted_at IS NULL)
        ) AS m
    """,
)
