"""Carriers: the carrier meant by the free text of a shipping method."""

import re
from functools import lru_cache

_CARRIERS = (
    ("dpd", "dpd"),
    ("dhl", "dhl"),
    ("ups", "ups"),
    ("abholung", "pickup"),
    ("pickup", "pickup"),
    ("pick up", "pickup"),
    ("hermes", "hermes"),
    ("usps", "usps"),
    ("fedex", "fedex"),
    ("bulk", "bulk"),
)
# Whole words only: the reference's substring test made "Groups" a UPS shipment.
_PATTERNS = tuple((re.compile(rf"\b{word}\b", re.IGNORECASE), code) for word, code in _CARRIERS)


@lru_cache(maxsize=1024)  # a shop has a handful of methods
def carrier(method: str | None) -> str:
    """Return the carrier code of a shipping method's name, ``unknown`` when none is named."""
    if method:
        for pattern, code in _PATTERNS:
            if pattern.search(method):
                return code
    return "unknown"
