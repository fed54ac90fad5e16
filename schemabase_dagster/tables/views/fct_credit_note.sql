-- analytics.fct_credit_note: one row per credit note that is not deleted.
CREATE VIEW analytics.fct_credit_note AS
SELECT
    t.slug AS tenant,
    n.id AS credit_note_id,
    n.credit_note_number,
    n.reference_number,
    n.status,
    n.issued_on,
    n.currency,
    n.total_net,
    n.total_tax,
    n.total_gross,
    n.balance,
    coalesce(a.amount, 0) AS applied,
    coalesce(r.amount, 0) AS refunded,
    i.invoice_number,
    (
        SELECT array_agg(o.order_number ORDER BY o.order_number)
        FROM core.credit_note_orders AS co
        JOIN core.orders AS o ON o.id = co.order_id
        WHERE co.credit_note_id = n.id AND o.deleted_at IS NULL
    ) AS order_numbers,
    n.contact_id,
    n.created_at,
    n.updated_at
FROM core.credit_notes AS n
JOIN platform.tenant AS t ON t.id = n.tenant_id
LEFT JOIN core.invoices AS i ON i.id = n.corrects_invoice_id
LEFT JOIN (
    SELECT credit_note_id, sum(amount) AS amount
    FROM core.credit_note_allocations
    GROUP BY credit_note_id
) AS a ON a.credit_note_id = n.id
LEFT JOIN (
    SELECT al.credit_note_id, sum(coalesce(al.amount, f.amount)) AS amount
    FROM core.refund_allocations AS al
    JOIN core.refunds AS f ON f.id = al.refund_id
    WHERE al.credit_note_id IS NOT NULL AND f.deleted_at IS NULL
    GROUP BY al.credit_note_id
) AS r ON r.credit_note_id = n.id
WHERE n.deleted_at IS NULL;

COMMENT ON VIEW analytics.fct_credit_note IS 'Credit notes: one row per number, positive amounts';
COMMENT ON COLUMN analytics.fct_credit_note.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.fct_credit_note.credit_note_id IS 'Our id of the credit note';
COMMENT ON COLUMN analytics.fct_credit_note.credit_note_number IS 'Credit note number';
COMMENT ON COLUMN analytics.fct_credit_note.reference_number IS 'Free text; mostly the number of invoice or order';
COMMENT ON COLUMN analytics.fct_credit_note.status IS 'draft, pending_approval, open, closed or void';
COMMENT ON COLUMN analytics.fct_credit_note.issued_on IS 'Day of the credit note';
COMMENT ON COLUMN analytics.fct_credit_note.currency IS 'ISO 4217, of all amounts of the row';
COMMENT ON COLUMN analytics.fct_credit_note.total_net IS 'Total without tax';
COMMENT ON COLUMN analytics.fct_credit_note.total_tax IS 'Tax';
COMMENT ON COLUMN analytics.fct_credit_note.total_gross IS 'Total with tax';
COMMENT ON COLUMN analytics.fct_credit_note.balance IS 'What is neither applied nor refunded, by the source';
COMMENT ON COLUMN analytics.fct_credit_note.applied IS 'What was used for invoices';
COMMENT ON COLUMN analytics.fct_credit_note.refunded IS 'What the books say was paid out';
COMMENT ON COLUMN analytics.fct_credit_note.invoice_number IS 'Invoice it corrects';
COMMENT ON COLUMN analytics.fct_credit_note.order_numbers IS 'Orders whose value it lowers; null = none is known yet';
COMMENT ON COLUMN analytics.fct_credit_note.contact_id IS 'Our id of who is credited';
COMMENT ON COLUMN analytics.fct_credit_note.created_at IS 'When we first wrote the row';
COMMENT ON COLUMN analytics.fct_credit_note.updated_at IS 'When a column last really changed';
