-- analytics.fct_refund: one row per refund that is not deleted, with what each system says of it.
CREATE VIEW analytics.fct_refund AS
SELECT
    t.slug AS tenant,
    f.id AS refund_id,
    f.refund_key,
    f.status,
    f.purpose,
    f.method,
    f.currency,
    f.amount,
    f.requested_at,
    f.refunded_at,
    (f.refunded_at AT TIME ZONE t.timezone)::date AS refund_day,
    extract(EPOCH FROM f.refunded_at - f.requested_at) / 3600 AS hours_to_refund,
    f.payment_id,
    p.reference_number AS payment_reference,
    p.method_type,
    concerns.order_numbers,
    coalesce(costs.costs, 0) AS costs,
    f.settlement_amount,
    f.settlement_currency,
    f.settled_on,
    f.payout_reference,
    f.reason,
    f.failure_reason,
    refs.systems,
    refs.claims,
    f.created_at,
    f.updated_at
FROM core.refunds AS f
JOIN platform.tenant AS t ON t.id = f.tenant_id
LEFT JOIN core.payments AS p ON p.id = f.payment_id AND p.deleted_at IS NULL
LEFT JOIN (
    SELECT al.refund_id, array_agg(o.order_number ORDER BY o.order_number) AS order_numbers
    FROM core.refund_allocations AS al
    JOIN core.orders AS o ON o.id = al.order_id
    GROUP BY al.refund_id
) AS concerns ON concerns.refund_id = f.id
LEFT JOIN (
    SELECT c.refund_id, sum(c.amount) AS costs
    FROM core.transaction_costs AS c
    JOIN core.refunds AS b ON b.id = c.refund_id AND b.currency = c.currency
    WHERE c.deleted_at IS NULL
    GROUP BY c.refund_id
) AS costs ON costs.refund_id = f.id
LEFT JOIN (
    SELECT
        r.core_id,
        array_agg(DISTINCT a.type ORDER BY a.type) AS systems,
        jsonb_object_agg(a.key || ' ' || r.external_id, r.attrs ->> 'amount') AS claims
    FROM core.external_ref AS r
    JOIN platform.app AS a ON a.id = r.app_id
    WHERE r.entity = 'refund' AND r.deleted_at IS NULL
    GROUP BY r.core_id
) AS refs ON refs.core_id = f.id
WHERE f.deleted_at IS NULL;

COMMENT ON VIEW analytics.fct_refund IS 'Refunds: one row per movement of money back to a customer, also while it is planned';
COMMENT ON COLUMN analytics.fct_refund.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.fct_refund.refund_id IS 'Our id of the refund';
COMMENT ON COLUMN analytics.fct_refund.refund_key IS 'Refund id at the gateway, or the shop''s own number';
COMMENT ON COLUMN analytics.fct_refund.status IS 'requested, pending, succeeded, failed, reversed or canceled; money moved only in succeeded ones';
COMMENT ON COLUMN analytics.fct_refund.purpose IS 'return, cancellation, price_adjustment, goodwill, overpayment or other';
COMMENT ON COLUMN analytics.fct_refund.method IS 'original, bank_transfer, cash, store_credit or other';
COMMENT ON COLUMN analytics.fct_refund.currency IS 'ISO 4217, of amount and costs';
COMMENT ON COLUMN analytics.fct_refund.amount IS 'What goes back, positive';
COMMENT ON COLUMN analytics.fct_refund.requested_at IS 'When it was asked for';
COMMENT ON COLUMN analytics.fct_refund.refunded_at IS 'When the money moved';
COMMENT ON COLUMN analytics.fct_refund.refund_day IS 'Day the money moved, in the tenant''s time zone';
COMMENT ON COLUMN analytics.fct_refund.hours_to_refund IS 'Hours from the request to the money';
COMMENT ON COLUMN analytics.fct_refund.payment_id IS 'Our id of the payment that is paid back';
COMMENT ON COLUMN analytics.fct_refund.payment_reference IS 'Its reference number; null = not known';
COMMENT ON COLUMN analytics.fct_refund.method_type IS 'How the customer had paid';
COMMENT ON COLUMN analytics.fct_refund.order_numbers IS 'Orders it concerns';
COMMENT ON COLUMN analytics.fct_refund.costs IS 'Fees of the refund; negative = fees that were given back';
COMMENT ON COLUMN analytics.fct_refund.settlement_amount IS 'What the gateway settled';
COMMENT ON COLUMN analytics.fct_refund.settlement_currency IS 'Currency of the settlement';
COMMENT ON COLUMN analytics.fct_refund.settled_on IS 'Day the gateway took it from a payout';
COMMENT ON COLUMN analytics.fct_refund.payout_reference IS 'Which payout it is part of';
COMMENT ON COLUMN analytics.fct_refund.reason IS 'Reason that a person gave';
COMMENT ON COLUMN analytics.fct_refund.failure_reason IS 'Why it failed, by the gateway';
COMMENT ON COLUMN analytics.fct_refund.systems IS 'Systems that know the refund';
COMMENT ON COLUMN analytics.fct_refund.claims IS 'App and its id of the refund -> the amount it says';
COMMENT ON COLUMN analytics.fct_refund.created_at IS 'When we first wrote the row';
COMMENT ON COLUMN analytics.fct_refund.updated_at IS 'When a column last really changed';
