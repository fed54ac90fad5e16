"""Schema ``platform``: apps that a shop installs by itself, and the addresses of an older gateway."""

from sqlalchemy import (
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)

from schemabase_dagster.tables._columns import (
    JSONB,
    NOW,
    UUID,
    binary,
    instant,
    metadata,
    one_of,
    parents_tenant,
    tenant_key,
    text_column,
)

SCHEMA = "platform"

install_token = Table(
    "install_token",
    metadata,
    tenant_key(),
    text_column("kind", "entitysync or prepayment", nullable=False),
    binary("token_sha256", "SHA-256 of the token", nullable=False, unique=True),
    Column("draft", JSONB, nullable=False, comment="The validated app that is stored; no secret"),
    text_column("endpoint_id", "Address that the shop will post to", nullable=False),
    instant("created_at", "When it was made", nullable=False, server_default=NOW),
    instant("expires_at", "Not accepted from then on", nullable=False),
    instant("used_at", "When a shop registered with it: it works once"),
    PrimaryKeyConstraint("tenant_id", "kind"),
    one_of("kind", "entitysync", "prepayment"),
    schema=SCHEMA,
    comment="Permission of a shop to register once; a new one takes the place of the former",
)

app_install = Table(
    "app_install",
    metadata,
    parents_tenant(),
    Column("app_id", UUID, nullable=False, comment="App that the installation belongs to"),
    text_column("kind", "entitysync or prepayment", nullable=False),
    text_column("external_id", "Id of the installed app in the shop", nullable=False),
    Column(
        "endpoint_id",
        ForeignKey("platform.webhook_endpoint.id", ondelete="CASCADE"),
        nullable=False,
        comment="Address that the shop posts to",
    ),
    instant("installed_at", "When the shop last registered", nullable=False, server_default=NOW),
    instant("removed_at", "When the shop told that it was uninstalled"),
    PrimaryKeyConstraint("app_id", "kind"),
    UniqueConstraint("endpoint_id"),
    ForeignKeyConstraint(
        ["tenant_id", "app_id"], ["platform.app.tenant_id", "platform.app.id"], ondelete="CASCADE"
    ),
    one_of("kind", "entitysync", "prepayment"),
    schema=SCHEMA,
    comment="Which installation in a shop an app stands for",
)

webhook_alias = Table(
    "webhook_alias",
    metadata,
    text_column("alias", "Id in the old address, or the whole old path", primary_key=True),
    Column(
        "endpoint_id",
        ForeignKey("platform.webhook_endpoint.id", ondelete="CASCADE"),
        nullable=False,
        comment="Endpoint that takes its deliveries",
    ),
    instant("created_at", "When it was made", nullable=False, server_default=NOW),
    schema=SCHEMA,
    comment="Addresses of an older gateway whose senders need no change",
)
