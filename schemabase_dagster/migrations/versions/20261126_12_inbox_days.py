"""A partition of the webhook inbox for each day.

Revision ID: 20261126_12_inbox_days
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_12_inbox_days"
down_revision = "20261126_11_webhook_effects"


def upgrade() -> None:
    """Make the table anew, with what it held."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
