"""Goods: the key by which two systems' returns of the same articles of an order meet."""

from collections.abc import Iterable
from decimal import Decimal


def goods_key(order_number: str | None, lines: Iterable[tuple[str, Decimal]]) -> str | None:
    """Return the key of some articles of an order, in whatever order they are listed.

    None when the order or an article has no name, or when there is nothing.
    """
    listed = sorted((sku, f"{quantity.normalize():f}") for sku, quantity in lines if quantity)
    if not order_number or not listed or any(not sku for sku, _ in listed):
        return None
    return f"goods:{order_number}:{'+'.join(f'{count}x{sku}' for sku, count in listed)}"
