"""The analytics views about what was billed, credited, paid back, and does not agree."""

from typing import Final

from assets.view import View

MONEY: Final = (
    "order", "invoice", "credit_note", "payment", "refund", "dispute", "transaction_cost",
)  # fmt: skip

VIEWS: Final = (
    View(
        "fct_credit_note",
        "One row per credit note with what it was used for, its invoice and its orders.",
        entities=("credit_note", "invoice", "order", "refund"),
        sample=("credit_note_number", "issued_on", "status", "currency", "total_gross"),
        order_by="issued_on",
    ),
    View(
        "fct_return",
        "One row per article of a return: announced, received and credit-only quantities.",
        entities=("return", "order"),
        sample=("return_number", "order_number", "status", "sku", "quantity", "received"),
        order_by="requested_on",
    ),
    View(
        "order_balance",
        "One row per order: billed, credited, paid, paid back, fees, and what is left.",
        entities=MONEY,
        sample=("order_number", "currency", "ordered", "billing_gap", "open_receivable"),
        order_by="ordered_at",
    ),
    View(
        "claimed_refund",
        "One row per refund with what shop, gateway and books each say of it.",
        entities=("refund",),
        sample=("refund_key", "status", "shop_amount", "gateway_amount", "erp_amount"),
        order_by="refunded_at",
    ),
    View(
        "payout",
        "One row per payout of a gateway: its parts, what is to arrive, and what was booked.",
        entities=("payment", "refund", "transaction_cost"),
        sample=("payout_reference", "settled_on", "currency", "payout", "difference"),
        order_by="settled_on",
    ),
    View(
        "reconciliation",
        "One row per order with the amounts of all systems side by side and what differs.",
        entities=(*MONEY, "return"),
        sample=("order_number", "currency", "shop_total", "books_total", "difference"),
        order_by="difference",
    ),
    View(
        "reconciliation_defect",
        "One row per disagreement about money or goods, of 14 kinds, with both records.",
        entities=(*MONEY, "return"),
        sample=("no", "kind", "order_number", "record", "expected", "actual"),
        order_by="difference",
    ),
)
