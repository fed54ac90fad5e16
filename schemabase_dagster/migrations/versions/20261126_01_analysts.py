"""Who may read which tenants, and the functions that row-level security asks.

Revision ID: 20261126_01_analysts
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_01_analysts"
down_revision = "20261125_shipping"


def upgrade() -> None:
    """Run the statements that make the table and the functions."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
