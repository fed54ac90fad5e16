-- analytics.fct_transaction_cost: one row per fee that is not deleted.
CREATE VIEW analytics.fct_transaction_cost AS
SELECT
    t.slug AS tenant,
    c.id AS cost_id,
    c.cost_key,
    c.kind,
    c.source,
    a.key AS app,
    c.currency,
    c.amount,
    c.as_of,
    (c.as_of AT TIME ZONE t.timezone)::date AS cost_day,
    c.created_at AS learned_at,
    c.payment_id,
    p.reference_number AS payment_reference,
    p.paid_at,
    p.gateway,
    p.method_type,
    p.instrument,
    p.currency AS payment_currency,
    p.amount AS payment_amount,
    f.refund_key,
    d.dispute_key,
    c.updated_at
FROM core.transaction_costs AS c
JOIN platform.tenant AS t ON t.id = c.tenant_id
LEFT JOIN platform.app AS a ON a.id = c.owner_app_id
LEFT JOIN core.payments AS p ON p.id = c.payment_id AND p.deleted_at IS NULL
LEFT JOIN core.refunds AS f ON f.id = c.refund_id AND f.deleted_at IS NULL
LEFT JOIN core.disputes AS d ON d.id = c.dispute_id AND d.deleted_at IS NULL
WHERE c.deleted_at IS NULL;

COMMENT ON VIEW analytics.fct_transaction_cost IS 'Transaction costs: one row per fee of a payment, a refund or a dispute';
COMMENT ON COLUMN analytics.fct_transaction_cost.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.fct_transaction_cost.cost_id IS 'Our id of the fee';
COMMENT ON COLUMN analytics.fct_transaction_cost.cost_key IS 'Transaction at the gateway, and the kind';
COMMENT ON COLUMN analytics.fct_transaction_cost.kind IS 'transaction, refund, fee_return (negative), dispute or other';
COMMENT ON COLUMN analytics.fct_transaction_cost.source IS 'Where it was read, such as paypal_fee or fee_report';
COMMENT ON COLUMN analytics.fct_transaction_cost.app IS 'App that told it';
COMMENT ON COLUMN analytics.fct_transaction_cost.currency IS 'ISO 4217, of the fee';
COMMENT ON COLUMN analytics.fct_transaction_cost.amount IS 'What it cost; negative = given back';
COMMENT ON COLUMN analytics.fct_transaction_cost.as_of IS 'What the fee is dated by: settlement or payout of its transaction';
COMMENT ON COLUMN analytics.fct_transaction_cost.cost_day IS 'That day, in the tenant''s time zone';
COMMENT ON COLUMN analytics.fct_transaction_cost.learned_at IS 'When we first knew it; card fees come days later';
COMMENT ON COLUMN analytics.fct_transaction_cost.payment_id IS 'Our id of the payment';
COMMENT ON COLUMN analytics.fct_transaction_cost.payment_reference IS 'Its reference number; null = not known';
COMMENT ON COLUMN analytics.fct_transaction_cost.paid_at IS 'When it was captured';
COMMENT ON COLUMN analytics.fct_transaction_cost.gateway IS 'Who moved the money';
COMMENT ON COLUMN analytics.fct_transaction_cost.method_type IS 'How the customer paid';
COMMENT ON COLUMN analytics.fct_transaction_cost.instrument IS 'The gateway''s own name of the method';
COMMENT ON COLUMN analytics.fct_transaction_cost.payment_currency IS 'Currency of the payment';
COMMENT ON COLUMN analytics.fct_transaction_cost.payment_amount IS 'Amount of the payment';
COMMENT ON COLUMN analytics.fct_transaction_cost.refund_key IS 'Refund it belongs to';
COMMENT ON COLUMN analytics.fct_transaction_cost.dispute_key IS 'Dispute it belongs to';
COMMENT ON COLUMN analytics.fct_transaction_cost.updated_at IS 'When a column last really changed';
