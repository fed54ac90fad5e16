-- analytics.dim_contact: one row per contact that is not deleted.
CREATE VIEW analytics.dim_contact AS
SELECT
    t.slug AS tenant,
    c.id AS contact_id,
    c.email_normalized AS email,
    c.first_name,
    c.last_name,
    co.name AS company,
    c.is_customer,
    c.is_vendor,
    coalesce(o.orders, 0) AS orders,
    o.first_order_at,
    o.last_order_at
FROM core.contacts AS c
JOIN platform.tenant AS t ON t.id = c.tenant_id
LEFT JOIN core.companies AS co ON co.id = c.company_id
LEFT JOIN (
    SELECT contact_id, count(*) AS orders, min(ordered_at) AS first_order_at,
        max(ordered_at) AS last_order_at
    FROM core.orders
    WHERE deleted_at IS NULL AND status NOT IN ('draft', 'canceled') AND contact_id IS NOT NULL
    GROUP BY contact_id
) AS o ON o.contact_id = c.id
WHERE c.deleted_at IS NULL;

COMMENT ON VIEW analytics.dim_contact IS 'People and companies with how often they ordered: one row per e-mail address';
COMMENT ON COLUMN analytics.dim_contact.tenant IS 'Slug of the tenant';
COMMENT ON COLUMN analytics.dim_contact.contact_id IS 'Our id of the contact';
COMMENT ON COLUMN analytics.dim_contact.email IS 'E-mail address, normalised';
COMMENT ON COLUMN analytics.dim_contact.first_name IS 'First name';
COMMENT ON COLUMN analytics.dim_contact.last_name IS 'Last name';
COMMENT ON COLUMN analytics.dim_contact.company IS 'Company';
COMMENT ON COLUMN analytics.dim_contact.is_customer IS 'A source calls it a customer';
COMMENT ON COLUMN analytics.dim_contact.is_vendor IS 'A source calls it a vendor';
COMMENT ON COLUMN analytics.dim_contact.orders IS 'Orders that are neither drafts nor canceled';
COMMENT ON COLUMN analytics.dim_contact.first_order_at IS 'When the first of them was placed';
COMMENT ON COLUMN analytics.dim_contact.last_order_at IS 'When the latest was placed';
