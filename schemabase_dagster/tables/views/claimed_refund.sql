-- analytics.claimed_refund: one row per refund with what each kind of system says of it.
CREATE VIEW analytics.claimed_refund AS
WITH claims AS (
    SELECT
        x.core_id,
        CASE a.type
            WHEN 'braintree' THEN 'gateway'
            WHEN 'zoho' THEN 'erp'
            WHEN 'saleor' THEN 'shop'
        END AS role,
        x.attrs ->> 'state' AS state,
        (x.attrs ->> 'amount')::numeric AS amount,
        a.key || ' ' || x.external_id AS record
    FROM core.external_ref AS x
    JOIN platform.app AS a ON a.id = x.app_id
    WHERE x.entity = 'refund' AND x.deleted_at IS NULL
), told AS (
    SELECT
        core_id,
        sum(amount) FILTER (WHERE role = 'shop' AND state = 'done') AS shop_amount,
        sum(amount) FILTER (WHERE role = 'gateway' AND state = 'done') AS gateway_amount,
        sum(amount) FILTER (WHERE role = 'erp' AND state = 'done') AS erp_amount,
        coalesce(bool_or(role = 'gateway' AND state IN ('failed', 'reversed', 'void')), false)
            AS gateway_failed,
        string_agg(record, ', ' ORDER BY record) FILTER (WHERE role = 'shop') AS shop_record,
        string_agg(record, ', ' ORDER BY record) FILTER (WHERE role = 'gateway') AS gateway_record,
        string_agg(record, ', ' ORDER BY record) FILTER (WHERE role = 'erp') AS erp_record
    FROM claims
    GROUP BY core_id
), allocated AS (
    SELECT
        refund_id,
        min(order_id::text)::uuid AS order_id
    FROM core.refund_allocations
    WHERE order_id IS NOT NULL
    GROUP BY refund_id
)
SELECT
    t.slug AS tenant,
    f.id AS refund_id,
    f.refund_key,
    al.order_id,
    f.payment_id,
    f.status,
    f.purpose,
    f.method,
    f.amount,
    f.currency,
    f.requested_at,
    f.refunded_at,
    c.shop_amount,
    c.gateway_amount,
    c.erp_amount,
    coalesce(c.gateway_failed, false) AS gateway_failed,
    c.shop_record,
    c.gateway_record,
    c.erp_record
FROM core.refunds AS f
JOIN platform.tenant AS t ON t.id = f.tenant_id
LEFT JOIN told AS c ON c.core_id = f.id
LEFT JOIN allocated AS al ON al.refund_id = f.id
WHERE f.deleted_at IS NULL;

COMMENT ON VIEW analytics.claimed_refund IS 'Refunds: what shop, gateway and books each say of one movement of money';
COMMENT ON COLUMN analytics.claimed_refund.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.claimed_refund.refund_id IS 'Our id of the refund';
COMMENT ON COLUMN analytics.claimed_refund.refund_key IS 'Id at the gateway, else of the system that told of it';
COMMENT ON COLUMN analytics.claimed_refund.order_id IS 'Our id of the order; the first of several';
COMMENT ON COLUMN analytics.claimed_refund.payment_id IS 'Our id of the payment that was paid back';
COMMENT ON COLUMN analytics.claimed_refund.status IS 'requested, pending, succeeded, failed, reversed or canceled';
COMMENT ON COLUMN analytics.claimed_refund.purpose IS 'Why: return, cancellation, overpayment, ...';
COMMENT ON COLUMN analytics.claimed_refund.method IS 'original = the way it was paid';
COMMENT ON COLUMN analytics.claimed_refund.amount IS 'Amount in the customer''s currency';
COMMENT ON COLUMN analytics.claimed_refund.currency IS 'ISO 4217';
COMMENT ON COLUMN analytics.claimed_refund.requested_at IS 'When it was asked for';
COMMENT ON COLUMN analytics.claimed_refund.refunded_at IS 'When the money moved';
COMMENT ON COLUMN analytics.claimed_refund.shop_amount IS 'What the shop says went back';
COMMENT ON COLUMN analytics.claimed_refund.gateway_amount IS 'What the gateway says went back';
COMMENT ON COLUMN analytics.claimed_refund.erp_amount IS 'What the books say went back, in sum';
COMMENT ON COLUMN analytics.claimed_refund.gateway_failed IS 'The gateway says that it failed or came back';
COMMENT ON COLUMN analytics.claimed_refund.shop_record IS 'App and id of the shop''s records';
COMMENT ON COLUMN analytics.claimed_refund.gateway_record IS 'App and id of the gateway''s record';
COMMENT ON COLUMN analytics.claimed_refund.erp_record IS 'App and id of the records of the books';
