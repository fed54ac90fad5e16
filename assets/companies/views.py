"""The analytics view of companies that the asset graph shows."""

from typing import Final

from assets.view import View

VIEWS: Final = (
    View(
        "dim_company",
        "One row per company with its contacts and how often they ordered.",
        entities=("company", "contact", "order"),
        sample=("company_id", "contacts", "orders"),
        order_by="orders",
    ),
)
