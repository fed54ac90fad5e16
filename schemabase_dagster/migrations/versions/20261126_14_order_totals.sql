-- What orders keep from now on, for those that are there.
UPDATE core.orders AS o
SET line_count = coalesce(l.lines, 0),
    quantity = coalesce(l.quantity, 0),
    systems = coalesce(r.systems, '{}')
FROM core.orders AS s
LEFT JOIN (
    SELECT order_id, count(*) AS lines, sum(quantity) AS quantity
    FROM core.order_lines
    WHERE deleted_at IS NULL
    GROUP BY order_id
) AS l ON l.order_id = s.id
LEFT JOIN (
    SELECT x.core_id, array_agg(DISTINCT a.type COLLATE "C" ORDER BY a.type COLLATE "C") AS systems
    FROM core.external_ref AS x
    JOIN platform.app AS a ON a.id = x.app_id
    WHERE x.entity = 'order' AND x.deleted_at IS NULL
    GROUP BY x.core_id
) AS r ON r.core_id = s.id
WHERE s.id = o.id;

UPDATE core.orders AS o
SET invoiced_amount = b.invoiced_amount,
    credited_amount = b.credited_amount,
    credit_used_amount = b.credit_used_amount,
    paid_amount = b.paid_amount,
    refunded_amount = b.refunded_amount,
    refunds_agreed_amount = b.refunds_agreed_amount,
    refunds_done_amount = b.refunds_done_amount,
    disputed_amount = b.disputed_amount,
    transaction_fees = b.transaction_fees
