"""Countries: codes and names in any language to ISO 3166-1 alpha-2."""

from functools import cache

import pycountry
from babel import Locale, UnknownLocaleError


def country_code(code: object, name: object = None, language: str = "en") -> str | None:
    """Return the alpha-2 code of a country, or None when neither code nor name is known.

    Args:
        code: a code as the source gives it, in any case.
        name: the country's name; Zoho gives it in the organisation's language.
        language: language of the name, ISO 639-1.
    """
    if isinstance(code, str) and code.strip():
        return _valid_code(code.strip().upper())
    if isinstance(name, str) and name.strip():
        return _by_name(name.strip().casefold(), language.lower())
    return None


def alpha_2(code: str | None) -> str | None:
    """Return what has the form of an alpha-2 code, in capitals; carriers' own codes are kept."""
    text = (code or "").upper()
    is_code = len(text) == 2 and text.isalpha() and text.isascii()  # noqa: PLR2004 - the form
    return text if is_code else None


@cache
def _valid_code(code: str) -> str | None:
    return code if pycountry.countries.get(alpha_2=code) else None


@cache
def _by_name(name: str, language: str) -> str | None:
    known = _names(language).get(name) or _names("en").get(name)
    if known is None and (country := pycountry.countries.get(name=name)):
        known = str(country.alpha_2)
    return known


@cache
def _names(language: str) -> dict[str, str]:
    try:
        territories = Locale.parse(language).territories
    except (UnknownLocaleError, ValueError):
        return {}
    alpha_2 = {country.alpha_2 for country in pycountry.countries}
    return {name.casefold(): code for code, name in territories.items() if code in alpha_2}
