"""Changes by webhook can be found by tenant and time.

Revision ID: 20261126_20_effects_merged
"""

from alembic import op

revision = "20261126_20_effects_merged"
down_revision = "20261126_19_former_ids"

_INDEX = """
CREATE INDEX webhook_effect_merged ON platform.webhook_effect (tenant_id, merged_at)
    WHERE merged_at IS NOT NULL
"""


def upgrade() -> None:
    """Add the index."""
    op.execute(_INDEX)
