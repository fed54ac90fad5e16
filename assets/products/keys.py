"""Keys by which records of products meet: the SKUs of their variants."""

from schemabase_dagster.normalise.text import sku


def sku_key(value: str | None) -> str | None:
    """Return the key by which products of two systems meet; None without a SKU."""
    known = sku(value)
    return f"sku:{known}" if known else None
