"""The analytics views that the asset graph shows; their SQL and comments stand in tables/views."""

from typing import Final

from assets.view import View

VIEWS: Final = (
    View(
        "fct_order",
        "One row per real order with amounts, statuses, destination and sales channel.",
        entities=(
            "order",
            "contact",
            "package",
            "payment",
            "refund",
            "dispute",
            "transaction_cost",
        ),
        sample=("order_number", "order_day", "status", "currency", "total_gross"),
        order_by="ordered_at",
    ),
    View(
        "fct_order_line",
        "One row per order line with SKU, quantity and prices.",
        entities=("order",),
        sample=("order_number", "line_no", "sku", "quantity", "currency", "total_gross"),
        order_by="ordered_at",
    ),
    View(
        "fct_invoice",
        "One row per invoice with what is open and the orders it bills.",
        entities=("invoice", "order"),
        sample=("invoice_number", "issued_on", "status", "currency", "total_gross"),
        order_by="issued_on",
    ),
    View(
        "fct_review",
        "One row per review of a product or of the merchant, with the order it follows.",
        entities=("review", "order"),
        sample=("review_key", "review_day", "review_type", "rating", "sku", "order_number"),
        order_by="reviewed_at",
    ),
    View(
        "fct_package",
        "One row per package with its order, state, tracking number and how long it took.",
        entities=("package", "order"),
        sample=("package_number", "order_number", "carrier", "state", "shipped_at"),
        order_by="packed_at",
    ),
    View(
        "sync_freshness",
        "One row per app and stream: when it was last complete and what is wrong with it.",
        entities=(),
        sample=("app", "stream", "last_success_at", "last_status"),
        order_by="last_success_at",
    ),
    View(
        "unmatched_record",
        "One row per source record that did not reach the canonical model, with the reason.",
        entities=(),
        sample=("app", "stream", "external_id", "code", "path"),
        order_by="changed_at",
    ),
)
