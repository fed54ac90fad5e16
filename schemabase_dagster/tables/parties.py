"""Schema ``core``: contacts, companies, addresses, sales channels."""

from sqlalchemy import (
    Boolean,
    Column,
    Computed,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from schemabase_dagster.tables._columns import (
    COUNTRY_PATTERN,
    CURRENCY_PATTERN,
    UUID,
    binary,
    instant,
    json_object,
    metadata,
    parents_tenant,
    pattern,
    stamps,
    tenant_key,
    tenant_link,
    text_column,
    uuid_key,
)

SCHEMA = "core"

companies = Table(
    "companies",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("name", "Name as first written", nullable=False),
    text_column("normalized_name", "Letters and digits only, case-folded", nullable=False),
    text_column("vat_id", "VAT identification number"),
    json_object("sources", "Field group -> app that decided it"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "normalized_name"),
    schema=SCHEMA,
    comment="Organisations that contacts belong to",
)

contacts = Table(
    "contacts",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("email", "E-mail as the deciding source writes it"),
    Column(
        "email_normalized",
        Text,
        Computed("lower(btrim(email))", persisted=True),
        comment="Lower case, trimmed: the natural key",
    ),
    text_column("first_name", "First name"),
    text_column("last_name", "Last name"),
    text_column("phone", "Telephone"),
    Column(
        "is_customer",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="True if any source says so",
    ),
    Column(
        "is_vendor",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="True if any source says so",
    ),
    Column("company_id", UUID, comment="Company"),
    json_object("sources", "Field group -> app that decided it"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "email_normalized", deferrable=True, initially="IMMEDIATE"),
    ForeignKeyConstraint(
        ["tenant_id", "company_id"], ["core.companies.tenant_id", "core.companies.id"]
    ),
    schema=SCHEMA,
    comment="People and companies a tenant deals with: one row per e-mail address",
)

contact_identifiers = Table(
    "contact_identifiers",
    metadata,
    uuid_key(),
    parents_tenant(),
    Column("contact_id", UUID, nullable=False, comment="Contact"),
    text_column("scheme", "Who counts: customer_code, avatax_customer_code", nullable=False),
    text_column("value", "Number or code of the contact there", nullable=False),
    json_object("sources", "'by' = app that decided it"),
    *stamps(),
    UniqueConstraint("contact_id", "scheme"),
    tenant_link("contact_id", "core.contacts", ondelete="CASCADE"),
    Index("contact_identifiers_value", "tenant_id", "scheme", "value"),
    schema=SCHEMA,
    comment="Customer codes of contacts: one per scheme",
)

addresses = Table(
    "addresses",
    metadata,
    uuid_key(),
    tenant_key(),
    binary("fingerprint", "SHA-256 of the normalised fields", nullable=False),
    text_column("full_name", "Recipient"),
    text_column("company_name", "Company line"),
    text_column("street", "Street with house number"),
    text_column("line2", "Second line"),
    text_column("postal_code", "Postal code"),
    text_column("city", "City"),
    text_column("region", "State or region"),
    text_column("country_code", "ISO 3166-1 alpha-2"),
    text_column("phone", "Telephone of the recipient"),
    *stamps(soft_delete=False),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "fingerprint"),
    pattern("country_code", COUNTRY_PATTERN),
    schema=SCHEMA,
    comment="Postal addresses, content-addressed: an edit at the source makes another row",
)

contact_addresses = Table(
    "contact_addresses",
    metadata,
    parents_tenant(),
    Column("contact_id", UUID, nullable=False, comment="Contact"),
    Column("address_id", UUID, nullable=False, comment="Address"),
    text_column("kind", "shipping, billing or other", nullable=False, server_default="other"),
    instant("created_at", "First use", nullable=False, server_default=text("now()")),
    instant("removed_at", "Removed at the source"),
    PrimaryKeyConstraint("contact_id", "address_id", "kind"),
    tenant_link("contact_id", "core.contacts", ondelete="CASCADE"),
    tenant_link("address_id", "core.addresses"),
    Index("contact_addresses_address", "address_id"),
    schema=SCHEMA,
    comment="Addresses that contacts used",
)

sales_channels = Table(
    "sales_channels",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("name", "Name", nullable=False),
    text_column("normalized_name", "Letters and digits only, case-folded", nullable=False),
    text_column("currency", "ISO 4217"),
    *stamps(),
    json_object("sources", "Field group -> app that decided it"),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "normalized_name", deferrable=True, initially="IMMEDIATE"),
    pattern("currency", CURRENCY_PATTERN),
    schema=SCHEMA,
    comment="Where orders are placed: shops, marketplaces, by hand",
)
