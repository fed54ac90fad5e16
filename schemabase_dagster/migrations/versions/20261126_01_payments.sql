CREATE TABLE core.payments (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    reference_number TEXT NOT NULL,
    gateway TEXT DEFAULT 'other' NOT NULL,
    method_type TEXT DEFAULT 'other' NOT NULL,
    instrument TEXT,
    profile_id TEXT,
    status TEXT DEFAULT 'pending' NOT NULL,
    paid_at TIMESTAMP WITH TIME ZONE,
    amount NUMERIC(19, 4) NOT NULL,
    currency TEXT NOT NULL,
    shop_amount NUMERIC(19, 4),
    shop_currency TEXT,
    shop_rate NUMERIC(24, 12),
    settlement_amount NUMERIC(19, 4),
    settlement_currency TEXT,
    settlement_rate NUMERIC(24, 12),
    settled_on DATE,
    payout_reference TEXT,
    contact_id UUID,
    note TEXT,
    owner_app_id UUID,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT payments_pkey PRIMARY KEY (id),
    CONSTRAINT payments_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT payments_tenant_id_reference_number_key UNIQUE (tenant_id, reference_number) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT payments_gateway_check CHECK (gateway IN ('braintree', 'paypal', 'stripe', 'banktransfer', 'authorize_net', 'customer_credit', 'other')),
    CONSTRAINT payments_method_type_check CHECK (method_type IN ('card', 'paypal', 'banktransfer', 'sepa_debit', 'local_payment', 'echeck', 'customer_credit', 'other')),
    CONSTRAINT payments_status_check CHECK (status IN ('pending', 'authorized', 'paid', 'failed', 'canceled')),
    CONSTRAINT payments_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT payments_shop_check CHECK (num_nonnulls(shop_amount, shop_currency, shop_rate) IN (0, 3)),
    CONSTRAINT payments_settlement_check CHECK (num_nonnulls(settlement_amount, settlement_currency) IN (0, 2)),
    CONSTRAINT payments_tenant_id_contact_id_fkey FOREIGN KEY(tenant_id, contact_id) REFERENCES core.contacts (tenant_id, id),
    CONSTRAINT payments_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT payments_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX payments_contact ON core.payments (contact_id);

CREATE INDEX payments_paid ON core.payments (tenant_id, paid_at);

COMMENT ON TABLE core.payments IS 'Payments: one row per payment, whatever number of systems know it';

COMMENT ON COLUMN core.payments.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.payments.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.payments.reference_number IS 'Natural key: the gateway''s transaction id, if any';

COMMENT ON COLUMN core.payments.gateway IS 'Who moved the money';

COMMENT ON COLUMN core.payments.method_type IS 'How the customer paid';

COMMENT ON COLUMN core.payments.instrument IS 'The gateway''s own name of the method, such as apple_pay_card';

COMMENT ON COLUMN core.payments.profile_id IS 'Customer profile at the gateway';

COMMENT ON COLUMN core.payments.status IS 'pending, authorized, paid, failed or canceled; what was paid back is in core.refunds';

COMMENT ON COLUMN core.payments.paid_at IS 'When the money moved, or was promised while it has not moved';

COMMENT ON COLUMN core.payments.amount IS 'Amount in the customer''s currency, refunds not deducted';

COMMENT ON COLUMN core.payments.currency IS 'ISO 4217';

COMMENT ON COLUMN core.payments.shop_amount IS 'Amount in the currency of the books, by the source';

COMMENT ON COLUMN core.payments.shop_currency IS 'Currency of the books, ISO 4217';

COMMENT ON COLUMN core.payments.shop_rate IS 'Units of the books'' currency for one of `currency`';

COMMENT ON COLUMN core.payments.settlement_amount IS 'Amount the gateway settled, before its fees';

COMMENT ON COLUMN core.payments.settlement_currency IS 'Currency of the settlement, ISO 4217';

COMMENT ON COLUMN core.payments.settlement_rate IS 'Units of the settlement''s currency for one of `currency`, by the source';

COMMENT ON COLUMN core.payments.settled_on IS 'Day the gateway paid it out';

COMMENT ON COLUMN core.payments.payout_reference IS 'Which payout of the gateway it is part of';

COMMENT ON COLUMN core.payments.contact_id IS 'Who paid';

COMMENT ON COLUMN core.payments.note IS 'Note of the source';

COMMENT ON COLUMN core.payments.owner_app_id IS 'App that owns the row: the shop, else the ERP';

COMMENT ON COLUMN core.payments.sources IS 'Field group -> app that decided it and since when';

COMMENT ON COLUMN core.payments.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.payments.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.payments.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.payment_allocations (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    payment_id UUID NOT NULL,
    order_id UUID,
    invoice_id UUID,
    amount NUMERIC(19, 4),
    CONSTRAINT payment_allocations_pkey PRIMARY KEY (id),
    CONSTRAINT payment_allocations_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT payment_allocations_payment_id_order_id_invoice_id_key UNIQUE NULLS NOT DISTINCT (payment_id, order_id, invoice_id),
    CONSTRAINT payment_allocations_target_check CHECK (num_nonnulls(order_id, invoice_id) = 1),
    CONSTRAINT payment_allocations_tenant_id_payment_id_fkey FOREIGN KEY(tenant_id, payment_id) REFERENCES core.payments (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT payment_allocations_tenant_id_order_id_fkey FOREIGN KEY(tenant_id, order_id) REFERENCES core.orders (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT payment_allocations_tenant_id_invoice_id_fkey FOREIGN KEY(tenant_id, invoice_id) REFERENCES core.invoices (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX payment_allocations_invoice ON core.payment_allocations (invoice_id);

CREATE INDEX payment_allocations_order ON core.payment_allocations (order_id);

COMMENT ON TABLE core.payment_allocations IS 'Which payment pays which order, and which invoice';

COMMENT ON COLUMN core.payment_allocations.id IS 'Our id';

COMMENT ON COLUMN core.payment_allocations.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.payment_allocations.payment_id IS 'Payment';

COMMENT ON COLUMN core.payment_allocations.order_id IS 'Order it pays';

COMMENT ON COLUMN core.payment_allocations.invoice_id IS 'Invoice it pays';

COMMENT ON COLUMN core.payment_allocations.amount IS 'Share of the payment in its currency; null = the whole payment';

CREATE TABLE core.refunds (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    refund_key TEXT NOT NULL,
    payment_id UUID,
    status TEXT DEFAULT 'requested' NOT NULL,
    purpose TEXT DEFAULT 'other' NOT NULL,
    method TEXT DEFAULT 'original' NOT NULL,
    amount NUMERIC(19, 4) NOT NULL,
    currency TEXT NOT NULL,
    shipping_amount NUMERIC(19, 4),
    shop_amount NUMERIC(19, 4),
    shop_currency TEXT,
    shop_rate NUMERIC(24, 12),
    settlement_amount NUMERIC(19, 4),
    settlement_currency TEXT,
    settlement_rate NUMERIC(24, 12),
    settled_on DATE,
    payout_reference TEXT,
    requested_at TIMESTAMP WITH TIME ZONE,
    refunded_at TIMESTAMP WITH TIME ZONE,
    reason TEXT,
    failure_reason TEXT,
    owner_app_id UUID,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT refunds_pkey PRIMARY KEY (id),
    CONSTRAINT refunds_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT refunds_tenant_id_refund_key_key UNIQUE (tenant_id, refund_key) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT refunds_status_check CHECK (status IN ('requested', 'pending', 'succeeded', 'failed', 'reversed', 'canceled')),
    CONSTRAINT refunds_purpose_check CHECK (purpose IN ('return', 'cancellation', 'price_adjustment', 'goodwill', 'overpayment', 'other')),
    CONSTRAINT refunds_method_check CHECK (method IN ('original', 'bank_transfer', 'cash', 'store_credit', 'other')),
    CONSTRAINT refunds_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT refunds_amount_check CHECK (amount > 0),
    CONSTRAINT refunds_refunded_at_check CHECK (status <> 'succeeded' OR refunded_at IS NOT NULL),
    CONSTRAINT refunds_shop_check CHECK (num_nonnulls(shop_amount, shop_currency, shop_rate) IN (0, 3)),
    CONSTRAINT refunds_settlement_check CHECK (num_nonnulls(settlement_amount, settlement_currency) IN (0, 2)),
    CONSTRAINT refunds_tenant_id_payment_id_fkey FOREIGN KEY(tenant_id, payment_id) REFERENCES core.payments (tenant_id, id) ON DELETE SET NULL (payment_id),
    CONSTRAINT refunds_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT refunds_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX refunds_open ON core.refunds (tenant_id, requested_at) WHERE status IN ('requested', 'pending');

CREATE INDEX refunds_payment ON core.refunds (payment_id);

CREATE INDEX refunds_refunded ON core.refunds (tenant_id, refunded_at);

COMMENT ON TABLE core.refunds IS 'Refunds: one row per movement of money back to a customer, also while it is planned';

COMMENT ON COLUMN core.refunds.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.refunds.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.refunds.refund_key IS 'Natural key: the gateway''s refund id, if any';

COMMENT ON COLUMN core.refunds.payment_id IS 'Payment that was paid back; null until that is known';

COMMENT ON COLUMN core.refunds.status IS 'requested, pending, succeeded, failed, reversed or canceled';

COMMENT ON COLUMN core.refunds.purpose IS 'return, cancellation, price_adjustment, goodwill, overpayment or other';

COMMENT ON COLUMN core.refunds.method IS 'original (the way it was paid), bank_transfer, cash, store_credit or other';

COMMENT ON COLUMN core.refunds.amount IS 'Amount in the customer''s currency, positive';

COMMENT ON COLUMN core.refunds.currency IS 'ISO 4217';

COMMENT ON COLUMN core.refunds.shipping_amount IS 'What of it pays back shipping';

COMMENT ON COLUMN core.refunds.shop_amount IS 'Amount in the currency of the books, by the source';

COMMENT ON COLUMN core.refunds.shop_currency IS 'Currency of the books, ISO 4217';

COMMENT ON COLUMN core.refunds.shop_rate IS 'Units of the books'' currency for one of `currency`';

COMMENT ON COLUMN core.refunds.settlement_amount IS 'Amount the gateway settled, before its fees';

COMMENT ON COLUMN core.refunds.settlement_currency IS 'Currency of the settlement, ISO 4217';

COMMENT ON COLUMN core.refunds.settlement_rate IS 'Units of the settlement''s currency for one of `currency`, by the source';

COMMENT ON COLUMN core.refunds.settled_on IS 'Day the gateway paid it out';

COMMENT ON COLUMN core.refunds.payout_reference IS 'Which payout of the gateway it is part of';

COMMENT ON COLUMN core.refunds.requested_at IS 'When it was asked for';

COMMENT ON COLUMN core.refunds.refunded_at IS 'When the money moved';

COMMENT ON COLUMN core.refunds.reason IS 'Reason that a person gave';

COMMENT ON COLUMN core.refunds.failure_reason IS 'Why it failed, by the gateway';

COMMENT ON COLUMN core.refunds.owner_app_id IS 'App that owns the row: the shop, else the ERP';

COMMENT ON COLUMN core.refunds.sources IS 'Field group -> app that decided it and since when';

COMMENT ON COLUMN core.refunds.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.refunds.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.refunds.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.disputes (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    dispute_key TEXT NOT NULL,
    payment_id UUID,
    original_dispute_id UUID,
    case_number TEXT,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    reason_code TEXT,
    amount NUMERIC(19, 4) NOT NULL,
    currency TEXT NOT NULL,
    funds_withdrawn NUMERIC(19, 4) NOT NULL,
    funds_returned NUMERIC(19, 4) NOT NULL,
    opened_on DATE,
    reply_by DATE,
    resolved_on DATE,
    payout_reference TEXT,
    owner_app_id UUID,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT disputes_pkey PRIMARY KEY (id),
    CONSTRAINT disputes_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT disputes_tenant_id_dispute_key_key UNIQUE (tenant_id, dispute_key) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT disputes_kind_check CHECK (kind IN ('retrieval', 'chargeback', 'pre_arbitration')),
    CONSTRAINT disputes_status_check CHECK (status IN ('open', 'under_review', 'disputed', 'accepted', 'expired', 'won', 'lost')),
    CONSTRAINT disputes_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT disputes_amount_check CHECK (amount > 0),
    CONSTRAINT disputes_funds_check CHECK (funds_returned <= funds_withdrawn),
    CONSTRAINT disputes_tenant_id_payment_id_fkey FOREIGN KEY(tenant_id, payment_id) REFERENCES core.payments (tenant_id, id) ON DELETE SET NULL (payment_id),
    CONSTRAINT disputes_tenant_id_original_dispute_id_fkey FOREIGN KEY(tenant_id, original_dispute_id) REFERENCES core.disputes (tenant_id, id) ON DELETE SET NULL (original_dispute_id),
    CONSTRAINT disputes_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT disputes_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX disputes_opened ON core.disputes (tenant_id, opened_on);

CREATE INDEX disputes_payment ON core.disputes (payment_id);

COMMENT ON TABLE core.disputes IS 'Disputes: payments that a customer''s bank questions or takes back';

COMMENT ON COLUMN core.disputes.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.disputes.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.disputes.dispute_key IS 'Natural key: the gateway''s dispute id';

COMMENT ON COLUMN core.disputes.payment_id IS 'Disputed payment; null until that is known';

COMMENT ON COLUMN core.disputes.original_dispute_id IS 'Dispute that this one goes on from';

COMMENT ON COLUMN core.disputes.case_number IS 'Number of the case at the bank';

COMMENT ON COLUMN core.disputes.kind IS 'retrieval (moves no money), chargeback or pre_arbitration';

COMMENT ON COLUMN core.disputes.status IS 'open, under_review, disputed, accepted, expired, won or lost';

COMMENT ON COLUMN core.disputes.reason IS 'Reason of the bank, such as fraud or product_not_received';

COMMENT ON COLUMN core.disputes.reason_code IS 'Its code';

COMMENT ON COLUMN core.disputes.amount IS 'Disputed amount';

COMMENT ON COLUMN core.disputes.currency IS 'ISO 4217';

COMMENT ON COLUMN core.disputes.funds_withdrawn IS 'What the gateway took back';

COMMENT ON COLUMN core.disputes.funds_returned IS 'What of it was given back after the dispute was won';

COMMENT ON COLUMN core.disputes.opened_on IS 'Day it was opened';

COMMENT ON COLUMN core.disputes.reply_by IS 'Last day to answer';

COMMENT ON COLUMN core.disputes.resolved_on IS 'Day it ended';

COMMENT ON COLUMN core.disputes.payout_reference IS 'Which payout of the gateway it is part of';

COMMENT ON COLUMN core.disputes.owner_app_id IS 'App that told of it';

COMMENT ON COLUMN core.disputes.sources IS 'Field group -> app that decided it and since when';

COMMENT ON COLUMN core.disputes.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.disputes.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.disputes.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.refund_allocations (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    refund_id UUID NOT NULL,
    order_id UUID,
    amount NUMERIC(19, 4),
    CONSTRAINT refund_allocations_pkey PRIMARY KEY (id),
    CONSTRAINT refund_allocations_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT refund_allocations_refund_id_order_id_key UNIQUE NULLS NOT DISTINCT (refund_id, order_id),
    CONSTRAINT refund_allocations_target_check CHECK (num_nonnulls(order_id) = 1),
    CONSTRAINT refund_allocations_tenant_id_refund_id_fkey FOREIGN KEY(tenant_id, refund_id) REFERENCES core.refunds (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT refund_allocations_tenant_id_order_id_fkey FOREIGN KEY(tenant_id, order_id) REFERENCES core.orders (tenant_id, id) ON DELETE CASCADE
);

CREATE INDEX refund_allocations_order ON core.refund_allocations (order_id);

COMMENT ON TABLE core.refund_allocations IS 'Which refund concerns which order';

COMMENT ON COLUMN core.refund_allocations.id IS 'Our id';

COMMENT ON COLUMN core.refund_allocations.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.refund_allocations.refund_id IS 'Refund';

COMMENT ON COLUMN core.refund_allocations.order_id IS 'Order it concerns';

COMMENT ON COLUMN core.refund_allocations.amount IS 'Share of the refund in its currency; null = the whole refund';

CREATE TABLE core.transaction_costs (
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    tenant_id UUID NOT NULL,
    cost_key TEXT NOT NULL,
    payment_id UUID,
    refund_id UUID,
    dispute_id UUID,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    amount NUMERIC(19, 4) NOT NULL,
    currency TEXT NOT NULL,
    as_of TIMESTAMP WITH TIME ZONE,
    owner_app_id UUID,
    sources JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    deleted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT transaction_costs_pkey PRIMARY KEY (id),
    CONSTRAINT transaction_costs_tenant_id_id_key UNIQUE (tenant_id, id),
    CONSTRAINT transaction_costs_tenant_id_cost_key_key UNIQUE (tenant_id, cost_key) DEFERRABLE INITIALLY IMMEDIATE,
    CONSTRAINT transaction_costs_kind_check CHECK (kind IN ('transaction', 'refund', 'fee_return', 'dispute', 'other')),
    CONSTRAINT transaction_costs_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT transaction_costs_target_check CHECK (num_nonnulls(refund_id, dispute_id) <= 1),
    CONSTRAINT transaction_costs_tenant_id_payment_id_fkey FOREIGN KEY(tenant_id, payment_id) REFERENCES core.payments (tenant_id, id) ON DELETE SET NULL (payment_id),
    CONSTRAINT transaction_costs_tenant_id_refund_id_fkey FOREIGN KEY(tenant_id, refund_id) REFERENCES core.refunds (tenant_id, id) ON DELETE SET NULL (refund_id),
    CONSTRAINT transaction_costs_tenant_id_dispute_id_fkey FOREIGN KEY(tenant_id, dispute_id) REFERENCES core.disputes (tenant_id, id) ON DELETE SET NULL (dispute_id),
    CONSTRAINT transaction_costs_tenant_id_owner_app_id_fkey FOREIGN KEY(tenant_id, owner_app_id) REFERENCES platform.app (tenant_id, id),
    CONSTRAINT transaction_costs_tenant_id_fkey FOREIGN KEY(tenant_id) REFERENCES platform.tenant (id) ON DELETE CASCADE
);

CREATE INDEX transaction_costs_as_of ON core.transaction_costs (tenant_id, as_of);

CREATE INDEX transaction_costs_dispute ON core.transaction_costs (dispute_id);

CREATE INDEX transaction_costs_payment ON core.transaction_costs (payment_id);

CREATE INDEX transaction_costs_refund ON core.transaction_costs (refund_id);

COMMENT ON TABLE core.transaction_costs IS 'Transaction costs: one row per fee of a payment, a refund or a dispute';

COMMENT ON COLUMN core.transaction_costs.id IS 'Our id, UUID version 7';

COMMENT ON COLUMN core.transaction_costs.tenant_id IS 'Tenant the row belongs to';

COMMENT ON COLUMN core.transaction_costs.cost_key IS 'Natural key: transaction id and kind';

COMMENT ON COLUMN core.transaction_costs.payment_id IS 'Payment it was charged for; null until that is known';

COMMENT ON COLUMN core.transaction_costs.refund_id IS 'Refund it was charged or given back for';

COMMENT ON COLUMN core.transaction_costs.dispute_id IS 'Dispute it was charged for';

COMMENT ON COLUMN core.transaction_costs.kind IS 'transaction, refund, fee_return (negative), dispute or other';

COMMENT ON COLUMN core.transaction_costs.source IS 'Where it was read: paypal_fee, sepa_fee, fee_report, bank_charges, ...';

COMMENT ON COLUMN core.transaction_costs.amount IS 'What it cost; negative = given back';

COMMENT ON COLUMN core.transaction_costs.currency IS 'ISO 4217, of the fee: it may differ from the payment''s';

COMMENT ON COLUMN core.transaction_costs.as_of IS 'Since when the source tells it; card fees come days after the payment';

COMMENT ON COLUMN core.transaction_costs.owner_app_id IS 'App that told it';

COMMENT ON COLUMN core.transaction_costs.sources IS 'Field group -> app that decided it and since when';

COMMENT ON COLUMN core.transaction_costs.created_at IS 'When we first wrote the row';

COMMENT ON COLUMN core.transaction_costs.updated_at IS 'When a column last really changed; usable as a cursor';

COMMENT ON COLUMN core.transaction_costs.deleted_at IS 'Gone at every source since; values are kept';

CREATE TABLE core.external_ref_payment PARTITION OF core.external_ref FOR VALUES IN ('payment');

ALTER TABLE core.external_ref_payment ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.payments (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_refund PARTITION OF core.external_ref FOR VALUES IN ('refund');

ALTER TABLE core.external_ref_refund ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.refunds (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_dispute PARTITION OF core.external_ref FOR VALUES IN ('dispute');

ALTER TABLE core.external_ref_dispute ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.disputes (tenant_id, id) ON DELETE CASCADE;

CREATE TABLE core.external_ref_transaction_cost PARTITION OF core.external_ref FOR VALUES IN ('transaction_cost');

ALTER TABLE core.external_ref_transaction_cost ADD FOREIGN KEY (tenant_id, core_id) REFERENCES core.transaction_costs (tenant_id, id) ON DELETE CASCADE;
