-- analytics.transaction_cost_monthly: what payments cost, by month, currency and method.
CREATE VIEW analytics.transaction_cost_monthly AS
SELECT
    p.tenant,
    date_trunc('month', p.paid_day)::date AS month,
    p.currency,
    p.gateway,
    p.method_type,
    count(*) AS payments,
    sum(p.amount) AS volume,
    count(p.fees) AS payments_with_fees,
    sum(p.fees) AS fees,
    CASE WHEN sum(p.amount) FILTER (WHERE p.fees IS NOT NULL) <> 0 THEN round(
        100 * sum(p.fees) / sum(p.amount) FILTER (WHERE p.fees IS NOT NULL), 4
    ) END AS fee_percent,
    sum(p.refunded_amount) AS refunded_amount,
    sum(p.disputed_amount) AS disputed_amount
FROM analytics.fct_payment AS p
WHERE p.status = 'paid' AND p.paid_day IS NOT NULL
GROUP BY p.tenant, date_trunc('month', p.paid_day), p.currency, p.gateway, p.method_type;

COMMENT ON VIEW analytics.transaction_cost_monthly IS 'What payments cost: one row per month of the payment, currency, gateway and method';
COMMENT ON COLUMN analytics.transaction_cost_monthly.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.transaction_cost_monthly.month IS 'First day of the month in which was paid, in the tenant''s time zone';
COMMENT ON COLUMN analytics.transaction_cost_monthly.currency IS 'ISO 4217, of all amounts of the row';
COMMENT ON COLUMN analytics.transaction_cost_monthly.gateway IS 'Who moved the money';
COMMENT ON COLUMN analytics.transaction_cost_monthly.method_type IS 'How customers paid';
COMMENT ON COLUMN analytics.transaction_cost_monthly.payments IS 'Number of payments';
COMMENT ON COLUMN analytics.transaction_cost_monthly.volume IS 'What was paid, before anything went back';
COMMENT ON COLUMN analytics.transaction_cost_monthly.payments_with_fees IS 'How many of them have told their fee';
COMMENT ON COLUMN analytics.transaction_cost_monthly.fees IS 'What they cost, fees given back deducted';
COMMENT ON COLUMN analytics.transaction_cost_monthly.fee_percent IS 'Fees in per cent of the volume whose fees are told';
COMMENT ON COLUMN analytics.transaction_cost_monthly.refunded_amount IS 'What of it went back by refunds';
COMMENT ON COLUMN analytics.transaction_cost_monthly.disputed_amount IS 'What of it disputes took';
