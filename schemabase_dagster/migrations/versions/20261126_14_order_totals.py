"""Keep on an order what reports would add up again: lines, systems, and sums of money.

Revision ID: 20261126_14_order_totals
"""

from pathlib import Path
from typing import Any

from alembic import op

revision = "20261126_14_order_totals"
down_revision = "20261126_13_logs"

_COLUMNS = """
ALTER TABLE core.orders
    ADD COLUMN line_count INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN quantity NUMERIC(19, 6) DEFAULT 0 NOT NULL,
    ADD COLUMN systems TEXT[] DEFAULT '{}' NOT NULL,
    ADD COLUMN invoiced_amount NUMERIC(19, 4) DEFAULT 0 NOT NULL,
    ADD COLUMN credited_amount NUMERIC(19, 4) DEFAULT 0 NOT NULL,
    ADD COLUMN credit_used_amount NUMERIC(19, 4) DEFAULT 0 NOT NULL,
    ADD COLUMN paid_amount NUMERIC(19, 4) DEFAULT 0 NOT NULL,
    ADD COLUMN refunded_amount NUMERIC(19, 4) DEFAULT 0 NOT NULL,
    ADD COLUMN refunds_agreed_amount NUMERIC(19, 4) DEFAULT 0 NOT NULL,
    ADD COLUMN refunds_done_amount NUMERIC(19, 4) DEFAULT 0 NOT NULL,
    ADD COLUMN disputed_amount NUMERIC(19, 4) DEFAULT 0 NOT NULL,
    ADD COLUMN transaction_fees NUMERIC(19, 4)
"""

_COMMENTS = {
    "line_count": "Number of its lines",
    "quantity": "Sum of the quantities of its lines",
    "systems": "Systems that know it, in alphabetical order",
    "invoiced_amount": (
        "Its invoices, drafts and void ones left out; of one that bills several its share"
    ),
    "credited_amount": "Its credit notes, open and closed",
    "credit_used_amount": "What of its credit notes paid invoices",
    "paid_amount": "Payments for it, refunds not deducted, in its currency",
    "refunded_amount": "What went back to the customer",
    "refunds_agreed_amount": "Refunds asked for, under way or done, overpayments left out",
    "refunds_done_amount": "Refunds done or booked, overpayments left out",
    "disputed_amount": "What banks took back, less what they gave back again",
    "transaction_fees": "What its payments cost; null = untold, or nobody converts it",
}


def upgrade() -> None:
    """Add the columns and fill them from what is stored."""
    op.execute(_COLUMNS)
    for column, comment in _COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN core.orders.{column} IS '{comment}'")
    statements = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(statements)
