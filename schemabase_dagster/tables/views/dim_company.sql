-- analytics.dim_company: one row per company that a source knows or a contact names.
CREATE VIEW analytics.dim_company AS
SELECT
    t.slug AS tenant,
    co.id AS company_id,
    co.name AS company,
    co.vat_id,
    coalesce(p.contacts, 0) AS contacts,
    coalesce(p.orders, 0) AS orders,
    p.first_order_at,
    p.last_order_at
FROM core.companies AS co
JOIN platform.tenant AS t ON t.id = co.tenant_id
LEFT JOIN (
    SELECT c.company_id, count(*) AS contacts, sum(o.orders)::bigint AS orders,
        min(o.first_order_at) AS first_order_at, max(o.last_order_at) AS last_order_at
    FROM core.contacts AS c
    LEFT JOIN (
        SELECT contact_id, count(*) AS orders, min(ordered_at) AS first_order_at,
            max(ordered_at) AS last_order_at
        FROM core.orders
        WHERE deleted_at IS NULL AND status NOT IN ('draft', 'canceled') AND contact_id IS NOT NULL
        GROUP BY contact_id
    ) AS o ON o.contact_id = c.id
    WHERE c.deleted_at IS NULL AND c.company_id IS NOT NULL
    GROUP BY c.company_id
) AS p ON p.company_id = co.id
WHERE co.deleted_at IS NULL OR p.contacts > 0;

COMMENT ON VIEW analytics.dim_company IS 'Companies with their contacts and what these ordered: one row per company';
COMMENT ON COLUMN analytics.dim_company.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.dim_company.company_id IS 'Our id of the company';
COMMENT ON COLUMN analytics.dim_company.company IS 'Name';
COMMENT ON COLUMN analytics.dim_company.vat_id IS 'VAT or GST number: capital letters and digits only';
COMMENT ON COLUMN analytics.dim_company.contacts IS 'Contacts that belong to it';
COMMENT ON COLUMN analytics.dim_company.orders IS 'Their orders that are neither drafts nor canceled';
COMMENT ON COLUMN analytics.dim_company.first_order_at IS 'When the first of them was placed';
COMMENT ON COLUMN analytics.dim_company.last_order_at IS 'When the latest was placed';
