"""Customer codes of contacts.

Revision ID: 20261126_06_contact_identifiers
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_06_contact_identifiers"
down_revision = "20261126_05_tracking"


def upgrade() -> None:
    """Run the statements that make the table."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
