"""Reviews of products and of the merchant, with their partition of external references.

Revision ID: 20261125_reviews
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261125_reviews"
down_revision = "20261125_rate_window"


def upgrade() -> None:
    """Run the frozen statements."""
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # By the driver itself: several statements at once, and a per cent sign is no parameter.
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
