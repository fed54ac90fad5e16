"""Postal addresses: the fingerprint that makes equal addresses one row (canonical-model C1)."""

import hashlib
import re
import unicodedata

from schemabase_dagster.candidate import AddressFields

_BLANKS = re.compile(r"\s+")
_SEPARATOR = "\x1f"


def fingerprint(address: AddressFields) -> bytes:
    """Return the SHA-256 of the normalised fields (address fingerprint v1).

    Two spellings that differ in case, white space or the punctuation of the telephone number
    have the same fingerprint.
    """
    fields = (
        _fold(address.full_name),
        _fold(address.company_name),
        _fold(address.street),
        _fold(address.line2),
        _fold(address.postal_code),
        _fold(address.city),
        _fold(address.region),
        _fold(address.country_code),
        _phone(address.phone),
    )
    return hashlib.sha256(_SEPARATOR.join(("addr1", *fields)).encode()).digest()


def is_empty(address: AddressFields) -> bool:
    """Tell whether no field says anything."""
    return address == _EMPTY


def _fold(text: str | None) -> str:
    if not text:
        return ""
    if text.isascii():
        return " ".join(text.lower().split())
    return _BLANKS.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def _phone(text: str | None) -> str:
    if not text:
        return ""
    digits = "".join(char for char in text if char.isdigit())
    return ("+" if text.lstrip().startswith("+") else "") + digits


_EMPTY = AddressFields()
