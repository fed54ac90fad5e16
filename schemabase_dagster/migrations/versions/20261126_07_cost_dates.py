"""Say what dates a transaction cost.

Revision ID: 20261126_07_cost_dates
"""

from typing import Any

from alembic import op

revision = "20261126_07_cost_dates"
down_revision = "20261126_06_contact_identifiers"

STATEMENT = """
COMMENT ON COLUMN core.transaction_costs.as_of IS
    'What dates it: settlement or payout of its transaction; created_at tells when we learned it';
"""


def upgrade() -> None:
    """Write the comment."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(STATEMENT)
