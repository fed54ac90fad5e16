-- What do customers still owe, and how late are they?
SELECT
    tenant,
    currency,
    CASE
        WHEN due_on IS NULL OR due_on >= current_date THEN '1 not due yet'
        WHEN due_on >= current_date - 30 THEN '2 up to 30 days late'
        WHEN due_on >= current_date - 90 THEN '3 up to 90 days late'
        ELSE '4 more than 90 days late'
    END AS age,
    count(*) AS invoices,
    sum(open_amount) AS open_amount
FROM analytics.fct_invoice
WHERE open_amount > 0 AND status NOT IN ('draft', 'void', 'paid')
GROUP BY tenant, currency, age
ORDER BY tenant, currency, age;
