"""Credit notes and returns, with their references to source records.

Revision ID: 20261126_04_aftersales
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_04_aftersales"
down_revision = "20261126_03_former_keys"


def upgrade() -> None:
    """Run the statements that make the tables."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
