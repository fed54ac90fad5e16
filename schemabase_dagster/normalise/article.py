"""Articles: weights in grams, names that hold product and variant, chosen attributes."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from pydantic import Field

from schemabase_dagster.normalise.fields import SourceModel, Text
from schemabase_dagster.normalise.text import clean

GRAMS: Final = {
    "G": Decimal(1),
    "KG": Decimal(1000),
    "LB": Decimal("453.59237"),
    "OZ": Decimal("28.349523125"),
    "TONNE": Decimal(1_000_000),
}
"""Grams of one, by the name of the unit in any case."""

_THOUSANDTH = Decimal("0.001")
_NAMES = re.compile(r"^(.*\S)\s+-\s+(\S.*)$", re.DOTALL)


class Picture(SourceModel):
    """A picture as GraphQL APIs of shops list it."""

    url: Text = None
    place: int | None = Field(None, alias="sortOrder")


def grams(value: Decimal | None, unit: str | None) -> Decimal | None:
    """Return a weight in grams with three places; None for no weight and for unknown units."""
    factor = GRAMS.get((unit or "").upper())
    return (value * factor).quantize(_THOUSANDTH) if value and factor else None


def split_name(name: str | None) -> tuple[str | None, str | None]:
    """Return product and variant of an item's name, parted at the last ``-`` between blanks.

    A name without it is the product's, and of the variant nothing is said.
    """
    found = _NAMES.match(name or "")
    return (found.group(1), found.group(2)) if found else (name, None)


def chosen(selected: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    """Return slug -> value, or values, of attributes as GraphQL APIs of shops select them."""
    found: dict[str, Any] = {}
    for each in selected or ():
        slug = (each.get("attribute") or {}).get("slug")
        known = [_value(value) for value in each.get("values") or ()]
        values = [value for value in known if value is not None]
        if slug and values:
            found[slug] = values[0] if len(values) == 1 else values
    return found


def addresses(pictures: Sequence[Picture] | None) -> list[str]:
    """Return the addresses of pictures in their order."""
    ordered = sorted(pictures or (), key=lambda each: each.place or 0)
    return [each.url for each in ordered if each.url]


def noted(metadata: Sequence[Mapping[str, Any]] | None, key: str) -> str | None:
    """Return a value of ``[{key, value}]``, trimmed; None when it is missing or empty."""
    return clean({each.get("key"): each.get("value") for each in metadata or ()}.get(key))


def _value(value: Mapping[str, Any]) -> Any:
    for key in ("boolean", "plainText", "name", "slug"):
        if value.get(key) is not None and value[key] != "":
            return value[key]
    return None
