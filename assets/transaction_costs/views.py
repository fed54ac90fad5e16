"""The analytics views of transaction costs that the asset graph shows."""

from typing import Final

from assets.transaction_costs.report import report_costs
from assets.view import View

VIEWS: Final = (
    View(
        "fct_transaction_cost",
        "One row per fee with its payment, and when we learned of it.",
        entities=("transaction_cost", "payment", "refund", "dispute"),
        sample=("cost_key", "cost_day", "kind", "source", "currency", "amount"),
        order_by="as_of",
    ),
    View(
        "transaction_cost_monthly",
        "What payments cost by month, currency and method: volume, fees, per cent.",
        entities=("transaction_cost", "payment", "refund", "dispute"),
        sample=("month", "method_type", "currency", "payments", "volume", "fees", "fee_percent"),
        order_by="month",
        report=report_costs,
    ),
    View(
        "order_margin",
        "What is left of each order's revenue after discounts, returns, disputes and fees.",
        entities=("order", "payment", "refund", "dispute", "transaction_cost"),
        sample=("order_number", "order_day", "currency", "revenue_net", "margin_net"),
        order_by="ordered_at",
    ),
)
