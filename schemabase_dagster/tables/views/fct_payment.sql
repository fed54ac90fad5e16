-- analytics.fct_payment: one row per payment that is not deleted, with what went back and what it cost.
CREATE VIEW analytics.fct_payment AS
SELECT
    t.slug AS tenant,
    p.id AS payment_id,
    p.reference_number,
    p.paid_at,
    (p.paid_at AT TIME ZONE t.timezone)::date AS paid_day,
    p.status,
    p.gateway,
    p.method_type,
    p.instrument,
    p.currency,
    p.amount,
    coalesce(back.refunded, 0) AS refunded_amount,
    coalesce(disputed.disputed, 0) AS disputed_amount,
    costs.fees,
    CASE WHEN p.amount <> 0 THEN round(100 * costs.fees / p.amount, 4) END AS fee_percent,
    costs.fee_currencies,
    p.settlement_amount,
    p.settlement_currency,
    p.settlement_rate,
    p.settled_on,
    p.payout_reference,
    paid.orders,
    paid.order_numbers,
    p.systems,
    p.contact_id,
    p.created_at,
    p.updated_at
FROM core.payments AS p
JOIN platform.tenant AS t ON t.id = p.tenant_id
LEFT JOIN (
    SELECT payment_id, sum(amount) AS refunded
    FROM core.refunds
    WHERE status = 'succeeded' AND deleted_at IS NULL
    GROUP BY payment_id
) AS back ON back.payment_id = p.id
LEFT JOIN (
    SELECT payment_id, sum(funds_withdrawn - funds_returned) AS disputed
    FROM core.disputes
    WHERE deleted_at IS NULL
    GROUP BY payment_id
) AS disputed ON disputed.payment_id = p.id
LEFT JOIN (
    -- A fee in another currency is converted by the gateway's own rate, or not at all.
    SELECT
        c.payment_id,
        CASE WHEN bool_and(c.currency = b.currency OR c.currency = b.settlement_currency AND b.settlement_rate IS NOT NULL)
            THEN sum(CASE WHEN c.currency = b.currency THEN c.amount ELSE round(c.amount / b.settlement_rate, 4) END)
        END AS fees,
        array_agg(DISTINCT c.currency ORDER BY c.currency) AS fee_currencies
    FROM core.transaction_costs AS c
    JOIN core.payments AS b ON b.id = c.payment_id
    WHERE c.deleted_at IS NULL
    GROUP BY c.payment_id
) AS costs ON costs.payment_id = p.id
LEFT JOIN (
    SELECT al.payment_id, count(*) AS orders, array_agg(o.order_number ORDER BY o.order_number) AS order_numbers
    FROM core.payment_allocations AS al
    JOIN core.orders AS o ON o.id = al.order_id
    GROUP BY al.payment_id
) AS paid ON paid.payment_id = p.id
WHERE p.deleted_at IS NULL;

COMMENT ON VIEW analytics.fct_payment IS 'Payments: one row per payment, with what was paid back, disputed and charged for it';
COMMENT ON COLUMN analytics.fct_payment.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.fct_payment.payment_id IS 'Our id of the payment';
COMMENT ON COLUMN analytics.fct_payment.reference_number IS 'Transaction id at the gateway, or the shop''s own number';
COMMENT ON COLUMN analytics.fct_payment.paid_at IS 'When it was captured';
COMMENT ON COLUMN analytics.fct_payment.paid_day IS 'Day it was captured, in the tenant''s time zone';
COMMENT ON COLUMN analytics.fct_payment.status IS 'pending, authorized, paid, failed or canceled';
COMMENT ON COLUMN analytics.fct_payment.gateway IS 'Who moved the money';
COMMENT ON COLUMN analytics.fct_payment.method_type IS 'How the customer paid: card, paypal, sepa_debit, ...';
COMMENT ON COLUMN analytics.fct_payment.instrument IS 'The gateway''s own name of the method';
COMMENT ON COLUMN analytics.fct_payment.currency IS 'ISO 4217, of amount, refunds, disputes and fees';
COMMENT ON COLUMN analytics.fct_payment.amount IS 'What was paid, before anything went back';
COMMENT ON COLUMN analytics.fct_payment.refunded_amount IS 'What went back by refunds that succeeded';
COMMENT ON COLUMN analytics.fct_payment.disputed_amount IS 'What disputes took and did not give back';
COMMENT ON COLUMN analytics.fct_payment.fees IS 'What it cost, fees given back deducted; null = not told yet, or in a currency that nobody converts';
COMMENT ON COLUMN analytics.fct_payment.fee_percent IS 'Fees in per cent of the amount';
COMMENT ON COLUMN analytics.fct_payment.fee_currencies IS 'Currencies in which the fees were charged';
COMMENT ON COLUMN analytics.fct_payment.settlement_amount IS 'What the gateway settled, before its fees';
COMMENT ON COLUMN analytics.fct_payment.settlement_currency IS 'Currency of the settlement';
COMMENT ON COLUMN analytics.fct_payment.settlement_rate IS 'Units of that currency for one of `currency`, by the gateway';
COMMENT ON COLUMN analytics.fct_payment.settled_on IS 'Day the gateway paid it out';
COMMENT ON COLUMN analytics.fct_payment.payout_reference IS 'Which payout it is part of';
COMMENT ON COLUMN analytics.fct_payment.orders IS 'Number of orders it pays; null = none is known';
COMMENT ON COLUMN analytics.fct_payment.order_numbers IS 'Orders it pays';
COMMENT ON COLUMN analytics.fct_payment.systems IS 'Systems that know the payment';
COMMENT ON COLUMN analytics.fct_payment.contact_id IS 'Our id of who paid';
COMMENT ON COLUMN analytics.fct_payment.created_at IS 'When we first wrote the row';
COMMENT ON COLUMN analytics.fct_payment.updated_at IS 'When a column last really changed';
