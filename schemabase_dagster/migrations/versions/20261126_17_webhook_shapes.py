"""What the deliveries of each sender look like.

Revision ID: 20261126_17_webhook_shapes
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_17_webhook_shapes"
down_revision = "20261126_16_reads"


def upgrade() -> None:
    """Run the statements that make and change the tables."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
