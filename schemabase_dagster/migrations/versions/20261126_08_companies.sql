ALTER TABLE core.companies
    DROP CONSTRAINT companies_tenant_id_normalized_name_key,
    ADD CONSTRAINT companies_tenant_id_normalized_name_key UNIQUE (tenant_id, normalized_name) DEFERRABLE INITIALLY IMMEDIATE;

COMMENT ON TABLE core.companies IS 'Organisations that contacts belong to: one row per normalised name or VAT id';

COMMENT ON COLUMN core.companies.name IS 'Name as the deciding source writes it';

COMMENT ON COLUMN core.companies.vat_id IS 'VAT or GST number: capital letters and digits only';

ALTER TABLE core.contacts
    ADD COLUMN company_key TEXT,
    DROP CONSTRAINT contacts_tenant_id_company_id_fkey,
    ADD CONSTRAINT contacts_tenant_id_company_id_fkey FOREIGN KEY (tenant_id, company_id) REFERENCES core.companies (tenant_id, id) ON DELETE SET NULL (company_id);

UPDATE core.contacts AS c SET company_key = co.normalized_name
FROM core.companies AS co
WHERE co.id = c.company_id;

CREATE INDEX contacts_company ON core.contacts (tenant_id, company_id) WHERE company_id IS NOT NULL;

CREATE INDEX contacts_company_key ON core.contacts (tenant_id, company_key) WHERE company_key IS NOT NULL;

COMMENT ON COLUMN core.contacts.company_key IS 'Normalised name by which the deciding source names the company';

CREATE TABLE core.external_ref_company PARTITION OF core.external_ref FOR VALUES IN ('company');

ALTER TABLE core.external_ref_company ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.companies (tenant_id, id) ON DELETE CASCADE;
