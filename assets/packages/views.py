"""Views of packages; their SQL and comments stand in tables/views."""

from typing import Final

from assets.view import View

VIEWS: Final = (
    View(
        "fct_package_line",
        "One row per line of a package, with the line of the order it serves.",
        entities=("package", "order"),
        sample=("package_number", "sku", "quantity", "ordered_quantity", "state"),
        order_by="shipped_at",
    ),
)
