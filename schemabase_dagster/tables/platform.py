"""Schema ``platform``: tenants, apps, entitlements, integrations and their secrets."""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Interval,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from schemabase_dagster.tables._columns import (
    CURRENCY_PATTERN,
    JSONB,
    LANGUAGE_PATTERN,
    NOW,
    UUID,
    binary,
    instant,
    json_object,
    metadata,
    one_of,
    pattern,
    stamps,
    tenant_key,
    text_column,
    uuid_key,
)

SCHEMA = "platform"

tenant = Table(
    "tenant",
    metadata,
    uuid_key(),
    text_column("slug", "Dagster partition key, immutable", nullable=False, unique=True),
    text_column("name", "Name for people", nullable=False),
    text_column("default_currency", "ISO 4217", nullable=False, server_default="EUR"),
    text_column("default_country", "ISO 3166-1 alpha-2"),
    text_column("default_language", "BCP 47", nullable=False, server_default="en"),
    text_column("timezone", "IANA zone of the nightly sync", nullable=False, server_default="UTC"),
    text_column(
        "nightly_at", "Local time of the nightly full sync", nullable=False, server_default="02:30"
    ),
    Column(
        "active",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="False = archived: no syncs, webhooks are held, data stays",
    ),
    *stamps(soft_delete=False),
    pattern("slug", "^[a-z0-9][a-z0-9-]{1,38}$"),
    pattern("default_currency", CURRENCY_PATTERN),
    pattern("default_language", LANGUAGE_PATTERN),
    pattern("nightly_at", "^([01][0-9]|2[0-3]):[0-5][0-9]$"),
    schema=SCHEMA,
    comment="A merchant: the unit of isolation and of work",
)

entitlement = Table(
    "entitlement",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("feature", "'sync', 'webhooks', ... or '*' for all", nullable=False),
    instant("valid_from", "Not entitled before", nullable=False, server_default=NOW),
    instant("valid_until", "Not entitled from then on; null = not paid"),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "feature"),
    schema=SCHEMA,
    comment="What a tenant has paid for",
)

app = Table(
    "app",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("type", "The system behind the app, a key of the registry", nullable=False),
    text_column("key", "Stable name within the tenant", nullable=False),
    text_column("name", "Name for people", nullable=False),
    Column(
        "enabled",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="False = neither pulled nor processed",
    ),
    text_column(
        "environment", "production or sandbox", nullable=False, server_default="production"
    ),
    text_column("instance_key", "Natural identity of the remote instance, claimed once"),
    Column("parent_app_id", UUID, comment="The app this one is installed in"),
    json_object("config", "Validated by the type's model before every write; no secret"),
    Column(
        "config_version",
        Integer,
        nullable=False,
        server_default=text("1"),
        comment="Counts the changes of config",
    ),
    binary("credentials_enc", "AES-256-GCM envelope of a JSON object"),
    text_column("credentials_key_id", "Key that encrypted the credentials"),
    instant("credentials_set_at", "When the credentials were last set"),
    instant("credentials_failed_at", "When the system last refused them; stops runs until set"),
    text_column("credentials_error", "The system's error code of that refusal"),
    text_column("cron_schedule", "When the app is pulled, cron; null = default of its type"),
    text_column("cron_timezone", "IANA zone of the cron; null = the tenant's"),
    instant("paused_until", "Not pulled before; set by an operator or an exhausted quota"),
    *stamps(),
    UniqueConstraint("tenant_id", "id"),
    UniqueConstraint("tenant_id", "key"),
    ForeignKeyConstraint(
        ["tenant_id", "parent_app_id"], ["platform.app.tenant_id", "platform.app.id"]
    ),
    one_of("environment", "production", "sandbox"),
    pattern("key", "^[a-z0-9][a-z0-9_-]{0,62}$"),
    Index(
        "app_instance",
        "type",
        "instance_key",
        unique=True,
        postgresql_where=text("instance_key IS NOT NULL AND deleted_at IS NULL"),
    ),
    schema=SCHEMA,
    comment="One connected account of an external system",
)

