-- analytics.payout: one row per payout of a gateway, beside what the books noted of the same money.
CREATE VIEW analytics.payout AS
WITH moved AS (
    SELECT
        p.tenant_id,
        p.payout_reference,
        p.settled_on,
        p.settlement_currency AS currency,
        'payment' AS entity,
        p.id,
        p.settlement_amount AS amount,
        p.currency = p.settlement_currency AS is_plain
    FROM core.payments AS p
    WHERE p.deleted_at IS NULL AND p.payout_reference IS NOT NULL
    UNION ALL
    SELECT
        f.tenant_id, f.payout_reference, f.settled_on, f.settlement_currency, 'refund', f.id,
        -f.settlement_amount, f.currency = f.settlement_currency
    FROM core.refunds AS f
    WHERE f.deleted_at IS NULL AND f.payout_reference IS NOT NULL
), fees AS (
    SELECT
        CASE WHEN c.refund_id IS NULL THEN 'payment' ELSE 'refund' END AS entity,
        coalesce(c.refund_id, c.payment_id) AS id,
        c.currency,
        sum(c.amount) FILTER (WHERE c.kind <> 'fee_return') AS taken,
        -sum(c.amount) FILTER (WHERE c.kind = 'fee_return') AS returned
    FROM core.transaction_costs AS c
    WHERE c.deleted_at IS NULL AND c.dispute_id IS NULL
    GROUP BY 1, 2, 3
), booked AS (
    SELECT
        x.entity,
        x.core_id,
        sum((x.attrs ->> 'amount')::numeric) AS amount,
        sum((x.attrs ->> 'bank_charges')::numeric) AS charges
    FROM core.external_ref AS x
    JOIN platform.app AS a ON a.id = x.app_id AND a.type = 'zoho'
    WHERE x.entity IN ('payment', 'refund')
        AND x.deleted_at IS NULL
        AND x.attrs ->> 'state' = 'done'
    GROUP BY x.entity, x.core_id
), sums AS (
    SELECT
        m.tenant_id,
        m.payout_reference,
        m.currency,
        max(m.settled_on) AS settled_on,
        count(*) FILTER (WHERE m.entity = 'payment') AS payments,
        count(*) FILTER (WHERE m.entity = 'refund') AS refunds,
        coalesce(sum(m.amount) FILTER (WHERE m.entity = 'payment'), 0) AS paid,
        -coalesce(sum(m.amount) FILTER (WHERE m.entity = 'refund'), 0) AS refunded,
        coalesce(sum(f.taken), 0) AS fees,
        coalesce(sum(f.returned), 0) AS fees_returned,
        count(*) FILTER (WHERE b.core_id IS NULL) AS unbooked,
        -- Amounts of the books are in the customer's currency.
        CASE WHEN bool_and(m.is_plain) THEN coalesce(sum(
            CASE m.entity WHEN 'refund' THEN -b.amount ELSE b.amount - coalesce(b.charges, 0) END
        ), 0) END AS booked
    FROM moved AS m
    LEFT JOIN fees AS f ON f.entity = m.entity AND f.id = m.id AND f.currency = m.currency
    LEFT JOIN booked AS b ON b.entity = m.entity AND b.core_id = m.id
    GROUP BY m.tenant_id, m.payout_reference, m.currency
)
SELECT
    t.slug AS tenant,
    s.payout_reference,
    s.settled_on,
    s.currency,
    s.payments,
    s.refunds,
    s.paid,
    s.refunded,
    s.fees,
    s.fees_returned,
    s.paid - s.refunded - s.fees + s.fees_returned AS payout,
    s.booked,
    s.unbooked,
    CASE WHEN s.unbooked = 0 THEN s.paid - s.refunded - s.fees - s.booked END AS difference
FROM sums AS s
JOIN platform.tenant AS t ON t.id = s.tenant_id;

COMMENT ON VIEW analytics.payout IS 'Payouts: what a gateway should have paid out on a day, and what the books noted of it';
COMMENT ON COLUMN analytics.payout.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.payout.payout_reference IS 'Merchant account and day: the gateway has no number for a payout';
COMMENT ON COLUMN analytics.payout.settled_on IS 'Day the gateway paid it out';
COMMENT ON COLUMN analytics.payout.currency IS 'Currency of the payout, of all amounts';
COMMENT ON COLUMN analytics.payout.payments IS 'Payments in it';
COMMENT ON COLUMN analytics.payout.refunds IS 'Refunds in it';
COMMENT ON COLUMN analytics.payout.paid IS 'Its payments';
COMMENT ON COLUMN analytics.payout.refunded IS 'Its refunds';
COMMENT ON COLUMN analytics.payout.fees IS 'What the gateway charged for them, as far as told';
COMMENT ON COLUMN analytics.payout.fees_returned IS 'What of fees it gave back with refunds';
COMMENT ON COLUMN analytics.payout.payout IS 'Paid - refunded - fees + fees_returned: what is to arrive at the bank; disputes are not told by payout';
COMMENT ON COLUMN analytics.payout.booked IS 'What the books noted of the same payments, less bank charges, and refunds; null where the payout is in another currency';
COMMENT ON COLUMN analytics.payout.unbooked IS 'Payments and refunds that the books do not know';
COMMENT ON COLUMN analytics.payout.difference IS 'Paid - refunded - fees - booked; the books note no returned fees. Null while something is unbooked';
