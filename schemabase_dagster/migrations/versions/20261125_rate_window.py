"""Count the calls of a day over any 24 hours, and say what the columns of rate_window hold.

Revision ID: 20261125_rate_window
"""

from typing import Any

from alembic import op

revision = "20261125_rate_window"
down_revision = "20261123_foundation"

STATEMENTS = """
DELETE FROM platform.rate_window WHERE window_name = 'day';

COMMENT ON COLUMN platform.rate_window.window_name IS
    'Which limit of the account: minute or day';

COMMENT ON COLUMN platform.rate_window.window_started_at IS
    'minute: when the tokens were counted; day: start of the first half hour counted';

COMMENT ON COLUMN platform.rate_window.used IS
    'minute: tokens left; day: calls of the last 24 hours, by half hour and lane';
"""


def upgrade() -> None:
    """Forget the counts of the old form and write the comments."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(STATEMENTS)
