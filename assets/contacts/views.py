"""The analytics view of contacts; its SQL and comments stand in tables/views."""

from typing import Final

from assets.view import View

VIEWS: Final = (
    View(
        "dim_contact",
        "One row per contact with its company and how often it ordered.",
        entities=("contact", "order"),
        sample=("contact_id", "is_customer", "is_vendor", "orders"),
        order_by="orders",
    ),
)
