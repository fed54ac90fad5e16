CREATE TABLE core.credit_notes (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    credit_note_number TEXT NOT NULL,
    reference_number TEXT,
    status TEXT NOT NULL,
    issued_on DATE NOT NULL,
    contact_id UUID,
    corrects_invoice_id UUID,
    currency TEXT NOT NULL,
    total_net NUMERIC(19, 4),
    total_tax NUMERIC(19, 4),
    total_gross NUMERIC(19, 4) NOT NULL,
    balance NUMERIC(19, 4),
    owner_app_id UUID,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT credit_notes_pkey PRIMARY KEY (id),
    CONSTRAINT credit_notes_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT credit_notes_tenant_id_credit_note_number_key UNIQUE (tenant_id, credit_note_number) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT credit_notes_status_check CHECK (status IN ('draft', 'pending_approval', 'open', 'closed', 'void')),
    CONSTRAINT credit_notes_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT credit_notes_total_gross_check CHECK (total_gross >= 0),
    CONSTRAINT credit_notes_tenant_id_contact_id_fkey FOREIGN KEY(tenant_id, contact_id) REFERENCES core.contacts (tenant_id, id),
    CONSTRAINT credit_notes_tenant_id_corrects_invoice_id_fkey FOREIGN KEY(tenant_id, corrects_invoice_id) REFERENCES core.invoices (tenant_id, id) ON DELETE SET NULL (corrects_invoice_id),
    CONSTRAINT credit_notes_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT credit_notes_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX credit_notes_invoice ON core.credit_notes (corrects_invoice_id);

CREATE INDEX credit_notes_issued ON core.credit_notes (tenant_id, issued_on);

COMMENT ON TABLE core.credit_notes IS 'Credit notes: one row per number, positive amounts; they lower what is owed';

COMMENT ON COLUMN core.credit_notes.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.credit_notes.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.credit_notes.credit_note_number IS 'Natural key';

COMMENT ON COLUMN core.credit_notes.reference_number IS 'Free text; mostly the number of invoice or order';

COMMENT ON COLUMN core.credit_notes.status IS 'draft, pending_approval, open, closed or void';

COMMENT ON COLUMN core.credit_notes.issued_on IS 'Day of the credit note';

COMMENT ON COLUMN core.credit_notes.contact_id IS 'Who is credited';

COMMENT ON COLUMN core.credit_notes.corrects_invoice_id IS 'Invoice it corrects; what it is used for is in credit_note_allocations';

COMMENT ON COLUMN core.credit_notes.currency IS 'ISO 4217, of all amounts of the row';

COMMENT ON COLUMN core.credit_notes.total_net IS 'Total without tax';

COMMENT ON COLUMN core.credit_notes.total_tax IS 'Tax';

COMMENT ON COLUMN core.credit_notes.total_gross IS 'Total with tax, positive';

COMMENT ON COLUMN core.credit_notes.balance IS 'What is neither applied nor refunded, by the source';

COMMENT ON COLUMN core.credit_notes.owner_app_id IS 'App that issued it';

COMMENT ON COLUMN core.credit_notes.sources IS 'Field group -> app that decided it and since when';

COMMENT ON COLUMN core.credit_notes.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.credit_notes.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.credit_notes.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.returns (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    return_number TEXT NOT NULL,
    order_id UUID,
    status TEXT DEFAULT 'requested' NOT NULL,
    refund_status TEXT DEFAULT 'none' NOT NULL,
    requested_on DATE,
    reason TEXT,
    owner_app_id UUID,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT returns_pkey PRIMARY KEY (id),
    CONSTRAINT returns_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT returns_tenant_id_return_number_key UNIQUE (tenant_id, return_number) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT returns_status_check CHECK (status IN ('requested', 'approved', 'declined', 'partially_received', 'received', 'closed', 'canceled')),
    CONSTRAINT returns_refund_status_check CHECK (refund_status IN ('none', 'partially_refunded', 'refunded')),
    CONSTRAINT returns_tenant_id_order_id_fkey FOREIGN KEY(tenant_id, order_id) REFERENCES core.orders (tenant_id, id) ON DELETE SET NULL (order_id),
    CONSTRAINT returns_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT returns_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX returns_order ON core.returns (order_id);

CREATE INDEX returns_requested ON core.returns (tenant_id, requested_on);

COMMENT ON TABLE core.returns IS 'Returns: one row per parcel or case of goods that come back';

COMMENT ON COLUMN core.returns.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.returns.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.returns.return_number IS 'Natural key';

COMMENT ON COLUMN core.returns.order_id IS 'Order the goods were sold with; null until that is known';

COMMENT ON COLUMN core.returns.status IS 'requested, approved, declined, partially_received, received, closed or canceled';

COMMENT ON COLUMN core.returns.refund_status IS 'none, partially_refunded or refunded, by the ERP';

COMMENT ON COLUMN core.returns.requested_on IS 'Day it was announced';

COMMENT ON COLUMN core.returns.reason IS 'Reason that a person gave';

COMMENT ON COLUMN core.returns.owner_app_id IS 'App that owns the row: the shop, else the ERP';

COMMENT ON COLUMN core.returns.sources IS 'Field group -> app that decided it and since when';

COMMENT ON COLUMN core.returns.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.returns.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.returns.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.credit_note_lines (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    credit_note_id UUID NOT NULL,
    line_no INTEGER NOT NULL,
    sku TEXT NOT NULL,
    sku_occurrence INTEGER DEFAULT 1 NOT NULL,
    description TEXT,
    quantity NUMERIC(19, 6) NOT NULL,
    unit_net NUMERIC(19, 4),
    total_net NUMERIC(19, 4),
    total_gross NUMERIC(19, 4),
    tax_percentage NUMERIC(9, 4),
    is_goods BOOLEAN DEFAULT true NOT NULL,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT credit_note_lines_pkey PRIMARY KEY (id),
    CONSTRAINT credit_note_lines_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT credit_note_lines_credit_note_id_line_no_key UNIQUE (credit_note_id, line_no),
    CONSTRAINT credit_note_lines_tenant_id_credit_note_id_fkey FOREIGN KEY(tenant_id, credit_note_id) REFERENCES core.credit_notes (tenant_id, id) ON DELETE CASCADE
);

COMMENT ON TABLE core.credit_note_lines IS 'Lines of credit notes';

COMMENT ON COLUMN core.credit_note_lines.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.credit_note_lines.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.credit_note_lines.credit_note_id IS 'Credit note';

COMMENT ON COLUMN core.credit_note_lines.line_no IS 'Position, 1-based';

COMMENT ON COLUMN core.credit_note_lines.sku IS 'Stock keeping unit; empty when the source has none';

COMMENT ON COLUMN core.credit_note_lines.sku_occurrence IS '1 for the first line of this SKU in source order';

COMMENT ON COLUMN core.credit_note_lines.description IS 'Name of the article';

COMMENT ON COLUMN core.credit_note_lines.quantity IS 'Credited quantity';

COMMENT ON COLUMN core.credit_note_lines.unit_net IS 'Price of one without tax';

COMMENT ON COLUMN core.credit_note_lines.total_net IS 'Line total without tax';

COMMENT ON COLUMN core.credit_note_lines.total_gross IS 'Line total with tax';

COMMENT ON COLUMN core.credit_note_lines.tax_percentage IS '19 % is 19.0000';

COMMENT ON COLUMN core.credit_note_lines.is_goods IS 'False for services such as shipping';

COMMENT ON COLUMN core.credit_note_lines.sources IS 'App -> id of the line there; ''by'' = app that decided the line';

COMMENT ON COLUMN core.credit_note_lines.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.credit_note_lines.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.credit_note_lines.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.credit_note_orders (
    tenant_id UUID NOT NULL,
    credit_note_id UUID NOT NULL,
    order_id UUID NOT NULL,
    CONSTRAINT credit_note_orders_pkey PRIMARY KEY (credit_note_id, order_id),
    CONSTRAINT credit_note_orders_tenant_id_credit_note_id_fkey FOREIGN KEY(tenant_id, credit_note_id) REFERENCES core.credit_notes (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT credit_note_orders_tenant_id_order_id_fkey FOREIGN KEY(tenant_id, order_id) REFERENCES core.orders (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX credit_note_orders_order ON core.credit_note_orders (order_id);

COMMENT ON TABLE core.credit_note_orders IS 'Which credit note lowers the value of which order';

COMMENT ON COLUMN core.credit_note_orders.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.credit_note_orders.credit_note_id IS 'Credit note';

COMMENT ON COLUMN core.credit_note_orders.order_id IS 'Order whose value it lowers';

CREATE TABLE core.credit_note_allocations (
    tenant_id UUID NOT NULL,
    credit_note_id UUID NOT NULL,
    invoice_id UUID NOT NULL,
    amount NUMERIC(19, 4),
    CONSTRAINT credit_note_allocations_pkey PRIMARY KEY (credit_note_id, invoice_id),
    CONSTRAINT credit_note_allocations_tenant_id_credit_note_id_fkey FOREIGN KEY(tenant_id, credit_note_id) REFERENCES core.credit_notes (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT credit_note_allocations_tenant_id_invoice_id_fkey FOREIGN KEY(tenant_id, invoice_id) REFERENCES core.invoices (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX credit_note_allocations_invoice ON core.credit_note_allocations (invoice_id);

COMMENT ON TABLE core.credit_note_allocations IS 'Which debt a credit note was used for; it may be that of another order';

COMMENT ON COLUMN core.credit_note_allocations.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.credit_note_allocations.credit_note_id IS 'Credit note';

COMMENT ON COLUMN core.credit_note_allocations.invoice_id IS 'Invoice that it pays';

COMMENT ON COLUMN core.credit_note_allocations.amount IS 'How much of it';

CREATE TABLE core.return_lines (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    return_id UUID NOT NULL,
    line_no INTEGER NOT NULL,
    action TEXT DEFAULT 'return' NOT NULL,
    sku TEXT NOT NULL,
    sku_occurrence INTEGER DEFAULT 1 NOT NULL,
    description TEXT,
    quantity NUMERIC(19, 6) NOT NULL,
    quantity_credit_only NUMERIC(19, 6) DEFAULT 0 NOT NULL,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT return_lines_pkey PRIMARY KEY (id),
    CONSTRAINT return_lines_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT return_lines_return_id_action_sku_sku_occurrence_key UNIQUE (return_id, action, sku, sku_occurrence),
    CONSTRAINT return_lines_action_check CHECK (action IN ('return', 'replace')),
    CONSTRAINT return_lines_tenant_id_return_id_fkey FOREIGN KEY(tenant_id, return_id) REFERENCES core.returns (tenant_id, id) ON DELETE CASCADE
);

COMMENT ON TABLE core.return_lines IS 'What is to come back: one row per return, action, SKU and occurrence of the SKU';

COMMENT ON COLUMN core.return_lines.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.return_lines.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.return_lines.return_id IS 'Return';

COMMENT ON COLUMN core.return_lines.line_no IS 'Position, 1-based';

COMMENT ON COLUMN core.return_lines.action IS 'return or replace';

COMMENT ON COLUMN core.return_lines.sku IS 'Stock keeping unit; empty when the source has none';

COMMENT ON COLUMN core.return_lines.sku_occurrence IS '1 for the first line of this SKU in source order';

COMMENT ON COLUMN core.return_lines.description IS 'Name of the article';

COMMENT ON COLUMN core.return_lines.quantity IS 'Announced, to come back';

COMMENT ON COLUMN core.return_lines.quantity_credit_only IS 'Credited, never comes back';

COMMENT ON COLUMN core.return_lines.sources IS 'App -> id of the line there; ''by'' = app that decided the quantity';

COMMENT ON COLUMN core.return_lines.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.return_lines.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.return_lines.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.return_receipts (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    return_id UUID NOT NULL,
    receipt_number TEXT NOT NULL,
    received_on DATE NOT NULL,
    note TEXT,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT return_receipts_pkey PRIMARY KEY (id),
    CONSTRAINT return_receipts_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT return_receipts_return_id_receipt_number_key UNIQUE (return_id, receipt_number),
    CONSTRAINT return_receipts_tenant_id_return_id_fkey FOREIGN KEY(tenant_id, return_id) REFERENCES core.returns (tenant_id, id) ON DELETE CASCADE
);

COMMENT ON TABLE core.return_receipts IS 'What the warehouse took in: one row per receipt';

COMMENT ON COLUMN core.return_receipts.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.return_receipts.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.return_receipts.return_id IS 'Return';

COMMENT ON COLUMN core.return_receipts.receipt_number IS 'Number of the receipt';

COMMENT ON COLUMN core.return_receipts.received_on IS 'Day the goods arrived';

COMMENT ON COLUMN core.return_receipts.note IS 'Note of the warehouse';

COMMENT ON COLUMN core.return_receipts.sources IS 'App -> id of the receipt there';

COMMENT ON COLUMN core.return_receipts.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.return_receipts.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.return_receipts.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.return_credit_notes (
    tenant_id UUID NOT NULL,
    return_id UUID NOT NULL,
    credit_note_id UUID NOT NULL,
    CONSTRAINT return_credit_notes_pkey PRIMARY KEY (return_id, credit_note_id),
    CONSTRAINT return_credit_notes_tenant_id_return_id_fkey FOREIGN KEY(tenant_id, return_id) REFERENCES core.returns (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT return_credit_notes_tenant_id_credit_note_id_fkey FOREIGN KEY(tenant_id, credit_note_id) REFERENCES core.credit_notes (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX return_credit_notes_credit_note ON core.return_credit_notes (credit_note_id);

COMMENT ON TABLE core.return_credit_notes IS 'Which credit note was given for which return';

COMMENT ON COLUMN core.return_credit_notes.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.return_credit_notes.return_id IS 'Return';

COMMENT ON COLUMN core.return_credit_notes.credit_note_id IS 'Credit note that was given for it';

CREATE TABLE core.return_receipt_lines (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    return_id UUID NOT NULL,
    receipt_number TEXT NOT NULL,
    action TEXT DEFAULT 'return' NOT NULL,
    sku TEXT NOT NULL,
    sku_occurrence INTEGER DEFAULT 1 NOT NULL,
    quantity NUMERIC(19, 6) NOT NULL,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT return_receipt_lines_pkey PRIMARY KEY (id),
    CONSTRAINT return_receipt_lines_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT return_receipt_lines_return_id_receipt_number_action_sk_89b2 UNIQUE (return_id, receipt_number, action, sku, sku_occurrence),
    CONSTRAINT return_receipt_lines_quantity_check CHECK (quantity > 0),
    CONSTRAINT return_receipt_lines_tenant_id_return_id_fkey FOREIGN KEY(tenant_id, return_id) REFERENCES core.returns (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT return_receipt_lines_receipt_fkey FOREIGN KEY(return_id, receipt_number) REFERENCES core.return_receipts (return_id, receipt_number) ON DELETE CASCADE,
    CONSTRAINT return_receipt_lines_line_fkey FOREIGN KEY(return_id, action, sku, sku_occurrence) REFERENCES core.return_lines (return_id, action, sku, sku_occurrence) ON DELETE CASCADE
);

COMMENT ON TABLE core.return_receipt_lines IS 'Received quantities: one row per receipt and line of the return';

COMMENT ON COLUMN core.return_receipt_lines.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.return_receipt_lines.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.return_receipt_lines.return_id IS 'Return';

COMMENT ON COLUMN core.return_receipt_lines.receipt_number IS 'Receipt';

COMMENT ON COLUMN core.return_receipt_lines.action IS 'As in return_lines';

COMMENT ON COLUMN core.return_receipt_lines.sku IS 'Stock keeping unit; empty when the source has none';

COMMENT ON COLUMN core.return_receipt_lines.sku_occurrence IS '1 for the first line of this SKU in source order';

COMMENT ON COLUMN core.return_receipt_lines.quantity IS 'Received quantity';

COMMENT ON COLUMN core.return_receipt_lines.sources IS '''by'' = app that told it';

COMMENT ON COLUMN core.return_receipt_lines.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.return_receipt_lines.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.return_receipt_lines.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.external_ref_credit_note PARTITION OF core.external_ref FOR VALUES IN ('credit_note');

ALTER TABLE core.external_ref_credit_note ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.credit_notes (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_return PARTITION OF core.external_ref FOR VALUES IN ('return');

ALTER TABLE core.external_ref_return ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.returns (tenant_id, id) ON DELETE CASCADE;

ALTER TABLE core.refund_allocations ADD COLUMN credit_note_id UUID;

ALTER TABLE core.refund_allocations DROP CONSTRAINT refund_allocations_target_check;

ALTER TABLE core.refund_allocations ADD CONSTRAINT refund_allocations_target_check CHECK (num_nonnulls(order_id, credit_note_id) = 1);

ALTER TABLE core.refund_allocations DROP CONSTRAINT refund_allocations_refund_id_order_id_key;

ALTER TABLE core.refund_allocations ADD CONSTRAINT refund_allocations_refund_id_order_id_credit_note_id_key UNIQUE NULLS NOT DISTINCT (refund_id, order_id, credit_note_id);

ALTER TABLE core.refund_allocations ADD CONSTRAINT refund_allocations_tenant_id_credit_note_id_fkey FOREIGN KEY (tenant_id, credit_note_id) REFERENCES core.credit_notes (tenant_id, id) ON DELETE CASCADE;

CREATE INDEX refund_allocations_credit_note ON core.refund_allocations (credit_note_id);

COMMENT ON COLUMN core.refund_allocations.credit_note_id IS 'Credit note it pays out';

COMMENT ON TABLE core.refund_allocations IS 'Which refund concerns which order, and which credit note it pays out';
