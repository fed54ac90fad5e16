"""The analytics view of payments that the asset graph shows."""

from typing import Final

from assets.view import View

VIEWS: Final = (
    View(
        "fct_payment",
        "One row per payment with what was paid back, disputed and charged for it.",
        entities=("payment", "refund", "dispute", "transaction_cost", "order"),
        sample=("reference_number", "paid_day", "method_type", "status", "currency", "amount"),
        order_by="paid_at",
    ),
)
