"""What others read: tokens, endpoints, product feeds and logistics numbers.

Revision ID: 20261126_16_reads
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_16_reads"
down_revision = "20261126_15_installs"


def upgrade() -> None:
    """Run the statements that make the tables and the columns that feeds need."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
