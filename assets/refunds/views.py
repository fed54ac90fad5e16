"""The analytics view of refunds that the asset graph shows."""

from typing import Final

from assets.view import View

VIEWS: Final = (
    View(
        "fct_refund",
        "One row per refund with its payment, its orders and what each system says of it.",
        entities=("refund", "payment", "order", "transaction_cost"),
        sample=("refund_key", "refund_day", "status", "currency", "amount"),
        order_by="requested_at",
    ),
)
