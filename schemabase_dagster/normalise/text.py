"""Text: blank to None, e-mail addresses, names as match keys (canonical-model C1)."""

import hashlib
import html
import re
import unicodedata
from functools import lru_cache

_BLANKS = re.compile(r"\s+")
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+$")


def clean(value: object) -> str | None:
    """Return the trimmed text, or None for null, blank and what is not text."""
    if not isinstance(value, str):
        return None
    return value.strip() or None


def decoded(value: object) -> str | None:
    """Return trimmed text with its HTML entities decoded once; None for blank and for no text."""
    return clean(html.unescape(value)) if isinstance(value, str) else None


def email(value: object) -> str | None:
    """Return the address in lower case and trimmed, or None when it is no address."""
    text = clean(value)
    if text is None or not _EMAIL.match(text):
        return None
    return text.lower()


def sku(value: object) -> str:
    """Return a SKU with outer white space cut and inner runs made one space; case is kept."""
    return _BLANKS.sub(" ", value).strip() if isinstance(value, str) else ""


def number(value: object) -> str | None:
    """Return a document number trimmed, or None when it is blank."""
    return clean(value)


@lru_cache(maxsize=10_000)  # channels and companies come again and again
def normalized_name(value: str) -> str:
    """Return the match key of a name (normalisation v2, canonical-model C1).

    NFKC, case-folded, letters and digits of any script only. Where nothing is left, ``x`` and
    the first 16 hexadecimal digits of the SHA-256 of the NFKC text.
    """
    composed = unicodedata.normalize("NFKC", value)
    kept = "".join(char for char in composed.casefold() if char.isalnum())
    return kept or "x" + hashlib.sha256(composed.encode()).hexdigest()[:16]
