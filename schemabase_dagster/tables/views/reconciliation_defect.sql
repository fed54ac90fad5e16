-- analytics.reconciliation_defect: what two systems, or two parts of one, do not agree about.
CREATE VIEW analytics.reconciliation_defect AS
WITH roles AS (
    SELECT
        a.tenant_id,
        bool_or(a.type = 'braintree') AS has_gateway,
        bool_or(a.type = 'zoho') AS has_erp
    FROM platform.app AS a
    WHERE a.enabled AND a.deleted_at IS NULL
    GROUP BY a.tenant_id
), charges AS (
    -- The payment of a refund's order where the refund names none: what was paid counts before an
    -- attempt that failed.
    SELECT DISTINCT ON (al.order_id)
        al.order_id,
        al.payment_id
    FROM core.refunds AS f
    JOIN core.refund_allocations AS fa ON fa.refund_id = f.id
    JOIN core.payment_allocations AS al ON al.order_id = fa.order_id
    JOIN core.payments AS y ON y.id = al.payment_id AND y.deleted_at IS NULL
    WHERE f.payment_id IS NULL
    ORDER BY al.order_id, y.status = 'paid' DESC, y.paid_at, y.id
), claims AS MATERIALIZED (
    SELECT
        c.*,
        t.id AS tenant_id,
        coalesce(c.payment_id, p.payment_id) AS charge_id,
        coalesce(c.gateway_record, c.shop_record, c.erp_record) AS record,
        -- What only the books call paid, the way it came, may never have left (kind 2).
        c.status = 'succeeded' AND (c.gateway_amount IS NOT NULL
            OR c.shop_amount IS NOT NULL OR c.method <> 'original') AS is_out,
        r.has_gateway,
        -- The books can only miss what belongs to an order that they carry.
        r.has_erp AND (c.order_id IS NULL OR EXISTS (
            SELECT FROM core.external_ref AS x
            JOIN platform.app AS a ON a.id = x.app_id AND a.type = 'zoho'
            WHERE x.entity = 'order' AND x.core_id = c.order_id AND x.deleted_at IS NULL
        )) AS has_erp
    FROM analytics.claimed_refund AS c
    JOIN platform.tenant AS t ON t.slug = c.tenant
    JOIN roles AS r ON r.tenant_id = t.id
    LEFT JOIN charges AS p ON p.order_id = c.order_id
), noted AS (
    SELECT
        credit_note_id,
        min(order_id::text)::uuid AS order_id
    FROM core.credit_note_orders
    GROUP BY credit_note_id
), spent AS (
    SELECT
        y.id,
        y.tenant_id,
        y.reference_number,
        y.amount,
        y.currency,
        (
            SELECT min(al.order_id::text)::uuid
            FROM core.payment_allocations AS al
            WHERE al.payment_id = y.id
        ) AS order_id,
        coalesce(m.refunded, 0) AS refunded,
        coalesce(m.disputed, 0) AS disputed,
        m.records,
        m.disputes
    FROM (
        SELECT
            payment_id,
            sum(refunded) AS refunded,
            sum(disputed) AS disputed,
            string_agg(record, ', ' ORDER BY record) AS records,
            string_agg(dispute, ', ' ORDER BY dispute) AS disputes
        FROM (
            SELECT charge_id AS payment_id, amount AS refunded, NULL::numeric AS disputed,
                   record, NULL::text AS dispute
            FROM claims
            WHERE is_out
            UNION ALL
            SELECT d.payment_id, NULL, d.funds_withdrawn - d.funds_returned, NULL, r.record
            FROM core.disputes AS d
            LEFT JOIN (
                SELECT x.core_id, string_agg(a.key || ' ' || x.external_id, ', '
                    ORDER BY a.key, x.external_id) AS record
                FROM core.external_ref AS x
                JOIN platform.app AS a ON a.id = x.app_id
                WHERE x.entity = 'dispute' AND x.deleted_at IS NULL
                GROUP BY x.core_id
            ) AS r ON r.core_id = d.id
            WHERE d.deleted_at IS NULL
        ) AS moved
        GROUP BY payment_id
    ) AS m
    JOIN core.payments AS y ON y.id = m.payment_id AND y.deleted_at IS NULL
), used AS (
    SELECT
        n.id,
        n.tenant_id,
        n.credit_note_number,
        n.status,
        n.issued_on,
        n.total_gross,
        n.balance,
        n.currency,
        o.order_id,
        coalesce(a.amount, 0) + coalesce(f.amount, 0) AS amount
    FROM core.credit_notes AS n
    LEFT JOIN noted AS o ON o.credit_note_id = n.id
    LEFT JOIN (
        SELECT credit_note_id, sum(amount) AS amount
        FROM core.credit_note_allocations
        GROUP BY credit_note_id
    ) AS a ON a.credit_note_id = n.id
    LEFT JOIN (
        SELECT al.credit_note_id, sum(coalesce(al.amount, r.amount)) AS amount
        FROM core.refund_allocations AS al
        JOIN core.refunds AS r ON r.id = al.refund_id
        WHERE al.credit_note_id IS NOT NULL AND r.deleted_at IS NULL
        GROUP BY al.credit_note_id
    ) AS f ON f.credit_note_id = n.id
    WHERE n.deleted_at IS NULL AND n.status IN ('open', 'closed')
), paid_out AS (
    SELECT refund_id, sum(amount) AS amount
    FROM core.refund_allocations
    WHERE credit_note_id IS NOT NULL
    GROUP BY refund_id
), overpaid AS MATERIALIZED (
    SELECT
        b.order_id,
        b.paid - b.invoiced AS surplus
    FROM analytics.order_balance AS b
    WHERE b.order_id IN (
        SELECT al.order_id
        FROM core.refunds AS f
        JOIN core.refund_allocations AS al ON al.refund_id = f.id
        WHERE f.purpose = 'overpayment' AND f.deleted_at IS NULL
    )
), came AS (
    SELECT
        r.id,
        r.tenant_id,
        r.return_number,
        r.order_id,
        l.sku,
        sum(l.quantity_credit_only) + coalesce(sum(c.quantity), 0) AS due,
        coalesce(max(c.received_on), r.requested_on) AS since
    FROM core.returns AS r
    JOIN core.return_lines AS l
        ON l.return_id = r.id AND l.deleted_at IS NULL AND l.action = 'return'
    LEFT JOIN (
        SELECT x.return_id, x.action, x.sku, x.sku_occurrence,
               sum(x.quantity) AS quantity, max(p.received_on) AS received_on
        FROM core.return_receipt_lines AS x
        JOIN core.return_receipts AS p
            ON p.return_id = x.return_id AND p.receipt_number = x.receipt_number
            AND p.deleted_at IS NULL
        WHERE x.deleted_at IS NULL
        GROUP BY x.return_id, x.action, x.sku, x.sku_occurrence
    ) AS c
        ON c.return_id = l.return_id AND c.action = l.action AND c.sku = l.sku
        AND c.sku_occurrence = l.sku_occurrence
    WHERE r.deleted_at IS NULL AND r.status NOT IN ('canceled', 'declined')
    GROUP BY r.id, l.sku
), credited AS (
    SELECT
        rn.return_id,
        l.sku,
        sum(l.quantity) AS quantity,
        min(n.id::text)::uuid AS note
    FROM core.return_credit_notes AS rn
    JOIN core.credit_notes AS n
        ON n.id = rn.credit_note_id AND n.deleted_at IS NULL AND n.status IN ('open', 'closed')
    JOIN core.credit_note_lines AS l
        ON l.credit_note_id = n.id AND l.deleted_at IS NULL AND l.is_goods
    GROUP BY rn.return_id, l.sku
), booked AS MATERIALIZED (
    -- Apart, since nobody can estimate how many fees of the gateway the books know.
    SELECT
        x.core_id,
        x.attrs ->> 'currency' AS currency,
        (x.attrs ->> 'amount')::numeric AS amount,
        a.key || ' ' || x.external_id AS record
    FROM core.external_ref AS x
    JOIN platform.app AS a ON a.id = x.app_id AND a.type = 'zoho'
    WHERE x.entity = 'transaction_cost' AND x.deleted_at IS NULL
), found AS (
    -- A side is named by its record, or by a row and the kinds of apps to ask for it, best first.
    SELECT
        c.tenant_id,
        1 AS no,
        'refund_missing_in_erp' AS kind,
        c.order_id,
        c.refund_key AS record,
        c.gateway_amount AS expected,
        0::numeric AS actual,
        c.currency AS unit,
        c.gateway_record AS one,
        NULL::text AS one_entity,
        NULL::uuid AS one_id,
        NULL::text[] AS one_types,
        NULL::text AS two,
        'order' AS two_entity,
        c.order_id AS two_id,
        ARRAY['zoho'] AS two_types
    FROM claims AS c
    WHERE c.gateway_amount IS NOT NULL
        AND c.erp_amount IS NULL
        AND c.has_erp
        AND c.refunded_at < now() - interval '3 days'
    UNION ALL
    SELECT
        c.tenant_id, 2, 'refund_missing_at_gateway', c.order_id, c.refund_key,
        c.erp_amount, 0, c.currency,
        c.erp_record, NULL, NULL, NULL,
        c.shop_record, 'payment', c.charge_id, ARRAY['braintree', 'saleor', 'zoho']
    FROM claims AS c
    WHERE c.erp_amount IS NOT NULL
        AND c.gateway_amount IS NULL
        AND NOT c.gateway_failed
        AND c.has_gateway
        AND c.method = 'original'
        AND c.refunded_at < now() - interval '3 days'
    UNION ALL
    SELECT
        b.tenant_id, 3, 'refund_duplicate', b.order_id, b.refund_key,
        0, b.amount, b.currency,
        a.record, NULL, NULL, NULL,
        b.record, NULL, NULL, NULL
    FROM claims AS a
    JOIN claims AS b
        ON b.charge_id = a.charge_id AND b.amount = a.amount AND b.currency = a.currency
        -- The books know the day only: of one day the key tells which came second.
        AND (b.refunded_at, b.refund_key) > (a.refunded_at, a.refund_key)
        AND b.refunded_at - a.refunded_at < interval '24 hours'
    WHERE a.is_out AND b.is_out
    UNION ALL
    SELECT
        s.tenant_id, 4, 'refund_exceeds_payment', s.order_id, s.reference_number,
        s.amount, s.refunded, s.currency,
        NULL, 'payment', s.id, ARRAY['braintree', 'saleor', 'zoho'],
        s.records, NULL, NULL, NULL
    FROM spent AS s
    WHERE s.refunded - s.amount >= 0.01
    UNION ALL
    SELECT
        c.tenant_id, 5, 'refund_amount_mismatch', c.order_id, c.refund_key,
        coalesce(c.gateway_amount, c.erp_amount),
        coalesce(nullif(c.erp_amount, c.gateway_amount), c.shop_amount), c.currency,
        coalesce(c.gateway_record, c.erp_record), NULL, NULL, NULL,
        CASE WHEN c.erp_amount <> c.gateway_amount THEN c.erp_record ELSE c.shop_record END,
        NULL, NULL, NULL
    FROM claims AS c
    WHERE greatest(c.gateway_amount, c.erp_amount, c.shop_amount)
        - least(c.gateway_amount, c.erp_amount, c.shop_amount) >= 0.01
    UNION ALL
    SELECT
        c.tenant_id, 6, 'refund_without_credit_note', c.order_id, c.refund_key,
        c.amount, coalesce(a.amount, 0), c.currency,
        c.record, NULL, NULL, NULL,
        c.erp_record, 'order', c.order_id, ARRAY['zoho']
    FROM claims AS c
    LEFT JOIN paid_out AS a ON a.refund_id = c.refund_id
    LEFT JOIN overpaid AS b ON b.order_id = c.order_id
    WHERE c.status = 'succeeded'
        AND c.has_erp
        AND c.amount - coalesce(a.amount, 0) >= 0.01
        AND c.refunded_at < now() - interval '3 days'
        -- What the books call an overpayment is one only if more was paid than billed.
        AND NOT (c.purpose = 'overpayment'
            AND (b.order_id IS NULL OR b.surplus >= c.amount))
    UNION ALL
    SELECT
        u.tenant_id, 7, 'credit_note_unsettled', u.order_id, u.credit_note_number,
        CASE WHEN u.is_stale THEN u.total_gross ELSE u.balance END,
        CASE WHEN u.is_stale THEN u.amount ELSE u.total_gross - u.amount END, u.currency,
        NULL, 'credit_note', u.id, ARRAY['zoho'],
        NULL, 'order', u.order_id, ARRAY['zoho', 'saleor']
    FROM (
        SELECT *,
               issued_on < current_date - 14 AND total_gross - amount >= 0.01 AS is_stale
        FROM used
    ) AS u
    WHERE u.is_stale OR abs(u.total_gross - u.amount - u.balance) >= 0.01
    UNION ALL
    SELECT
        t.id, 8, 'billing_mismatch', b.order_id, b.order_number,
        b.ordered - b.reduction, b.invoiced - b.credited, b.currency,
        NULL, 'order', b.order_id, ARRAY['saleor', 'zoho'],
        NULL, 'invoice_of_order', b.order_id, ARRAY['zoho']
    FROM analytics.order_balance AS b
    JOIN platform.tenant AS t ON t.slug = b.tenant
    WHERE abs(b.billing_gap) >= 0.01
        AND (b.invoice_status = 'invoiced' OR b.status = 'canceled')
    UNION ALL
    SELECT
        v.tenant_id, 9, 'over_credited',
        (SELECT min(al.order_id::text)::uuid FROM core.invoice_orders AS al WHERE al.invoice_id = v.id),
        v.invoice_number,
        v.total_gross, n.amount, v.currency,
        NULL, 'invoice', v.id, ARRAY['zoho'],
        NULL, 'credit_note', n.latest, ARRAY['zoho']
    FROM core.invoices AS v
    JOIN (
        SELECT corrects_invoice_id, sum(total_gross) AS amount,
               (array_agg(id ORDER BY issued_on DESC, credit_note_number DESC))[1] AS latest
        FROM core.credit_notes
        WHERE status IN ('open', 'closed') AND deleted_at IS NULL
        GROUP BY corrects_invoice_id
    ) AS n ON n.corrects_invoice_id = v.id
    WHERE v.deleted_at IS NULL AND n.amount - v.total_gross >= 0.01
    UNION ALL
    SELECT
        n.tenant_id, 9, 'over_credited', co.order_id, n.credit_note_number || '#' || l.line_no,
        s.tax_percentage, l.tax_percentage, '%',
        NULL, 'order', co.order_id, ARRAY['saleor', 'zoho'],
        NULL, 'credit_note', n.id, ARRAY['zoho']
    FROM core.credit_note_lines AS l
    JOIN core.credit_notes AS n
        ON n.id = l.credit_note_id AND n.status IN ('open', 'closed') AND n.deleted_at IS NULL
    JOIN noted AS co ON co.credit_note_id = n.id
    JOIN LATERAL (
        SELECT max(tax_percentage) AS tax_percentage, min(tax_percentage) AS least_percentage
        FROM core.order_lines
        WHERE order_id = co.order_id AND sku = l.sku AND sku <> '' AND deleted_at IS NULL
    ) AS s ON true
    WHERE l.deleted_at IS NULL
        AND l.tax_percentage NOT IN (s.tax_percentage, s.least_percentage)
    UNION ALL
    SELECT
        c.tenant_id, 10, 'return_credit_mismatch', c.order_id, c.return_number || '/' || c.sku,
        c.due, coalesce(q.quantity, 0), 'pcs',
        NULL, 'return', c.id, ARRAY['zoho'],
        NULL, CASE WHEN q.note IS NULL THEN 'order' ELSE 'credit_note' END,
        coalesce(q.note, c.order_id), ARRAY['zoho', 'saleor']
    FROM came AS c
    LEFT JOIN credited AS q ON q.return_id = c.id AND q.sku = c.sku
    WHERE c.due <> coalesce(q.quantity, 0)
        AND c.since < current_date - 7
        AND EXISTS (
            SELECT FROM core.external_ref AS x
            JOIN platform.app AS a ON a.id = x.app_id AND a.type = 'zoho'
            WHERE x.entity = 'return' AND x.core_id = c.id AND x.deleted_at IS NULL
        )
    UNION ALL
    SELECT
        c.tenant_id, 11, 'refund_stuck', c.order_id, c.refund_key, c.amount, 0, c.currency,
        coalesce(c.shop_record, c.erp_record, c.gateway_record), NULL, NULL, NULL,
        c.gateway_record, 'payment', c.charge_id, ARRAY['braintree', 'saleor']
    FROM claims AS c
    WHERE c.status IN ('requested', 'pending')
        AND c.requested_at < now() - interval '5 days'
    UNION ALL
    SELECT
        c.tenant_id, 12, 'refund_failed_but_booked', c.order_id, c.refund_key,
        0, c.erp_amount, c.currency,
        c.gateway_record, NULL, NULL, NULL, c.erp_record, NULL, NULL, NULL
    FROM claims AS c
    WHERE c.gateway_failed AND c.gateway_amount IS NULL AND c.erp_amount IS NOT NULL
    UNION ALL
    SELECT
        s.tenant_id, 13, 'dispute_doubled_or_unbooked', s.order_id, s.reference_number,
        s.amount, s.refunded + s.disputed, s.currency,
        NULL, 'payment', s.id, ARRAY['braintree', 'saleor'],
        s.disputes, NULL, NULL, NULL
    FROM spent AS s
    WHERE s.disputed > 0 AND s.refunded + s.disputed - s.amount >= 0.01
    UNION ALL
    SELECT
        d.tenant_id, 13, 'dispute_doubled_or_unbooked', s.order_id, d.dispute_key,
        d.funds_withdrawn - d.funds_returned, 0, d.currency,
        NULL, 'dispute', d.id, ARRAY['braintree', 'saleor'],
        NULL, 'order', s.order_id, ARRAY['zoho']
    FROM core.disputes AS d
    JOIN roles AS r ON r.tenant_id = d.tenant_id AND r.has_erp
    LEFT JOIN spent AS s ON s.id = d.payment_id
    WHERE d.deleted_at IS NULL
        AND d.funds_withdrawn > d.funds_returned
        AND d.opened_on < current_date - 7
        AND coalesce(s.refunded + s.disputed - s.amount, 0) < 0.01
        AND NOT EXISTS (
            SELECT FROM core.external_ref AS x
            JOIN platform.app AS a ON a.id = x.app_id AND a.type = 'zoho'
            WHERE x.entity = 'dispute' AND x.core_id = d.id AND x.deleted_at IS NULL
        )
        AND (s.order_id IS NULL OR EXISTS (
            SELECT FROM core.external_ref AS x
            JOIN platform.app AS a ON a.id = x.app_id AND a.type = 'zoho'
            WHERE x.entity = 'order' AND x.core_id = s.order_id AND x.deleted_at IS NULL
        ))
    UNION ALL
    SELECT
        x.tenant_id, 14, 'settlement_fee_mismatch',
        (SELECT min(al.order_id::text)::uuid FROM core.payment_allocations AS al WHERE al.payment_id = c.payment_id),
        c.cost_key,
        (x.attrs ->> 'amount')::numeric, b.amount, c.currency,
        a.key || ' ' || x.external_id, NULL, NULL, NULL,
        b.record, NULL, NULL, NULL
    FROM core.external_ref AS x
    JOIN platform.app AS a ON a.id = x.app_id AND a.type = 'braintree'
    JOIN booked AS b ON b.core_id = x.core_id
    JOIN core.transaction_costs AS c ON c.id = x.core_id AND c.deleted_at IS NULL
    WHERE x.entity = 'transaction_cost'
        AND x.deleted_at IS NULL
        AND x.attrs ->> 'currency' = b.currency
        AND abs((x.attrs ->> 'amount')::numeric - b.amount) >= 0.01
    UNION ALL
    SELECT
        y.tenant_id, 14, 'settlement_fee_mismatch',
        (SELECT min(al.order_id::text)::uuid FROM core.payment_allocations AS al WHERE al.payment_id = y.id),
        y.reference_number,
        round(y.amount * y.settlement_rate, 2), y.settlement_amount, y.settlement_currency,
        NULL, 'payment', y.id, ARRAY['braintree', 'saleor'],
        NULL, 'payment', y.id, ARRAY['braintree', 'saleor']
    FROM core.payments AS y
    WHERE y.deleted_at IS NULL
        AND abs(round(y.amount * y.settlement_rate, 2) - y.settlement_amount) >= 0.01
    UNION ALL
    SELECT
        f.tenant_id, 14, 'settlement_fee_mismatch', c.order_id, f.refund_key,
        round(f.amount * f.settlement_rate, 2), f.settlement_amount, f.settlement_currency,
        NULL, 'refund', f.id, ARRAY['braintree', 'saleor'],
        NULL, 'refund', f.id, ARRAY['braintree', 'saleor']
    FROM core.refunds AS f
    JOIN claims AS c ON c.refund_id = f.id
    WHERE abs(round(f.amount * f.settlement_rate, 2) - f.settlement_amount) >= 0.01
), ranked AS (
    SELECT
        f.*,
        -- One cause may show as two kinds: the lower number of an order and amount counts. Too
        -- much credit (9) is the cause of credit that is left (7) and of a wrong balance (8).
        first_value(f.no) OVER (
            PARTITION BY f.tenant_id, coalesce(f.order_id::text, f.record), f.unit,
                abs(f.expected - f.actual)
            ORDER BY CASE f.no WHEN 9 THEN 6.5 ELSE f.no END
        ) AS first_no
    FROM found AS f
)
SELECT
    t.slug AS tenant,
    r.no,
    r.kind,
    r.order_id,
    o.order_number,
    r.record,
    r.expected,
    r.actual,
    r.expected - r.actual AS difference,
    r.unit,
    coalesce(r.one, (
        SELECT CASE WHEN a.type = ANY(r.one_types) THEN
            string_agg(a.key || ' ' || x.external_id, ', ' ORDER BY a.key || ' ' || x.external_id)
        END
        FROM core.external_ref AS x
        JOIN platform.app AS a ON a.id = x.app_id
        WHERE x.entity = r.one_entity AND x.core_id = r.one_id AND x.deleted_at IS NULL
        GROUP BY a.type
        ORDER BY array_position(r.one_types, a.type)
        LIMIT 1
    ), (
        SELECT min(a.key)
        FROM platform.app AS a
        WHERE a.tenant_id = r.tenant_id AND a.deleted_at IS NULL AND a.type = ANY(r.one_types)
    )) AS expected_source,
    coalesce(r.two, CASE WHEN r.two_entity <> 'invoice_of_order' THEN (
        SELECT CASE WHEN a.type = ANY(r.two_types) THEN
            string_agg(a.key || ' ' || x.external_id, ', ' ORDER BY a.key || ' ' || x.external_id)
        END
        FROM core.external_ref AS x
        JOIN platform.app AS a ON a.id = x.app_id
        WHERE x.entity = r.two_entity AND x.core_id = r.two_id AND x.deleted_at IS NULL
        GROUP BY a.type
        ORDER BY array_position(r.two_types, a.type)
        LIMIT 1
    ) ELSE (
        -- The invoices of an order, or the order itself in the books.
        SELECT coalesce(
            (SELECT string_agg(a.key || ' ' || x.external_id, ', ' ORDER BY x.external_id)
             FROM core.invoice_orders AS io
             JOIN core.external_ref AS x
                 ON x.entity = 'invoice' AND x.core_id = io.invoice_id AND x.deleted_at IS NULL
             JOIN platform.app AS a ON a.id = x.app_id
             WHERE io.order_id = r.two_id),
            (SELECT min(a.key || ' ' || x.external_id)
             FROM core.external_ref AS x
             JOIN platform.app AS a ON a.id = x.app_id AND a.type = 'zoho'
             WHERE x.entity = 'order' AND x.core_id = r.two_id AND x.deleted_at IS NULL))
    ) END, (
        -- The app that knows nothing of it, where not even the order is known.
        SELECT min(a.key)
        FROM platform.app AS a
        WHERE a.tenant_id = r.tenant_id AND a.deleted_at IS NULL AND a.type = ANY(r.two_types)
    )) AS actual_source,
    c.accepted_at,
    c.note AS accepted_note
