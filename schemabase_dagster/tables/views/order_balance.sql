-- analytics.order_balance: one row per order, what was billed, credited, paid and paid back.
CREATE VIEW analytics.order_balance AS
WITH sums AS (
    SELECT
        o.*,
        CASE WHEN o.status = 'canceled' THEN 0 ELSE o.total_gross END AS ordered,
        o.refunds_agreed_amount + o.credit_used_amount AS agreed,
        o.refunds_done_amount + o.credit_used_amount AS done,
        o.invoiced_amount - o.credited_amount AS billed
    FROM core.orders AS o
    WHERE o.deleted_at IS NULL
)
SELECT
    t.slug AS tenant,
    s.id AS order_id,
    s.order_number,
    s.ordered_at,
    s.status,
    s.invoice_status,
    s.currency,
    s.ordered,
    CASE
        WHEN s.status = 'canceled' THEN 0
        WHEN abs(s.ordered - s.done - s.billed) < 0.01 THEN s.done
        ELSE s.agreed
    END AS reduction,
    s.invoiced_amount AS invoiced,
    s.credited_amount AS credited,
    s.paid_amount AS paid,
    s.refunded_amount AS refunded,
    s.disputed_amount AS disputed,
    coalesce(s.transaction_fees, 0) AS fees,
    CASE
        WHEN s.status = 'canceled' THEN -s.billed
        WHEN abs(s.ordered - s.done - s.billed) < 0.01 THEN 0
        ELSE s.ordered - s.agreed - s.billed
    END AS billing_gap,
    s.billed - (s.paid_amount - s.refunded_amount - s.disputed_amount) AS open_receivable
FROM sums AS s
JOIN platform.tenant AS t ON t.id = s.tenant_id;

COMMENT ON VIEW analytics.order_balance IS 'Balance of an order: billed, credited, paid, paid back, in the customer''s currency';
COMMENT ON COLUMN analytics.order_balance.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.order_balance.order_id IS 'Our id of the order';
COMMENT ON COLUMN analytics.order_balance.order_number IS 'Order number';
COMMENT ON COLUMN analytics.order_balance.ordered_at IS 'When it was placed';
COMMENT ON COLUMN analytics.order_balance.status IS 'Status of the order';
COMMENT ON COLUMN analytics.order_balance.invoice_status IS 'not_invoiced, partially_invoiced or invoiced, by the ERP';
COMMENT ON COLUMN analytics.order_balance.currency IS 'ISO 4217, of all amounts of the row';
COMMENT ON COLUMN analytics.order_balance.ordered IS 'Total of the order with tax; 0 when it was canceled';
COMMENT ON COLUMN analytics.order_balance.reduction IS 'What of it was agreed to be given back: refunds without overpayments, and credit used for invoices';
COMMENT ON COLUMN analytics.order_balance.invoiced IS 'Its invoices, drafts and void ones left out; of one that bills several orders its share';
COMMENT ON COLUMN analytics.order_balance.credited IS 'Its credit notes, open and closed';
COMMENT ON COLUMN analytics.order_balance.paid IS 'What was paid for it, refunds not deducted';
COMMENT ON COLUMN analytics.order_balance.refunded IS 'What went back to the customer';
COMMENT ON COLUMN analytics.order_balance.disputed IS 'What banks took back, less what they gave back again';
COMMENT ON COLUMN analytics.order_balance.fees IS 'Transaction costs in the order''s currency';
COMMENT ON COLUMN analytics.order_balance.billing_gap IS 'Ordered - reduction - (invoiced - credited): 0 once all is billed. While a refund is under way the books may have followed or not';
COMMENT ON COLUMN analytics.order_balance.open_receivable IS 'Invoiced - credited - (paid - refunded - disputed): above 0 the customer owes, below 0 the merchant';
