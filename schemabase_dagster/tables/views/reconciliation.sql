-- analytics.reconciliation: one row per order, every system's amounts side by side.
CREATE VIEW analytics.reconciliation AS
WITH told AS (
    SELECT
        x.core_id,
        max((x.attrs ->> 'total')::numeric) FILTER (WHERE a.type = 'saleor') AS shop_total,
        max((x.attrs ->> 'total')::numeric) FILTER (WHERE a.type = 'zoho') AS books_total,
        min(a.key || ' ' || x.external_id) FILTER (WHERE a.type = 'saleor') AS shop_record,
        min(a.key || ' ' || x.external_id) FILTER (WHERE a.type = 'zoho') AS books_record
    FROM core.external_ref AS x
    JOIN platform.app AS a ON a.id = x.app_id
    WHERE x.entity = 'order' AND x.deleted_at IS NULL
    GROUP BY x.core_id
), defects AS (
    SELECT
        order_id,
        array_agg(DISTINCT kind ORDER BY kind) AS kinds,
        sum(abs(difference)) FILTER (WHERE unit NOT IN ('pcs', '%')) AS difference
    FROM analytics.reconciliation_defect
    WHERE order_id IS NOT NULL AND accepted_at IS NULL
    GROUP BY order_id
)
SELECT
    b.tenant,
    b.order_id,
    b.order_number,
    b.ordered_at,
    b.status,
    b.currency,
    c.shop_total,
    c.books_total,
    b.invoiced,
    b.credited,
    b.paid,
    b.refunded,
    b.disputed,
    b.fees,
    b.billing_gap,
    b.open_receivable,
    coalesce(d.difference, 0) AS difference,
    d.kinds,
    c.shop_record,
    c.books_record
FROM analytics.order_balance AS b
LEFT JOIN told AS c ON c.core_id = b.order_id
LEFT JOIN defects AS d ON d.order_id = b.order_id;

COMMENT ON VIEW analytics.reconciliation IS 'Orders as shop, books and gateway tell of them, side by side, with what does not agree';
COMMENT ON COLUMN analytics.reconciliation.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.reconciliation.order_id IS 'Our id of the order';
COMMENT ON COLUMN analytics.reconciliation.order_number IS 'Order number';
COMMENT ON COLUMN analytics.reconciliation.ordered_at IS 'When it was placed';
COMMENT ON COLUMN analytics.reconciliation.status IS 'Status of the order';
COMMENT ON COLUMN analytics.reconciliation.currency IS 'ISO 4217, of all amounts of the row';
COMMENT ON COLUMN analytics.reconciliation.shop_total IS 'Total by the shop';
COMMENT ON COLUMN analytics.reconciliation.books_total IS 'Total by the ERP';
COMMENT ON COLUMN analytics.reconciliation.invoiced IS 'Its invoices';
COMMENT ON COLUMN analytics.reconciliation.credited IS 'Its credit notes';
COMMENT ON COLUMN analytics.reconciliation.paid IS 'What was paid, refunds not deducted';
COMMENT ON COLUMN analytics.reconciliation.refunded IS 'What went back to the customer';
COMMENT ON COLUMN analytics.reconciliation.disputed IS 'What banks took back';
COMMENT ON COLUMN analytics.reconciliation.fees IS 'Transaction costs in the order''s currency';
COMMENT ON COLUMN analytics.reconciliation.billing_gap IS 'Ordered - agreed refunds - (invoiced - credited)';
COMMENT ON COLUMN analytics.reconciliation.open_receivable IS 'Above 0 the customer owes, below 0 the merchant';
COMMENT ON COLUMN analytics.reconciliation.difference IS 'What differs in sum by analytics.reconciliation_defect, in the order''s currency';
COMMENT ON COLUMN analytics.reconciliation.kinds IS 'Kinds of its disagreements that nobody accepted; null = none';
COMMENT ON COLUMN analytics.reconciliation.shop_record IS 'App and id of the order in the shop';
COMMENT ON COLUMN analytics.reconciliation.books_record IS 'App and id of the order in the books';
