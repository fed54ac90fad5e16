"""Apps that a shop installs by itself, and aliases of the addresses of an older gateway.

Revision ID: 20261126_15_installs
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_15_installs"
down_revision = "20261126_14_order_totals"


def upgrade() -> None:
    """Run the statements that make the tables."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
