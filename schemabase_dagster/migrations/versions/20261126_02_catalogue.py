"""The catalogue: products and variants with all they refer to, stock, prices, ratings.

Revision ID: 20261126_02_catalogue
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_02_catalogue"
down_revision = "20261126_01_payments"


def upgrade() -> None:
    """Run the statements that make and change the tables."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
