"""Cluster: the documents of a merchant, the types its fields have, and what it takes."""

from dataclasses import dataclass, field
from typing import Any

import orjson

MAX_CONTENT_BYTES = 100 * 1024 * 1024
"""Elasticsearch's own default of ``http.max_content_length``."""


class MappingError(Exception):
    """A document does not fit the types that its fields have."""


@dataclass(slots=True)
class Index:
    """One data stream: documents by id, and the type of every field that was ever seen."""

    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Cluster:
    """The Elasticsearch side of a merchant.

    Attributes:
        username: of the account that may write.
        password: its password.
        api_key: another way in.
        is_revoked: neither is accepted any more.
        may_write: the account has the right to create documents.
        max_content_bytes: larger requests are answered 413.
        indexes: by name.
    """

    username: str
    password: str
    api_key: str
    is_revoked: bool = False
    may_write: bool = True
    max_content_bytes: int = MAX_CONTENT_BYTES
    indexes: dict[str, Index] = field(default_factory=dict)

    def create(self, index: str, document_id: str, text: bytes) -> bool:
        """Create a document; False when its id is taken.

        Raises:
            MappingError: it does not fit.
        """
        held = self.indexes.setdefault(index, Index())
        if document_id in held.documents:
            return False
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise MappingError("failed to parse") from None
        held.types |= _new_types(document, held.types)
        held.documents[document_id] = document
        return True


def _new_types(value: Any, known: dict[str, str], path: str = "") -> dict[str, str]:
    """Types by path, as dynamic mapping finds them; a clash with a known one refuses it all."""
    found: dict[str, str] = {}
    for each in value if isinstance(value, list) else [value]:
        if each is None:
            continue
        kind = _type(each)
        wanted = known.get(path, kind)
        if path and not _fits(each, wanted):
            raise MappingError(f"failed to parse field [{path}] of type [{wanted}]")
        found[path] = wanted
        if isinstance(each, dict):
            for name, inner in each.items():
                found |= _new_types(inner, known, f"{path}.{name}" if path else name)
    found.pop("", None)
    return found


def _type(value: Any) -> str:
    for kinds, name in (
        (dict, "object"),
        (bool, "boolean"),
        (int, "long"),
        (float, "float"),
    ):
        if isinstance(value, kinds):
            return name
    return "text"


def _fits(value: Any, kind: str) -> bool:
    if (kind == "object") != isinstance(value, dict):
        return False
    if kind in {"long", "float"}:
        try:
            float(value)
        except (TypeError, ValueError):
            return False
    return kind != "boolean" or value in {True, False, "true", "false"}