FROM ranked AS r
JOIN platform.tenant AS t ON t.id = r.tenant_id
LEFT JOIN core.orders AS o ON o.id = r.order_id
-- One whose amounts changed since is to be looked at again.
LEFT JOIN platform.accepted_difference AS c
    ON c.tenant_id = r.tenant_id AND c.kind = r.kind AND c.record = r.record
    AND c.expected = r.expected AND c.actual = r.actual
WHERE r.no = r.first_no;

COMMENT ON VIEW analytics.reconciliation_defect IS 'Disagreements about money and goods, of 14 kinds (docs/reconciliation.md); one cause is reported once, by its lowest number';
COMMENT ON COLUMN analytics.reconciliation_defect.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.reconciliation_defect.no IS 'Number of the kind, 1 to 14';
COMMENT ON COLUMN analytics.reconciliation_defect.kind IS 'Kind of the disagreement';
COMMENT ON COLUMN analytics.reconciliation_defect.order_id IS 'Our id of the order it concerns';
COMMENT ON COLUMN analytics.reconciliation_defect.order_number IS 'Order it concerns; null = none is known';
COMMENT ON COLUMN analytics.reconciliation_defect.record IS 'Number of the refund, credit note, invoice, return, payment, dispute or order';
COMMENT ON COLUMN analytics.reconciliation_defect.expected IS 'What one side says';
COMMENT ON COLUMN analytics.reconciliation_defect.actual IS 'What the other side says';
COMMENT ON COLUMN analytics.reconciliation_defect.difference IS 'Expected - actual';
COMMENT ON COLUMN analytics.reconciliation_defect.unit IS 'Currency (ISO 4217), pcs (quantities) or % (tax)';
COMMENT ON COLUMN analytics.reconciliation_defect.expected_source IS 'App and id of the record behind the expected value';
COMMENT ON COLUMN analytics.reconciliation_defect.actual_source IS 'App and id of the record behind the actual value, or of the order where that is missing';
COMMENT ON COLUMN analytics.reconciliation_defect.accepted_at IS 'When a person accepted it as it is; null = open';
COMMENT ON COLUMN analytics.reconciliation_defect.accepted_note IS 'Why it was accepted';