app_token = Table(
    "app_token",
    metadata,
    Column(
        "app_id",
        UUID,
        ForeignKey("platform.app.id", ondelete="CASCADE"),
        nullable=False,
        comment="App the token belongs to",
    ),
    text_column("kind", "access, refresh or session", nullable=False),
    binary("token_enc", "Encrypted token", nullable=False),
    text_column("key_id", "Key that encrypted it", nullable=False),
    instant("obtained_at", "When it was obtained", nullable=False, server_default=NOW),
    instant("expires_at", "When it expires, by the provider"),
    PrimaryKeyConstraint("app_id", "kind"),
    one_of("kind", "access", "refresh", "session"),
    schema=SCHEMA,
    comment="OAuth tokens shared by all processes, refreshed once under a lock",
)

app_entity = Table(
    "app_entity",
    metadata,
    Column(
        "app_id",
        UUID,
        ForeignKey("platform.app.id", ondelete="CASCADE"),
        nullable=False,
        comment="App",
    ),
    text_column("entity", "Stream name", nullable=False),
    text_column("direction", "pull or push", nullable=False),
    Column(
        "enabled",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="Whether the stream is synced",
    ),
    text_column("cron_schedule", "Own cron; null = the app's"),
    Column("overlap", Interval, comment="Own overlap; null = the stream's"),
    Column("initial_lookback", Interval, comment="Own initial look-back; null = the stream's"),
    json_object("options", "reject_share: share of rejected records that turns the check red"),
    PrimaryKeyConstraint("app_id", "entity", "direction"),
    one_of("direction", "pull", "push"),
    schema=SCHEMA,
    comment="Which streams of an app are synced, and how",
)

integration = Table(
    "integration",
    metadata,
    uuid_key(),
    tenant_key(),
    text_column("type", "entity_sync, tracking, ...", nullable=False),
    Column(
        "enabled",
        Boolean,
        nullable=False,
        server_default=text("true"),
        comment="Whether the feature runs",
    ),
    Column("entitlement_id", UUID, comment="Entitlement that pays for it"),
    json_object("config", "Validated by the type's model before every write"),
    *stamps(soft_delete=False),
    UniqueConstraint("tenant_id", "id"),
    ForeignKeyConstraint(
        ["tenant_id", "entitlement_id"],
        ["platform.entitlement.tenant_id", "platform.entitlement.id"],
    ),
    schema=SCHEMA,
    comment="A feature that connects apps",
)

integration_app = Table(
    "integration_app",
    metadata,
    Column("tenant_id", UUID, nullable=False, comment="Tenant"),
    Column("integration_id", UUID, nullable=False, comment="Integration"),
    Column("app_id", UUID, nullable=False, comment="App taking part"),
    text_column("role", "source, target, erp, shop, carrier, email, ...", nullable=False),
    PrimaryKeyConstraint("integration_id", "app_id", "role"),
    ForeignKeyConstraint(
        ["tenant_id", "integration_id"],
        ["platform.integration.tenant_id", "platform.integration.id"],
        ondelete="CASCADE",
    ),
    ForeignKeyConstraint(
        ["tenant_id", "app_id"], ["platform.app.tenant_id", "platform.app.id"], ondelete="CASCADE"
    ),
    schema=SCHEMA,
    comment="Apps of an integration and their roles",
)

analyst_access = Table(
    "analyst_access",
    metadata,
    text_column("role", "Database role; its members read the tenant too", nullable=False),
    tenant_key(),
    instant("granted_at", "Since when", nullable=False, server_default=NOW),
    PrimaryKeyConstraint("role", "tenant_id"),
    schema=SCHEMA,
    comment="Which database roles read which tenants in core and analytics",
)

applied_view = Table(
    "applied_view",
    metadata,
    text_column("name", "View of schema analytics", primary_key=True),
    binary("definition_sha256", "Of the definition it was made from", nullable=False),
    schema=SCHEMA,
    comment="Which definition each view was made from; migrate makes the changed ones again",
)

rate_window = Table(
    "rate_window",
    metadata,
    text_column("account", "External account the calls count against", nullable=False),
    text_column("window_name", "Which limit of the account: minute or day", nullable=False),
    instant(
        "window_started_at",
        "minute: when the tokens were counted; day: start of the first half hour counted",
        nullable=False,
    ),
    Column(
        "used",
        JSONB,
        nullable=False,
        server_default=text("'{}'"),
        comment="minute: tokens left; day: calls of the last 24 hours, by half hour and lane",
    ),
    instant("blocked_until", "No calls before: the provider said so"),
    PrimaryKeyConstraint("account", "window_name"),
    schema=SCHEMA,
    comment="Shared call budget of external accounts over all processes",
)
