"""Deliveries that came again with another body are counted without reading all.

Revision ID: 20261126_22_body_conflicts
"""

from alembic import op

revision = "20261126_22_body_conflicts"
down_revision = "20261126_21_payment_systems"

_INDEX = """
CREATE INDEX webhook_dedupe_conflicts ON platform.webhook_dedupe (endpoint_id) WHERE body_conflict
"""


def upgrade() -> None:
    """Add the index."""
    op.execute(_INDEX)
