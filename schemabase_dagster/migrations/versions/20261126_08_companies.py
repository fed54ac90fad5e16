"""Companies are rows that records decide: found by name or VAT id, and let go of by contacts.

Revision ID: 20261126_08_companies
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_08_companies"
down_revision = "20261126_07_cost_dates"


def upgrade() -> None:
    """Run the statements that change the tables."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
