"""What carriers tell of parcels, and when they were asked.

Revision ID: 20261126_05_tracking
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_05_tracking"
down_revision = "20261126_04_aftersales"


def upgrade() -> None:
    """Run the statements that make and change the tables."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
