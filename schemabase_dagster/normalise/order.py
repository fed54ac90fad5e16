"""Numbers of orders as systems beside the shop write them."""

from typing import Any


def order_number(value: Any, prefix: str | None) -> str | None:
    """Return the number of an order as the canonical model has it, None when there is none.

    A shop tells others its own number (``1042`` or ``#1042``); its app may put a prefix before it.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    number = str(value).strip().lstrip("#").strip()
    if not number.strip("0"):
        return None
    return f"{prefix}-{number}" if prefix and number.isdecimal() else number
