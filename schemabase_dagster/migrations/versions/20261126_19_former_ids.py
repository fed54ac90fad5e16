"""Ids by which the older gateway served feeds and numbers.

Revision ID: 20261126_19_former_ids
"""

from alembic import op

revision = "20261126_19_former_ids"
down_revision = "20261126_18_webhook_operations"

_COLUMN = """
ALTER TABLE platform.read_endpoint
    ADD COLUMN former_id TEXT,
    ADD CONSTRAINT read_endpoint_former_id_key UNIQUE (former_id)
"""

_COMMENT = """
COMMENT ON COLUMN platform.read_endpoint.former_id IS 'Id in the addresses of the older gateway'
"""


def upgrade() -> None:
    """Add the column."""
    op.execute(_COLUMN)
    op.execute(_COMMENT)
