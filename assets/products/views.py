"""The analytics views of the catalogue; their SQL and comments stand in tables/views."""

from typing import Final

from assets.view import View

VIEWS: Final = (
    View(
        "dim_product",
        "One row per product with its type, category and number of variants.",
        entities=("product", "variant"),
        sample=("product_name", "category", "active", "variants"),
        order_by="product_name",
    ),
    View(
        "dim_variant",
        "One row per SKU with its product, weight, GTIN and tax.",
        entities=("variant", "product"),
        sample=("sku", "product_name", "variant_name", "active"),
        order_by="sku",
    ),
    View(
        "price_list",
        "One row per variant, sales channel and app with list price and cost.",
        entities=("price", "variant"),
        sample=("sku", "sales_channel", "currency", "amount"),
        order_by="sku",
    ),
    View(
        "stock_current",
        "One row per warehouse and variant, by the source that knows best.",
        entities=("stock", "variant", "warehouse"),
        sample=("sku", "warehouse", "on_hand", "available", "source_app"),
        order_by="updated_at",
    ),
    View(
        "frequently_bought_together",
        "Up to ten variants for each one that were on the same orders of the last year.",
        entities=("order", "variant"),
        sample=("sku", "related_sku", "orders", "rank"),
        order_by="orders",
    ),
    View(
        "variant_rating",
        "One row per rated variant with its average over all apps that collect ratings.",
        entities=("variant_rating", "variant"),
        sample=("sku", "rating_count", "average"),
        order_by="rating_count",
    ),
)
