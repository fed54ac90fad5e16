"""Which record and row each webhook delivery changed, and which feed brought each old version.

Revision ID: 20261126_11_webhook_effects
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_11_webhook_effects"
down_revision = "20261126_10_accepted_differences"


def upgrade() -> None:
    """Run the statements that make and change the tables."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
