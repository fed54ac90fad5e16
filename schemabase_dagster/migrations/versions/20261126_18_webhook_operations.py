"""Limits and holds of webhook endpoints, what became of attempts, activity, replays.

Revision ID: 20261126_18_webhook_operations
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_18_webhook_operations"
down_revision = "20261126_17_webhook_shapes"


def upgrade() -> None:
    """Run the statements that change the tables."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
