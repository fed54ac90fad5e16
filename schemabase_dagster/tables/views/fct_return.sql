-- analytics.fct_return: one row per article of a return that is not deleted.
CREATE VIEW analytics.fct_return AS
SELECT
    t.slug AS tenant,
    r.id AS return_id,
    r.return_number,
    r.order_id,
    o.order_number,
    r.status,
    r.refund_status,
    r.requested_on,
    c.received_on,
    r.reason,
    l.action,
    ol.id AS order_line_id,
    l.sku,
    l.description,
    l.quantity,
    coalesce(c.quantity, 0) AS received,
    l.quantity_credit_only,
    r.created_at,
    r.updated_at
FROM core.returns AS r
JOIN platform.tenant AS t ON t.id = r.tenant_id
JOIN core.return_lines AS l ON l.return_id = r.id AND l.deleted_at IS NULL
LEFT JOIN core.orders AS o ON o.id = r.order_id AND o.deleted_at IS NULL
LEFT JOIN core.order_lines AS ol
    ON ol.order_id = o.id AND ol.sku = l.sku AND ol.sku_occurrence = l.sku_occurrence
    AND ol.deleted_at IS NULL AND l.sku <> ''
LEFT JOIN (
    SELECT
        x.return_id, x.action, x.sku, x.sku_occurrence,
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
WHERE r.deleted_at IS NULL;

COMMENT ON VIEW analytics.fct_return IS 'Returned articles: announced, received and credit-only quantities apart';
COMMENT ON COLUMN analytics.fct_return.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.fct_return.return_id IS 'Our id of the return';
COMMENT ON COLUMN analytics.fct_return.return_number IS 'Return number';
COMMENT ON COLUMN analytics.fct_return.order_id IS 'Our id of the order';
COMMENT ON COLUMN analytics.fct_return.order_number IS 'Order the goods were sold with; null = not known';
COMMENT ON COLUMN analytics.fct_return.status IS 'requested, approved, declined, partially_received, received, closed or canceled';
COMMENT ON COLUMN analytics.fct_return.refund_status IS 'none, partially_refunded or refunded, by the ERP';
COMMENT ON COLUMN analytics.fct_return.requested_on IS 'Day it was announced';
COMMENT ON COLUMN analytics.fct_return.received_on IS 'Day the last of it arrived, by the warehouse';
COMMENT ON COLUMN analytics.fct_return.reason IS 'Reason that a person gave';
COMMENT ON COLUMN analytics.fct_return.action IS 'return or replace';
COMMENT ON COLUMN analytics.fct_return.order_line_id IS 'Our id of the order line with the same SKU, of several equal ones the same in order; null = none';
COMMENT ON COLUMN analytics.fct_return.sku IS 'Stock keeping unit';
COMMENT ON COLUMN analytics.fct_return.description IS 'Name of the article';
COMMENT ON COLUMN analytics.fct_return.quantity IS 'Announced, to come back';
COMMENT ON COLUMN analytics.fct_return.received IS 'What the warehouse took in';
COMMENT ON COLUMN analytics.fct_return.quantity_credit_only IS 'Credited, never comes back';
COMMENT ON COLUMN analytics.fct_return.created_at IS 'When we first wrote the row';
COMMENT ON COLUMN analytics.fct_return.updated_at IS 'When a column last really changed';
