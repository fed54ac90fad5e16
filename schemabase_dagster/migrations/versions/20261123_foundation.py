"""All tables of the first version.

Revision ID: 20261123_foundation
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261123_foundation"
down_revision = None


def upgrade() -> None:
    """Run the frozen statements."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # By the driver itself: several statements at once, and a per cent sign is no parameter.
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
