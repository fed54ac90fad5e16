"""Records that are one row by what they say.

Revision ID: 20261126_09_match_pairs
"""

from alembic import op

revision = "20261126_09_match_pairs"
down_revision = "20261126_08_companies"

_STATEMENTS = (
    """
CREATE TABLE platform.match_pair (
    tenant_id UUID NOT NULL,
    entity TEXT NOT NULL,
    app_id UUID NOT NULL,
    external_id TEXT NOT NULL,
    other_app_id UUID NOT NULL,
    other_external_id TEXT NOT NULL,
    CONSTRAINT match_pair_pkey PRIMARY KEY (entity, app_id, external_id),
    CONSTRAINT match_pair_tenant_id_fkey FOREIGN KEY (tenant_id)
        REFERENCES platform.tenant (id) ON DELETE CASCADE
)
""",
    """
CREATE INDEX match_pair_other ON platform.match_pair (entity, other_app_id, other_external_id)
""",
)

_COMMENTS = {
    "TABLE platform.match_pair": (
        "Records without a common key that are one row by what they say, as found last"
    ),
    "COLUMN platform.match_pair.tenant_id": "Tenant the row belongs to",
    "COLUMN platform.match_pair.entity": "Entity",
    "COLUMN platform.match_pair.app_id": "App of the record that joins",
    "COLUMN platform.match_pair.external_id": "Record that joins",
    "COLUMN platform.match_pair.other_app_id": "App of the record that it joins",
    "COLUMN platform.match_pair.other_external_id": "Record that it joins",
}


def upgrade() -> None:
    """Make the table."""
    for statement in _STATEMENTS:
        op.execute(statement)
    for place, comment in _COMMENTS.items():
        op.execute(f"COMMENT ON {place} IS '{comment}'")