FROM (
    WITH wanted AS (
        SELECT id, currency, total_gross
        FROM core.orders
    ), bills AS (
        -- Orders of one invoice share it by their totals.
        SELECT w.id AS order_id, w.currency, v.id AS invoice_id, (
            SELECT w.total_gross / nullif(sum(o.total_gross), 0)
            FROM core.invoice_orders AS s
            JOIN core.orders AS o ON o.id = s.order_id
            WHERE s.invoice_id = v.id
            HAVING count(*) > 1
        ) AS part,
        v.total_gross,
        v.deleted_at IS NULL AND coalesce(v.status, '') NOT IN ('draft', 'void') AS counts
        FROM wanted AS w
        JOIN core.invoice_orders AS io ON io.order_id = w.id
        JOIN core.invoices AS v ON v.id = io.invoice_id
    ), invoiced AS (
        SELECT order_id,
            sum(CASE WHEN part IS NULL THEN total_gross ELSE round(total_gross * part, 2) END)
                FILTER (WHERE counts) AS amount
        FROM bills
        GROUP BY order_id
    ), credited AS (
        SELECT co.order_id,
            sum(round(n.total_gross / k.orders, 2)) AS amount,
            sum(round(coalesce(k.applied, 0) / k.orders, 2)) AS used
        FROM core.credit_note_orders AS co
        JOIN core.credit_notes AS n ON n.id = co.credit_note_id
        CROSS JOIN LATERAL (
            SELECT
                (SELECT count(*) FROM core.credit_note_orders AS o
                 WHERE o.credit_note_id = n.id) AS orders,
                (SELECT sum(a.amount) FROM core.credit_note_allocations AS a
                 WHERE a.credit_note_id = n.id) AS applied
        ) AS k
        WHERE n.deleted_at IS NULL AND n.status IN ('open', 'closed')
        GROUP BY co.order_id
    ), shares AS (
        SELECT w.id AS order_id, w.currency, al.payment_id, al.amount, NULL::numeric AS part
        FROM wanted AS w
        JOIN core.payment_allocations AS al ON al.order_id = w.id
        UNION ALL
        -- What only the books know is paid for an invoice.
        SELECT b.order_id, b.currency, al.payment_id, al.amount, b.part
        FROM bills AS b
        JOIN core.payment_allocations AS al
            ON al.invoice_id = b.invoice_id AND al.order_id IS NULL
        WHERE NOT EXISTS (
            SELECT FROM core.payment_allocations AS own
            WHERE own.payment_id = al.payment_id AND own.order_id IS NOT NULL)
    ), payments AS (
        SELECT s.order_id, y.id, y.status, y.currency,
            y.settlement_currency, y.settlement_rate,
            CASE WHEN s.part IS NULL THEN coalesce(s.amount, y.amount)
                ELSE round(coalesce(s.amount, y.amount) * s.part, 2)
            END AS amount,
            coalesce(s.amount / nullif(y.amount, 0), 1) * coalesce(s.part, 1) AS part
        FROM shares AS s
        JOIN core.payments AS y ON y.id = s.payment_id AND y.currency = s.currency
        WHERE y.deleted_at IS NULL
    ), paid AS (
        SELECT p.order_id,
            sum(p.amount) FILTER (WHERE p.status = 'paid') AS amount,
            sum(round(d.amount * p.part, 2)) FILTER (WHERE p.status = 'paid') AS disputed,
            -- Null while nobody tells them, or tells them in a currency that nobody converts.
            round(sum(c.amount * p.part), 4) AS fees
        FROM payments AS p
        LEFT JOIN LATERAL (
            SELECT sum(d.funds_withdrawn - d.funds_returned) AS amount
            FROM core.disputes AS d
            WHERE d.payment_id = p.id AND d.deleted_at IS NULL
        ) AS d ON true
        LEFT JOIN LATERAL (
            SELECT CASE WHEN bool_and(
                c.currency = p.currency
                OR c.currency = p.settlement_currency AND p.settlement_rate IS NOT NULL
            ) THEN sum(
                CASE WHEN c.currency = p.currency THEN c.amount
                ELSE c.amount / p.settlement_rate END
            ) END AS amount
            FROM core.transaction_costs AS c
            WHERE c.payment_id = p.id AND c.deleted_at IS NULL
        ) AS c ON true
        GROUP BY p.order_id
    ), refunds AS (
        SELECT w.id AS order_id, r.status, b.amount AS booked,
            coalesce(al.amount, r.amount) AS amount,
            -- Of an overpayment only what credit notes are paid by lowers the order's value.
            CASE WHEN r.purpose = 'overpayment'
                THEN least(coalesce(al.amount, r.amount), coalesce(b.amount, 0))
                ELSE coalesce(al.amount, r.amount)
            END AS reduction
        FROM wanted AS w
        JOIN core.refund_allocations AS al ON al.order_id = w.id
        JOIN core.refunds AS r ON r.id = al.refund_id AND r.currency = w.currency
        CROSS JOIN LATERAL (
            SELECT sum(n.amount) AS amount
            FROM core.refund_allocations AS n
            WHERE n.refund_id = r.id AND n.credit_note_id IS NOT NULL
        ) AS b
        WHERE r.deleted_at IS NULL
    ), refunded AS (
        SELECT order_id,
            sum(amount) FILTER (WHERE status = 'succeeded') AS amount,
            sum(reduction)
                FILTER (WHERE status IN ('requested', 'pending', 'succeeded')) AS agreed,
            -- Only the books know credit notes: a refund that failed may be booked all the same.
            sum(reduction) FILTER (WHERE status = 'succeeded' OR booked IS NOT NULL) AS done
        FROM refunds
        GROUP BY order_id
    )
    SELECT w.id,
        coalesce(i.amount, 0) AS invoiced_amount,
        coalesce(c.amount, 0) AS credited_amount,
        coalesce(c.used, 0) AS credit_used_amount,
        coalesce(p.amount, 0) AS paid_amount,
        coalesce(f.amount, 0) AS refunded_amount,
        coalesce(f.agreed, 0) AS refunds_agreed_amount,
        coalesce(f.done, 0) AS refunds_done_amount,
        coalesce(p.disputed, 0) AS disputed_amount,
        p.fees AS transaction_fees
    FROM wanted AS w
    LEFT JOIN invoiced AS i ON i.order_id = w.id
    LEFT JOIN credited AS c ON c.order_id = w.id
    LEFT JOIN paid AS p ON p.order_id = w.id
    LEFT JOIN refunded AS f ON f.order_id = w.id
) AS b
WHERE b.id = o.id;
