"""Entries of Strapi in one shape, whatever version and whichever way they come."""

from typing import Any, Final

SPELLINGS: Final = {
    "created_at": "createdAt",
    "updated_at": "updatedAt",
    "published_at": "publishedAt",
}
"""Names of version 3 -> names since version 4."""


def flat(value: Any) -> Any:
    """Return an entry as a webhook of version 4 has it.

    REST of version 4 puts fields under ``attributes`` and relations under ``data``; version 3
    spells its timestamps otherwise.
    """
    if isinstance(value, list):
        return [flat(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "data" in value and value.keys() <= {"data", "meta"}:
        return flat(value["data"])
    attributes = value.get("attributes")
    if isinstance(attributes, dict) and value.keys() <= {"id", "attributes", "meta"}:
        return {"id": value.get("id"), **flat(attributes)}
    return {SPELLINGS.get(name, name): flat(each) for name, each in value.items()}
