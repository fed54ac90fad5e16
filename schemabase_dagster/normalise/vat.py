"""VAT and GST numbers as match keys, however they are typed."""

from typing import Final

LENGTHS: Final = range(8, 16)
"""Of VAT numbers with their country (Luxembourg's to the Netherlands') and of India's GSTIN."""

LEAST_DIGITS: Final = 5


def vat_id(value: str | None) -> str | None:
    """Return a number in capital letters and digits, or None for what cannot be one.

    Check digits are not verified: what counts is that two records say the same. Words and
    placeholders such as ``none`` or ``DE000000000`` must not make two companies one.
    """
    kept = "".join(char for char in (value or "").upper() if char.isascii() and char.isalnum())
    digits = [char for char in kept if char.isdigit()]
    is_number = len(kept) in LENGTHS and len(digits) >= LEAST_DIGITS and len(set(digits)) > 1
    return kept if is_number else None
