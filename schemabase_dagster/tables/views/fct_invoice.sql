-- analytics.fct_invoice: one row per invoice that is not deleted.
CREATE VIEW analytics.fct_invoice AS
SELECT
    t.slug AS tenant,
    i.id AS invoice_id,
    i.invoice_number,
    i.issued_on,
    i.due_on,
    i.status,
    i.currency,
    i.total_net,
    i.total_gross,
    i.open_amount,
    i.contact_id,
    c.email_normalized AS contact_email,
    billed.order_numbers,
    i.created_at,
    i.updated_at
FROM core.invoices AS i
JOIN platform.tenant AS t ON t.id = i.tenant_id
LEFT JOIN core.contacts AS c ON c.id = i.contact_id
-- Grouped once, not looked up by invoice: whole tables are what reports read.
LEFT JOIN (
    SELECT io.invoice_id, array_agg(o.order_number ORDER BY o.order_number) AS order_numbers
    FROM core.invoice_orders AS io
    JOIN core.orders AS o ON o.id = io.order_id
    WHERE o.deleted_at IS NULL
    GROUP BY io.invoice_id
) AS billed ON billed.invoice_id = i.id
WHERE i.deleted_at IS NULL;

COMMENT ON VIEW analytics.fct_invoice IS 'Invoices: one row per invoice number';
COMMENT ON COLUMN analytics.fct_invoice.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.fct_invoice.invoice_id IS 'Our id of the invoice';
COMMENT ON COLUMN analytics.fct_invoice.invoice_number IS 'Invoice number';
COMMENT ON COLUMN analytics.fct_invoice.issued_on IS 'Day of the invoice';
COMMENT ON COLUMN analytics.fct_invoice.due_on IS 'Day it is due';
COMMENT ON COLUMN analytics.fct_invoice.status IS 'draft, open, overdue, partially_paid, paid or void';
COMMENT ON COLUMN analytics.fct_invoice.currency IS 'ISO 4217, of all amounts of the row';
COMMENT ON COLUMN analytics.fct_invoice.total_net IS 'Total without tax, where the source gives it';
COMMENT ON COLUMN analytics.fct_invoice.total_gross IS 'Total with tax';
COMMENT ON COLUMN analytics.fct_invoice.open_amount IS 'What is left to pay, by the source';
COMMENT ON COLUMN analytics.fct_invoice.contact_id IS 'Our id of the invoiced contact';
COMMENT ON COLUMN analytics.fct_invoice.contact_email IS 'E-mail of the invoiced contact, normalised';
COMMENT ON COLUMN analytics.fct_invoice.order_numbers IS 'Orders the invoice bills; null = none is known yet';
COMMENT ON COLUMN analytics.fct_invoice.created_at IS 'When we first wrote the row';
COMMENT ON COLUMN analytics.fct_invoice.updated_at IS 'When a column last really changed';
