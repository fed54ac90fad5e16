-- analytics.order_balance: one row per order, what was billed, credited, paid and paid back.
CREATE VIEW analytics.order_balance AS
WITH several AS MATERIALIZED (
    -- Most invoices bill one order: only the few others are shared out.
    SELECT invoice_id
    FROM core.invoice_orders
    GROUP BY invoice_id
    HAVING count(*) > 1
), shared AS (
    SELECT
        io.invoice_id,
        io.order_id,
        o.total_gross / nullif(sum(o.total_gross) OVER (PARTITION BY io.invoice_id), 0) AS part
    FROM several AS m
    JOIN core.invoice_orders AS io ON io.invoice_id = m.invoice_id
    JOIN core.orders AS o ON o.id = io.order_id
), invoiced AS (
    SELECT
        io.order_id,
        sum(round(CASE WHEN sh.part IS NULL THEN v.total_gross ELSE v.total_gross * sh.part END, 2)) AS amount
    FROM core.invoice_orders AS io
    JOIN core.invoices AS v ON v.id = io.invoice_id
    LEFT JOIN shared AS sh ON sh.invoice_id = io.invoice_id AND sh.order_id = io.order_id
    WHERE v.deleted_at IS NULL AND coalesce(v.status, '') NOT IN ('draft', 'void')
    GROUP BY io.order_id
), applied AS (
    SELECT
        credit_note_id,
        sum(amount) AS amount
    FROM core.credit_note_allocations
    GROUP BY credit_note_id
), noted AS (
    SELECT
        credit_note_id,
        count(*) AS orders
    FROM core.credit_note_orders
    GROUP BY credit_note_id
), credited AS (
    SELECT
        co.order_id,
        sum(round(n.total_gross / k.orders, 2)) AS amount,
        sum(round(coalesce(a.amount, 0) / k.orders, 2)) AS applied
    FROM core.credit_note_orders AS co
    JOIN noted AS k ON k.credit_note_id = co.credit_note_id
    JOIN core.credit_notes AS n ON n.id = co.credit_note_id
    LEFT JOIN applied AS a ON a.credit_note_id = n.id
    WHERE n.deleted_at IS NULL AND n.status IN ('open', 'closed')
    GROUP BY co.order_id
), payment_shares AS (
    SELECT
        al.payment_id,
        al.order_id,
        coalesce(al.amount, y.amount) AS amount,
        coalesce(al.amount / nullif(y.amount, 0), 1) AS part
    FROM core.payment_allocations AS al
    JOIN core.payments AS y ON y.id = al.payment_id
    WHERE al.order_id IS NOT NULL AND y.deleted_at IS NULL AND y.status = 'paid'
    UNION ALL
    -- What only the books know is paid for an invoice.
    SELECT
        al.payment_id,
        io.order_id,
        round(coalesce(al.amount, y.amount) * coalesce(sh.part, 1), 2) AS amount,
        coalesce(al.amount / nullif(y.amount, 0), 1) * coalesce(sh.part, 1) AS part
    FROM core.payment_allocations AS al
    JOIN core.payments AS y ON y.id = al.payment_id
    JOIN core.invoice_orders AS io ON io.invoice_id = al.invoice_id
    LEFT JOIN shared AS sh ON sh.invoice_id = io.invoice_id AND sh.order_id = io.order_id
    WHERE al.order_id IS NULL
        AND y.deleted_at IS NULL
        AND y.status = 'paid'
        AND NOT EXISTS (
            SELECT FROM core.payment_allocations AS own
            WHERE own.payment_id = al.payment_id AND own.order_id IS NOT NULL
        )
), paid AS (
    SELECT
        order_id,
        sum(amount) AS amount
    FROM payment_shares
    GROUP BY order_id
), fees AS (
    SELECT
        s.order_id,
        c.currency,
        sum(round(c.amount * s.part, 4)) AS amount
    FROM core.transaction_costs AS c
    JOIN payment_shares AS s ON s.payment_id = c.payment_id
    WHERE c.deleted_at IS NULL
    GROUP BY s.order_id, c.currency
), withdrawn AS (
    SELECT
        s.order_id,
        sum(round((d.funds_withdrawn - d.funds_returned) * s.part, 2)) AS amount
    FROM core.disputes AS d
    JOIN payment_shares AS s ON s.payment_id = d.payment_id
    WHERE d.deleted_at IS NULL
    GROUP BY s.order_id
), refunded AS (
    SELECT
        f.order_id,
        sum(f.amount) FILTER (WHERE f.status = 'succeeded') AS amount,
        -- Only the books know credit notes: a refund that failed may be booked all the same.
        sum(f.reduction) FILTER (WHERE f.status = 'succeeded' OR f.booked IS NOT NULL) AS done,
        sum(f.reduction) FILTER (WHERE f.status IN ('requested', 'pending', 'succeeded')) AS agreed
    FROM (
        SELECT
            al.order_id,
            r.status,
            b.amount AS booked,
            coalesce(al.amount, r.amount) AS amount,
            -- Of an overpayment only what credit notes are paid by lowers the order's value.
            CASE
                WHEN r.purpose = 'overpayment'
                THEN least(coalesce(al.amount, r.amount), coalesce(b.amount, 0))
                ELSE coalesce(al.amount, r.amount)
            END AS reduction
        FROM core.refund_allocations AS al
        JOIN core.refunds AS r ON r.id = al.refund_id
        LEFT JOIN (
            SELECT refund_id, sum(amount) AS amount
            FROM core.refund_allocations
            WHERE credit_note_id IS NOT NULL
            GROUP BY refund_id
        ) AS b ON b.refund_id = r.id
        WHERE al.order_id IS NOT NULL AND r.deleted_at IS NULL
    ) AS f
    GROUP BY f.order_id
), sums AS (
    SELECT
        o.id,
        o.tenant_id,
        o.order_number,
        o.currency,
        o.status,
        o.invoice_status,
        o.ordered_at,
        CASE WHEN o.status = 'canceled' THEN 0 ELSE o.total_gross END AS ordered,
        coalesce(r.agreed, 0) + coalesce(c.applied, 0) AS agreed,
        coalesce(r.done, 0) + coalesce(c.applied, 0) AS done,
        coalesce(i.amount, 0) AS invoiced,
        coalesce(c.amount, 0) AS credited,
        coalesce(p.amount, 0) AS paid,
        coalesce(r.amount, 0) AS refunded,
        coalesce(w.amount, 0) AS disputed,
        coalesce(e.amount, 0) AS fees
    FROM core.orders AS o
    LEFT JOIN invoiced AS i ON i.order_id = o.id
    LEFT JOIN credited AS c ON c.order_id = o.id
    LEFT JOIN paid AS p ON p.order_id = o.id
    LEFT JOIN refunded AS r ON r.order_id = o.id
    LEFT JOIN withdrawn AS w ON w.order_id = o.id
    LEFT JOIN fees AS e ON e.order_id = o.id AND e.currency = o.currency
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
        WHEN abs(s.ordered - s.done - (s.invoiced - s.credited)) < 0.01 THEN s.done
        ELSE s.agreed
    END AS reduction,
    s.invoiced,
    s.credited,
    s.paid,
    s.refunded,
    s.disputed,
    s.fees,
    CASE
        WHEN s.status = 'canceled' THEN s.credited - s.invoiced
        WHEN abs(s.ordered - s.done - (s.invoiced - s.credited)) < 0.01 THEN 0
        ELSE s.ordered - s.agreed - (s.invoiced - s.credited)
    END AS billing_gap,
    s.invoiced - s.credited - (s.paid - s.refunded - s.disputed) AS open_receivable
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
