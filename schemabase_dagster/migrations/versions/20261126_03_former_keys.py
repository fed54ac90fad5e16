"""Keys that rows bore once, by which what was named by them is still found.

Revision ID: 20261126_03_former_keys
"""

from alembic import op

revision = "20261126_03_former_keys"
down_revision = "20261126_02_catalogue"

_TABLE = """
CREATE TABLE platform.former_key (
    tenant_id UUID NOT NULL,
    entity TEXT NOT NULL,
    key TEXT NOT NULL,
    core_id UUID NOT NULL,
    CONSTRAINT former_key_pkey PRIMARY KEY (tenant_id, entity, key),
    CONSTRAINT former_key_tenant_id_fkey FOREIGN KEY (tenant_id)
        REFERENCES platform.tenant (id) ON DELETE CASCADE
)
"""

_COMMENTS = {
    "TABLE platform.former_key": (
        "Keys that rows bore once: a line with the old SKU of a renamed variant is still its"
    ),
    "COLUMN platform.former_key.tenant_id": "Tenant the row belongs to",
    "COLUMN platform.former_key.entity": "Entity",
    "COLUMN platform.former_key.key": "Natural key that no record of the row bears any more",
    "COLUMN platform.former_key.core_id": "Row that bore it last",
}


def upgrade() -> None:
    """Make the table."""
    op.execute(_TABLE)
    for place, comment in _COMMENTS.items():
        op.execute(f"COMMENT ON {place} IS '{comment}'")
